"""Every node of an exported graph has a kernel of onnxruntime on CUDA: none falls back to the CPU.

A node is run on CUDA only where a kernel is registered from exactly the version of its operator, or for
a range that holds it; otherwise the data travels to the CPU and back, at every step. That can be read
off the graphs without a GPU.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("diffusers")

from docharmony_export import published  # noqa: E402
from docharmony_export.published.source import open_weights  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.timeout(300)]

# Operators with the version that a kernel serves, as onnxruntime lists them for its
# CUDAExecutionProvider (docs/OperatorKernels.md of its sources, 1.23 and later).
KERNELS = {
    "Add": 14, "Cast": 19, "Clip": 13, "Concat": 13, "Conv": 11, "ConvTranspose": 11, "Cos": 7,
    "CumSum": 14, "DequantizeLinear": 19, "Div": 14, "Equal": 19, "Expand": 13, "Gather": 13,
    "Gelu": 20, "GridSample": 20, "Identity": 19, "InstanceNormalization": 6,
    "LayerNormalization": 17, "Log": 13, "MatMul": 13, "MaxPool": 12, "Mul": 14, "Neg": 13,
    "Range": 11, "ReduceSum": 13, "Relu": 14, "Reshape": 19, "Resize": 19, "Shape": 19, "Sin": 7,
    "Slice": 13, "Softmax": 13, "Split": 18, "Squeeze": 13, "Sub": 14, "Tile": 13, "Transpose": 13,
    "Unsqueeze": 13, "Where": 16,
}  # fmt: skip
OWN = {"MatMulNBits", "MultiHeadAttention", "QuickGelu", "RotaryEmbedding"}


@pytest.mark.parametrize("precision", published.FORMATS)
@pytest.mark.parametrize("part", published.PARTS)
def test_every_node_has_a_kernel(
    checkpoint: Path, tmp_path: Path, part: str, precision: str
) -> None:
    state, spec = open_weights(checkpoint)
    path, _ = published.write(part, state, spec, published.FORMATS[precision], tmp_path)
    graph = onnx.load(path, load_external_data=False)
    opset = {entry.domain: entry.version for entry in graph.opset_import}[""]
    for node in graph.graph.node:
        if node.domain == "com.microsoft":
            assert node.op_type in OWN
        elif node.op_type != "SimplifiedLayerNormalization":  # onnxruntime's, of version 1
            version = onnx.defs.get_schema(node.op_type, opset).since_version
            assert KERNELS.get(node.op_type) == version, (node.op_type, version)
