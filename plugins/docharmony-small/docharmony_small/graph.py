"""A few lines around onnx.helper: nodes and constants are added, names come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

OPSET = 23  # Attention and RMSNormalization
CONTRIB = "com.microsoft"
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """Collects the nodes and constants of one graph."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        """Declare an input; a string in ``shape`` is a free dimension."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str]) -> None:
        """Declare a float output."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, FLOAT, shape))

    def constant(self, array: npt.ArrayLike) -> str:
        """Store an array as it is."""
        name = f"c{len(self._constants)}"
        value = np.asarray(array, order="C")
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def ints(self, *values: int) -> str:
        """Store a vector of int64, for shapes and axes."""
        return self.constant(np.array(values, np.int64))

    def half(self, array: npt.ArrayLike) -> str:
        """Store an array in half precision and return it as float32."""
        return self.node("Cast", self.constant(np.asarray(array, np.float16)), to=FLOAT)

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node and return its only output."""
        return self.nodes(op, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(
        self, op: str, *inputs: str, outputs: int, domain: str = "", **attributes: object
    ) -> list[str]:
        """Add a node and return its outputs."""
        names = [f"v{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names

    def serialize(self) -> bytes:
        """Return the model's file."""
        graph = helper.make_graph(
            self._nodes, self.name, self._inputs, self._outputs, self._constants
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)],
            ir_version=11,
            producer_name="docharmony-small",
        )
        content: bytes = model.SerializeToString(deterministic=True)
        return content
