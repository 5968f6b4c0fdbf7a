"""The image decoder as an ONNX graph: diffusers' UNet2DConditionModel, traced by torch."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch.nn import functional

from .graph import Array, Weights, quantize


class BlankEraser(torch.nn.Module):
    """The one-step eraser that never sees what lies under the mask.

    Trained as flow matching to the clean image; at t = 1 from x_t = 0 one step is deterministic.
    The mask is applied here, inside the graph, so that no caller can feed it the hidden pixels.
    """

    def __init__(self, path: Path, task: Array) -> None:
        super().__init__()
        from diffusers import UNet2DConditionModel

        self.unet = UNet2DConditionModel.from_pretrained(path, torch_dtype=torch.float32).eval()
        # Input channels are pixel-unshuffled [x_t (3), image (3), mask (1)]; x_t is zero.
        first = self.unet.conv_in
        slim = torch.nn.Conv2d(16, first.out_channels, 3, padding=1)
        slim.weight.data, slim.bias.data = first.weight.data[:, 12:], first.bias.data
        self.unet.conv_in = slim
        self.register_buffer("task", torch.from_numpy(task.astype(np.float32))[None])  # (1, 1, D)

    def forward(self, pixels: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """uint8 pixels (B, H, W, 3) and mask (B, H, W), 1 = paint -> uint8 (B, H, W, 3)."""
        hole = mask.float()[:, None]  # (B, 1, H, W)
        seen = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1) * (1 - hole)
        x = functional.pixel_unshuffle(torch.cat([seen, hole], 1), 2)
        time = torch.full((1,), 999.0)
        x = self.unet(x, time, encoder_hidden_states=self.task.expand(x.shape[0], -1, -1)).sample
        painted = (seen + functional.pixel_shuffle(x, 2)).clamp(-1, 1)
        painted = ((painted + 1) * 127.5).round().permute(0, 2, 3, 1).to(torch.uint8)
        return torch.where(mask[..., None] > 0, painted, pixels)


def image_decoder(path: Path, task: Array, weights: Weights) -> ModelProto:
    """Trace the eraser with free batch and sides (multiples of 16) and store its weights small."""
    module = BlankEraser(path, task).eval()
    pixels = torch.zeros(2, 96, 128, 3, dtype=torch.uint8)
    mask = torch.zeros(2, 96, 128, dtype=torch.uint8)
    buffer = io.BytesIO()
    axes = {0: "batch", 1: "height", 2: "width"}
    with torch.no_grad(), warnings.catch_warnings():
        # That checks of shapes are not traced: sides are multiples of 16, as they demand.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module, (pixels, mask), buffer, dynamo=False, opset_version=18,
            input_names=["pixels", "mask"], output_names=["painted"],
            dynamic_axes=dict.fromkeys(("pixels", "mask", "painted"), axes),
        )  # fmt: skip
    return shrink(onnx.load_model_from_string(buffer.getvalue()), weights)


def shrink(model: ModelProto, weights: Weights) -> ModelProto:
    """Store the large float initialisers of a traced graph in fp16 or int8, widened at load."""
    if weights is Weights.FP32:
        return model
    channel = {}  # weight -> axis of the output channel
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul") and len(node.input) > 1:
            channel[node.input[1]] = 1 if node.op_type == "MatMul" else 0
    kept, added = [], []
    for item in model.graph.initializer:
        array = numpy_helper.to_array(item)
        if array.dtype != np.float32 or array.size < 64:
            kept.append(item)
        elif weights is Weights.FP16 or item.name not in channel or array.ndim < 2:
            source = item.name + "_fp16"
            kept.append(numpy_helper.from_array(array.astype(np.float16), source))
            added.append(helper.make_node("Cast", [source], [item.name], to=TensorProto.FLOAT))
        else:
            axis = channel[item.name]
            codes, scale = quantize(array, axis)
            names = [item.name + "_int8", item.name + "_scale"]
            kept += [
                numpy_helper.from_array(a, n) for a, n in zip((codes, scale), names, strict=True)
            ]
            added.append(helper.make_node("DequantizeLinear", names, [item.name], axis=axis))
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = added + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
