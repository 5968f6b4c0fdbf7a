"""Turns an exported checkpoint back into a model that can be trained on.

The export decides where each weight goes in a graph: transposed, reshaped, scaled. It is not
repeated here backwards. Instead the export runs once more, on weights that are their own serial
numbers, and the graph that comes out says at which place which weight stands; the checkpoint's graph
has its stored value at the same place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import torch
from docharmony_export import parts
from docharmony_export.graph import Weights
from docharmony_export.unet import image_decoder
from onnx import numpy_helper

from docharmony.engine.modeling.nano import UNET, Nano
from docharmony.errors import CheckpointIncompatibleError

if TYPE_CHECKING:
    from docharmony.checkpoint import Manifest

Array = npt.NDArray[np.float32]

_FIRST = 4096  # serial numbers start above every small constant of a graph
_SCALES = (1.0, 127.5)  # the patch kernel is stored with the normalisation of pixels folded in
# What graphs of opset 23, as the bundled ones are, call otherwise than those that are built now.
_RENAMED = {"RMSNormalization": "SimplifiedLayerNormalization"}


def restore(manifest: Manifest, unet: Mapping[str, Any] = UNET) -> Nano:
    """Return the model of an exported checkpoint, its weights dequantised.

    What the export drops starts anew: the image decoder's kernel for noisy images from zero, the
    task tokens of other tasks from that of erasing.

    Raises:
        CheckpointIncompatibleError: a graph is not as this export writes it.
        CheckpointCorruptError: a file is not what the manifest says.
    """
    spec = manifest.spec
    model = Nano(spec, unet).eval()
    heads = _Numbers.of(model.heads)
    jobs: list[tuple[str, torch.nn.Module, _Numbers, Callable[[], onnx.ModelProto]]] = []
    for name, module, build in (
        ("vision", model.vision, parts.vision),
        ("language", model.llm, parts.language),
    ):
        numbers = _Numbers.of(module)
        jobs.append((name, module, numbers, _later(build, numbers.state, spec)))
    jobs.append(("read_head", model.heads, heads, _later(parts.read_head, heads.state, spec)))
    jobs.append(("locate_head", model.heads, heads, _later(parts.locate_head, heads.state, spec)))

    found: dict[int, dict[str, Array]] = {}
    for name, module, numbers, build_part in jobs:
        stored = onnx.load(manifest.part(name).path)
        values = _match(build_part(), stored, numbers, name)
        found.setdefault(id(module), {}).update(values)
    for module in (model.vision, model.llm, model.heads):
        _fill(module, found[id(module)], optional=("lm_head.weight",))
    _restore_image_decoder(model, manifest)
    return model


def _restore_image_decoder(model: Nano, manifest: Manifest) -> None:
    decoder = model.image_decoder
    numbers = _Numbers.of(decoder)
    # The task token gets numbers after those of the decoder's own weights.
    token = np.arange(model.task.shape[-1], dtype=np.float32) + numbers.end
    ranges = {**numbers.ranges, "task": (numbers.end, tuple(token.shape))}
    numbered = _Numbers(numbers.state, ranges, numbers.end + len(token))
    with tempfile.TemporaryDirectory() as folder:
        _fill(decoder, numbers.state)
        decoder.save_pretrained(folder)
        pattern = image_decoder(Path(folder), token[None], Weights.FP32)
    stored = onnx.load(manifest.part("image_decoder").path)
    values = _match(pattern, stored, numbered, "image_decoder", partial=("conv_in.weight",))
    model.task.data[:] = torch.from_numpy(values.pop("task"))
    _fill(decoder, values)


class _Numbers(NamedTuple):
    """A state dict whose every element is a number of its own.

    Attributes:
        state: arrays of numbers, exact in float32.
        ranges: first number and shape by name.
        end: the number after the last.
    """

    state: Mapping[str, Array]
    ranges: Mapping[str, tuple[int, tuple[int, ...]]]
    end: int

    @classmethod
    def of(cls, module: torch.nn.Module) -> _Numbers:
        """Number the parameters of a module; shared ones once."""
        state, ranges, first = {}, {}, _FIRST
        for name, value in module.named_parameters():
            shape = tuple(value.shape)
            state[name] = np.arange(first, first + value.numel(), dtype=np.float32).reshape(shape)
            ranges[name] = (first, shape)
            first += value.numel()
        if first >= 1 << 24:
            raise CheckpointIncompatibleError(
                "the model is too large to be restored",
                why="serial numbers must be exact in 32-bit floats",
                hint="Start from the weights of a run instead.",
            )
        return cls(state, ranges, first)

    def owner(self, array: Array) -> tuple[str, npt.NDArray[np.int64], float] | None:
        """Return the weight whose numbers an array holds, their places in it, and the scale."""
        if array.size < 2:
            return None
        for scale in _SCALES:
            exact = array.astype(np.float64).ravel() * scale
            numbers = np.rint(exact).astype(np.int64)
            if np.abs(exact - numbers).max() > 0.1:
                continue
            low, high = int(numbers.min()), int(numbers.max())
            for name, (first, shape) in self.ranges.items():
                if first <= low and high < first + int(np.prod(shape)):
                    # Each number once: a constant of the graph would repeat itself.
                    once = np.bincount(numbers - low).max() == 1
                    return (name, numbers - first, scale) if once else None
        return None


def _later(build: Callable[..., onnx.ModelProto], *arguments: Any) -> Callable[[], Any]:
    return lambda: build(*arguments, Weights.FP32)


def _match(
    pattern: onnx.ModelProto,
    stored: onnx.ModelProto,
    numbers: _Numbers,
    part: str,
    partial: tuple[str, ...] = (),
) -> dict[str, Array]:
    """Return the stored value of every weight that the pattern shows."""
    ours = [(key, found) for key, array in _operands(pattern) if (found := numbers.owner(array))]
    keys = {key for key, _ in ours}
    theirs = [(key, array) for key, array in _operands(stored) if key in keys]
    # Constants may be folded differently by another version of the tracer; weights keep their order.
    if [key for key, _ in ours] != [key for key, _ in theirs]:
        raise _foreign(part)
    values: dict[str, Array] = {}
    seen: dict[str, npt.NDArray[np.bool_]] = {}
    for (_, (name, places, scale)), (_, value) in zip(ours, theirs, strict=True):
        flat = values.setdefault(name, np.zeros(numbers.ranges[name][1], np.float32)).reshape(-1)
        flat[places] = value.ravel() * scale
        seen.setdefault(name, np.zeros(flat.shape, bool))[places] = True
    if any(not hit.all() for name, hit in seen.items() if name not in partial):
        raise _foreign(part)
    return values


def _operands(model: onnx.ModelProto) -> list[tuple[tuple[str, int, tuple[int, ...]], Array]]:
    """Return the float arrays that nodes read, widened to float32, in the order of the nodes.

    Each comes with its key: the node's operator, the place among its inputs, the array's shape.
    """
    values = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    found = []
    for node in model.graph.node:
        known = [values[name] for name in node.input if name in values]
        if node.op_type == "DequantizeLinear" and len(known) == len(node.input):
            axis = next(a.i for a in node.attribute if a.name == "axis")
            sides = [-1 if i == axis else 1 for i in range(known[0].ndim)]
            values[node.output[0]] = known[0].astype(np.float32) * known[1].reshape(sides)
        elif node.op_type == "Cast" and known and known[0].dtype == np.float16:
            values[node.output[0]] = known[0].astype(np.float32)
        elif node.op_type == "Identity" and known:  # the tracer shares equal weights so
            values[node.output[0]] = known[0]
        else:
            for place, name in enumerate(node.input):
                array = values.get(name)
                if array is not None and array.dtype == np.float32 and array.size > 1:
                    operator = _RENAMED.get(node.op_type, node.op_type)
                    found.append(((operator, place, array.shape), array))
    return found


def _fill(
    module: torch.nn.Module, values: Mapping[str, Array], optional: tuple[str, ...] = ()
) -> None:
    """Set all parameters of a module; those that share memory need one value."""
    missing = []
    for name, parameter in module.named_parameters():
        if name in values:
            parameter.data = torch.from_numpy(np.array(values[name], np.float32))
        elif name not in optional:
            missing.append(name)
    if missing:
        raise _foreign(missing[0])


def _foreign(part: str) -> CheckpointIncompatibleError:
    return CheckpointIncompatibleError(
        "cannot train on this checkpoint",
        where=part,
        why="its graph is not as this version exports it",
        hint="Start from the weights of a run, or from a checkpoint of this version.",
    )
