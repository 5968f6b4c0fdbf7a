"""A small builder of ONNX graphs with one weight format per graph.

Writing the graphs by hand, instead of tracing, keeps them small and shape-independent and decides
how every single weight is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET = 23  # RMSNormalization; onnxruntime runs it since 1.23
CONTRIB = "com.microsoft"

Array = npt.NDArray[np.floating]


class Weights(StrEnum):
    """How a graph stores the matrices of its linear layers and convolutions.

    FP32 is the reference. FP16 is cast up when the session loads. INT8 keeps one scale per output
    channel and is also widened at load, so it computes in fp32. DYNAMIC multiplies in int8, with
    the activations quantised on the fly, one scale per tensor.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    DYNAMIC = "int8-dynamic"


class GraphBuilder:
    """Collects nodes and weights; every method returns the name of the value that it adds."""

    def __init__(self, name: str, weights: Weights) -> None:
        self.name, self.weights = name, weights
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

    def constant(self, array: npt.NDArray[np.generic]) -> str:
        """Store an array as it is."""
        name = f"c{len(self._initializers)}"
        self._initializers[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def ints(self, *values: int) -> str:
        """Store a vector of int64, for shapes and axes."""
        return self.constant(np.array(values, np.int64))

    def floats(self, *values: float) -> str:
        """Store a scalar or a vector of float32."""
        return self.constant(np.array(values[0] if len(values) == 1 else values, np.float32))

    def weight(self, array: Array, axis: int | None = None) -> str:
        """Store a weight in the graph's format and return it as float32.

        Args:
            array: the weight.
            axis: the output channel, for one int8 scale each; None keeps small vectors in fp16.
        """
        array = np.ascontiguousarray(array, np.float32)
        if self.weights is Weights.FP32:
            return self.constant(array)
        if axis is None or self.weights is Weights.FP16:
            return self.node("Cast", self.constant(array.astype(np.float16)), to=TensorProto.FLOAT)
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
        else:
            y = self.node("MatMul", x, self.weight(matrix.T, axis=1))
        return y if bias is None else self.node("Add", y, self.weight(bias))

    def _dynamic(self, x: str, matrix: Array) -> str:
        # u8 by u8: the s8 kernel of AVX2 machines without VNNI adds pairs in 16 bits and saturates
        # (relative error 0.7 instead of 0.06 on random matrices).
        if x not in self._quantized:
            code, scale, zero = self.nodes("DynamicQuantizeLinear", x, outputs=3)
            self._quantized[x] = code, scale, zero
        code, scale, zero = self._quantized[x]
        signed, channel_scale = quantize(matrix.T, 1)
        unsigned = (signed.astype(np.int16) + 128).astype(np.uint8)
        return self.node(
            "MatMulIntegerToFloat",
            code,
            self.constant(unsigned),
            scale,
            self.constant(channel_scale),
            zero,
            self.constant(np.full(len(channel_scale), 128, np.uint8)),
            domain=CONTRIB,
        )

    def rms_norm(self, x: str, scale: Array, epsilon: float) -> str:
        """Root-mean-square normalisation over the last axis."""
        return self.node("RMSNormalization", x, self.weight(scale), axis=-1, epsilon=epsilon)

    def layer_norm(self, x: str, scale: Array, bias: Array) -> str:
        """Layer normalisation over the last axis with torch's default epsilon."""
        return self.node(
            "LayerNormalization", x, self.weight(scale), self.weight(bias), axis=-1, epsilon=1e-5
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


def quantize(array: Array, axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Return symmetric int8 codes and one scale per slice along ``axis``."""
    others = tuple(i for i in range(array.ndim) if i != axis)
    scale = np.maximum(np.abs(array).max(axis=others, keepdims=True) / 127, 1e-12)
    codes = np.clip(np.rint(array / scale), -127, 127).astype(np.int8)
    return codes, scale.reshape(-1).astype(np.float32)
