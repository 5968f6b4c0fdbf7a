"""A small builder of ONNX graphs with one weight format per graph.

Writing the graphs by hand, instead of tracing, keeps them small and shape-independent and decides
how every single weight is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

# The last one of which onnxruntime has every operator used here on CUDA too: of ConvTranspose, Cos,
# InstanceNormalization, MaxPool and Sin it has no version 22 there, and would run them on the CPU.
OPSET = 20
CONTRIB = "com.microsoft"

BLOCK = 32  # weights that share a scale with Weights.BLOCKS
_PAGE = 4096
_STORED = 1024  # bytes; smaller arrays stay in the graph
# Numbers that are brought into another type or order at a time. What fits the processor's cache and
# memory that was used before takes a fifth (fp16) to a tenth (int8) of the time of whole matrices.
_PIECE = 1 << 19

Array = npt.NDArray[np.floating]


class Weights(StrEnum):
    """How a graph stores the matrices of its linear layers and convolutions.

    FP32 is the reference. FP16 is cast up when the session loads. INT8 keeps one scale per output
    channel and is also widened at load, so it computes in fp32. DYNAMIC has the same weights and
    multiplies in int8, with the activations quantised on the fly, one scale per tensor; CPUs alone.

    The larger parts of the published model must not be widened. HALF also computes in fp16. BLOCKS
    keeps the matrices of linear layers as int8 with one scale per 32 weights, in memory too, and
    multiplies them with activations quantised in blocks; its convolutions are as with INT8.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    DYNAMIC = "int8-dynamic"
    HALF = "fp16-compute"
    BLOCKS = "int8-blocks"


class Storage:
    """A file of weights beside a graph, written while the graph is built.

    A graph's own file must stay below 2 GB, and so nothing large is ever held in memory twice.
    Several graphs may share a file: equal arrays are written once.

    Attributes:
        path: of the file; graph and file must stay in one folder.
        bytes: written so far.
    """

    def __init__(self, path: Path, align: int = _PAGE) -> None:
        self.path, self.bytes, self.align = path, 0, align
        self._stream = path.open("wb")
        self._places: dict[bytes, int] = {}
        self._digest = hashlib.sha256()

    def add(
        self, array: npt.NDArray[np.generic], name: str, dtype: npt.DTypeLike = None
    ) -> TensorProto:
        """Write an array, unless an equal one was, and return what stands for it in the graph.

        Args:
            array: in any order of memory; written row by row, a piece at a time.
            dtype: to be stored as; None keeps the array's.
        """
        dtype = np.dtype(array.dtype if dtype is None else dtype)
        # Whole pages, so that the runtime can map what it does not rearrange.
        start = -(-self.bytes // self.align) * self.align
        one, whole = hashlib.sha256(), self._digest.copy()
        gap = bytes(start - self.bytes)
        self._stream.write(gap)
        whole.update(gap)
        for piece in _pieces(array):
            raw = memoryview(piece.astype(dtype, order="C", copy=False).reshape(-1).view(np.uint8))
            self._stream.write(raw)
            one.update(raw)
            whole.update(raw)
        length = array.size * dtype.itemsize
        place = self._places.setdefault(one.digest(), start)
        if place == start:
            self.bytes, self._digest = start + length, whole
        else:
            self._stream.truncate(self._stream.seek(self.bytes))
        tensor = TensorProto(
            name=name, dims=array.shape, data_type=helper.np_dtype_to_tensor_dtype(dtype),
            data_location=TensorProto.EXTERNAL,
        )  # fmt: skip
        where = {"location": self.path.name, "offset": str(place), "length": str(length)}
        for key, value in where.items():
            tensor.external_data.add(key=key, value=value)
        return tensor

    def take(self, model: ModelProto) -> None:
        """Move the larger arrays of a finished graph into the file."""
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= _STORED:
                tensor.CopyFrom(self.add(numpy_helper.to_array(tensor), tensor.name))

    @property
    def sha256(self) -> str:
        """Hash of what was written."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Finish the file."""
        self._stream.close()


class GraphBuilder:
    """Collects nodes and weights; every method returns the name of the value that it adds.

    Args:
        storage: takes the larger weights; None keeps all in the graph.
    """

    def __init__(self, name: str, weights: Weights, storage: Storage | None = None) -> None:
        self.name, self.weights, self.storage = name, weights, storage
        self.real = TensorProto.FLOAT16 if weights is Weights.HALF else TensorProto.FLOAT
        self._nodes: list[object] = []
        self._initializers: dict[str, object] = {}
        self._inputs: list[object] = []
        self._outputs: list[object] = []
        self._quantized: dict[str, tuple[str, str, str]] = {}

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        """Declare a graph input; a string in ``shape`` is a free dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: int, shape: Sequence[int | str]) -> None:
        """Declare ``value`` as the graph output ``name``."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def constant(self, array: npt.NDArray[np.generic], dtype: npt.DTypeLike = None) -> str:
        """Store an array, as it is or in another type."""
        name = f"c{len(self._initializers)}"
        dtype = np.dtype(array.dtype if dtype is None else dtype)
        if self.storage is not None and array.size * dtype.itemsize >= _STORED:
            self._initializers[name] = self.storage.add(array, name, dtype)
        else:
            array = array.astype(dtype, order="C", copy=False)
            self._initializers[name] = numpy_helper.from_array(array, name)
        return name

    def ints(self, *values: int) -> str:
        """Store a vector of int64, for shapes and axes."""
        return self.constant(np.array(values, np.int64))

    def floats(self, *values: float) -> str:
        """Store a scalar or a vector of the type that the graph computes in."""
        return self.reals(np.array(values[0] if len(values) == 1 else values))

    def reals(self, array: npt.NDArray[np.generic]) -> str:
        """Store an array in the type that the graph computes in."""
        half = self.real == TensorProto.FLOAT16
        return self.constant(array, np.float16 if half else np.float32)

    def weight(self, array: Array, axis: int | None = None) -> str:
        """Store a weight in the graph's format and return it in the type that the graph computes in.

        Args:
            array: the weight.
            axis: the output channel, for one int8 scale each; None keeps small vectors in fp16.
        """
        if self.weights in (Weights.FP32, Weights.HALF):
            return self.reals(array)
        if axis is None or self.weights is Weights.FP16:
            return self.node("Cast", self.constant(array, np.float16), to=TensorProto.FLOAT)
        codes, scale = quantize(array, axis)
        return self.node("DequantizeLinear", self.constant(codes), self.constant(scale), axis=axis)

    def node(
        self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: object
    ) -> str:
        """Add a node with one output that matters and return its name."""
        return self.nodes(op, *inputs, outputs=outputs, domain=domain, **attributes)[0]

    def nodes(
        self, op: str, *inputs: str, outputs: int, domain: str = "", **attributes: object
    ) -> list[str]:
        """Add a node and return the names of its outputs."""
        names = [f"v{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names

    def linear(self, x: str, matrix: Array, bias: Array | None = None) -> str:
        """Multiply the last axis of ``x`` by ``matrix`` (out, in), as torch.nn.Linear stores it."""
        if self.weights is Weights.DYNAMIC:
            y = self._dynamic(x, matrix)
        elif self.weights is Weights.BLOCKS:
            y = self._blocks(x, matrix)
        else:
            y = self.node("MatMul", x, self.weight(matrix.T, axis=1))
        return y if bias is None else self.node("Add", y, self.weight(bias))

    def _dynamic(self, x: str, matrix: Array) -> str:
        # Signed weights: on CPUs with VNNI a third of the time of fp32 (2560 x 320 by 320 x 864 on
        # one core: 1.7 ms, unsigned 3.9, fp32 5.9). Where VNNI is missing their sums could saturate;
        # the runtime is told to make them unsigned there (docharmony.engine.graphs).
        if x not in self._quantized:
            code, scale, zero = self.nodes("DynamicQuantizeLinear", x, outputs=3)
            self._quantized[x] = code, scale, zero
        code, scale, zero = self._quantized[x]
        signed, channel_scale = quantize(matrix.T, 1)
        return self.node(
            "MatMulIntegerToFloat",
            code,
            self.constant(signed),
            scale,
            self.constant(channel_scale),
            zero,
            self.constant(np.zeros(len(channel_scale), np.int8)),
            domain=CONTRIB,
        )

    def _blocks(self, x: str, matrix: Array) -> str:
        codes, scale = quantize_blocks(matrix)
        return self.node(
            "MatMulNBits", x, self.constant(codes), self.constant(scale), domain=CONTRIB,
            K=matrix.shape[1], N=matrix.shape[0], bits=8, block_size=BLOCK,
            # Activations in int8: on one core .07 ms instead of 6.8 for 2048 x 2048 at one token
            # (fp32 .4), and 0.8 % error of random matrices instead of 0.5.
            accuracy_level=4,
        )  # fmt: skip

    def rms_norm(self, x: str, scale: Array, epsilon: float) -> str:
        """Root-mean-square normalisation over the last axis."""
        # onnxruntime's own operator in the standard domain: ONNX has one from opset 23 on.
        return self.node(
            "SimplifiedLayerNormalization", x, self.weight(scale), axis=-1, epsilon=epsilon
        )

    def layer_norm(self, x: str, scale: Array, bias: Array, epsilon: float = 1e-5) -> str:
        """Layer normalisation over the last axis, by default with torch's epsilon."""
        return self.node(
            "LayerNormalization", x, self.weight(scale), self.weight(bias), axis=-1, epsilon=epsilon
        )

    def silu(self, x: str) -> str:
        """``x * sigmoid(x)``."""
        return self.node("QuickGelu", x, domain=CONTRIB, alpha=1.0)

    def conv(self, x: str, matrix: Array, bias: Array, *, stride: int = 1) -> str:
        """2-D convolution with "same" padding."""
        pad = matrix.shape[2] // 2
        return self.node(
            "Conv", x, self.weight(matrix, axis=0), self.weight(bias),
            strides=[stride, stride], pads=[pad] * 4,
        )  # fmt: skip

    def dims(self, x: str) -> list[str]:
        """Return one scalar per axis of a rank-3 or rank-4 value (asks for four, drops none)."""
        shape = self.node("Shape", x)
        return [self.node("Gather", shape, self.constant(np.array(i))) for i in range(4)]

    def stack(self, *scalars: str) -> str:
        """Concatenate int64 scalars to a shape."""
        parts = [self.node("Unsqueeze", s, self.ints(0)) for s in scalars]
        return self.node("Concat", *parts, axis=0)

    def model(self) -> ModelProto:
        """Return the finished model."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, list(self._initializers.values())
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
            ir_version=11,
            producer_name="docharmony-export",
        )


def quantize_blocks(
    matrix: Array,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Return a matrix (out, in) as codes (out, blocks, BLOCK) around 128 and scales (out, blocks)."""
    rows, columns = matrix.shape
    count = -(-columns // BLOCK)
    codes = np.empty((rows, count, BLOCK), np.uint8)
    scales = np.empty((rows, count), np.float32)
    start = 0
    for piece in _pieces(matrix):
        end = start + len(piece)
        padded = np.zeros((len(piece), count * BLOCK), np.float32)
        padded[:, :columns] = piece
        blocks = padded.reshape(-1, count, BLOCK)
        scale = np.maximum(np.abs(blocks).max(2) / 127, 1e-12)
        blocks /= scale[..., None]
        np.rint(blocks, out=blocks)
        blocks += 128
        codes[start:end], scales[start:end] = blocks, scale
        start = end
    return codes, scales


def _pieces(array: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """Yield the rows of an array, some at a time."""
    if array.ndim == 0:
        yield array
        return
    rows = max(1, _PIECE * len(array) // max(1, array.size))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def quantize(array: Array, axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return symmetric int8 codes and one scale per slice along ``axis``."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    scale = np.maximum(np.abs(array).max(axis=others, keepdims=True) / 127, 1e-12)
    codes = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
    return codes, scale.reshape(-1).astype(np.float32)
