"""What several parts of the published anatomy share: a builder with their blocks, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from onnx import TensorProto

from docharmony.engine.presets import MmfsSpec, ResamplerSpec

from ..graph import CONTRIB, Array, GraphBuilder

F32, I64, BOOL, F64 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.DOUBLE
FAR = -1e4  # added to what must not be looked at; small enough for fp16
_LAST = np.iinfo(np.int64).max


class State(Mapping[str, Array]):
    """Weights below a prefix, as float32, read when asked for.

    Args:
        names: all names of the model.
        read: returns the weight of a name.
    """

    def __init__(
        self, names: Iterable[str], read: Callable[[str], Array], prefix: str = ""
    ) -> None:
        names = names if isinstance(names, dict) else dict.fromkeys(names)  # in order, found fast
        self._names, self._read, self._prefix = names, read, prefix

    def __getitem__(self, name: str) -> Array:
        return self._read(self._prefix + name)

    def __iter__(self) -> Iterator[str]:
        start = len(self._prefix)
        return (name[start:] for name in self._names if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return f"{self._prefix}{name}" in self._names

    def sub(self, prefix: str) -> State:
        """Return the weights below a further prefix, which ends with a dot."""
        return State(self._names, self._read, self._prefix + prefix)


class Blocks(GraphBuilder):
    """A graph builder with the blocks of the published anatomy. B batch, T tokens, C channels."""

    # --- small things ----------------------------------------------------------------------------

    def cast(self, x: str, to: int) -> str:
        """Return ``x`` in another type."""
        return self.node("Cast", x, to=to)

    def to_real(self, x: str) -> str:
        """Return float32 ``x`` in the type that the graph computes in."""
        return x if self.real == F32 else self.cast(x, self.real)

    def to_float(self, x: str) -> str:
        """Return ``x``, of the type that the graph computes in, as float32."""
        return x if self.real == F32 else self.cast(x, F32)

    def number(self, value: float) -> str:
        """Store a float32 scalar, whatever the graph computes in."""
        return self.constant(np.array(value, np.float32))

    def singles(self, array: Array) -> str:
        """Store float32 numbers, whatever the graph computes in."""
        return self.constant(array, np.float32)

    def size(self, x: str, axis: int) -> str:
        """Return one side of a value, int64 (1)."""
        return self.node("Shape", x, start=axis, end=axis + 1)

    def shape(self, *sides: str | int) -> str:
        """Return a shape of known numbers and of int64 (1) values."""
        if all(isinstance(side, int) for side in sides):
            return self.ints(*(side for side in sides if isinstance(side, int)))
        parts = [self.ints(side) if isinstance(side, int) else side for side in sides]
        return self.node("Concat", *parts, axis=0)

    def reshape(self, x: str, *sides: str | int) -> str:
        """Return ``x`` in another shape; 0 keeps a side, -1 is what is left."""
        return self.node("Reshape", x, self.shape(*sides))

    def transpose(self, x: str, *order: int) -> str:
        """Return ``x`` with its axes in another order."""
        return self.node("Transpose", x, perm=order)

    def split(self, x: str, sizes: Sequence[str | int], axis: int) -> list[str]:
        """Return pieces of these sizes."""
        return self.nodes("Split", x, self.shape(*sizes), outputs=len(sizes), axis=axis)

    def cut(self, x: str, start: int, end: int | None, axis: int) -> str:
        """Return ``x[start:end]`` along an axis."""
        stop = _LAST if end is None else end
        return self.node("Slice", x, self.ints(start), self.ints(stop), self.ints(axis))

    def add(self, a: str, b: str) -> str:
        """Return a + b."""
        return self.node("Add", a, b)

    def mul(self, a: str, b: str) -> str:
        """Return a * b."""
        return self.node("Mul", a, b)

    # --- layers ----------------------------------------------------------------------------------

    def dense(self, x: str, w: State, name: str) -> str:
        """Apply the linear layer ``name``, with a bias if it has one."""
        return self.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))

    def norm(self, x: str, w: State, name: str, epsilon: float) -> str:
        """Apply the layer normalisation ``name``."""
        return self.layer_norm(x, w[f"{name}.weight"], w[f"{name}.bias"], epsilon)

    def convolve(self, x: str, w: State, name: str, stride: int = 1, pads: object = None) -> str:
        """Apply the convolution ``name``, by default with "same" padding."""
        kernel = w[f"{name}.weight"]
        bias = [self.weight(w[f"{name}.bias"])] if f"{name}.bias" in w else []
        return self.node(
            "Conv", x, self.weight(kernel, axis=0), *bias, strides=[stride, stride],
            pads=pads or [kernel.shape[2] // 2] * 4,
        )  # fmt: skip

    def group_norm(self, x: str, w: State, name: str, groups: int, epsilon: float) -> str:
        """Normalise groups of channels of maps (B, C, h, w)."""
        flat = self.node("Reshape", x, self.ints(0, groups, -1))
        one, none = self.reals(np.ones(groups)), self.reals(np.zeros(groups))
        flat = self.node("InstanceNormalization", flat, one, none, epsilon=epsilon)
        back = self.node("Reshape", flat, self.node("Shape", x))
        scale, shift = (w[f"{name}.{part}"].reshape(-1, 1, 1) for part in ("weight", "bias"))
        return self.add(self.mul(back, self.reals(scale)), self.reals(shift))

    def attend(self, q: str, k: str, v: str, heads: int, *more: str, outputs: int = 1) -> list[str]:
        """Softmax attention over (B, T, C); ``more`` as in the operator."""
        return self.nodes(
            "MultiHeadAttention", q, k, v, *more, outputs=outputs, domain=CONTRIB, num_heads=heads
        )

    def grow(self, table: Array, height: str, width: str) -> str:
        """Return a square table (side side, C) at another size as float32 (height, width, C), bicubic.

        At its own size it comes back as it is.
        """
        side = round(len(table) ** 0.5)

        def weights(size: str) -> str:  # (size, side): how an axis is made of the table's
            # Resizing is linear, so it is done to a small matrix, and the table is multiplied by it.
            same = self.singles(np.eye(side)[None, None])
            grown = self.node(
                "Resize", same, "", "", self.shape(1, 1, size, side), mode="cubic",
                cubic_coeff_a=-0.75, coordinate_transformation_mode="half_pixel",
            )  # fmt: skip
            return self.reshape(grown, size, side)

        rows = self.node("MatMul", weights(height), self.singles(table.reshape(side, -1)))
        rows = self.reshape(rows, height, side, table.shape[1])
        return self.node("MatMul", weights(width), rows)

    # --- sampled attention -----------------------------------------------------------------------

    def centres(self, height: str, width: str) -> str:
        """Return the centres of all cells as (x, y) from -1 to 1, row by row: float32 (cells, 2)."""
        zero, one = self.constant(np.array(0)), self.constant(np.array(1))

        def along(side: str) -> str:
            index = self.node("Range", zero, self.node("Squeeze", side, self.ints(0)), one)
            place = self.add(self.cast(index, F32), self.number(0.5))
            scaled = self.node("Div", place, self.cast(side, F32))
            return self.node("Sub", self.mul(scaled, self.number(2)), self.number(1))

        grid = self.shape(height, width, 1)
        across = self.node("Expand", self.node("Unsqueeze", along(width), self.ints(0, 2)), grid)
        down = self.node("Expand", self.node("Unsqueeze", along(height), self.ints(1, 2)), grid)
        return self.reshape(self.node("Concat", across, down, axis=2), -1, 2)

    def split_heads(self, values: str, depth: int, height: str, width: str) -> str:
        """Return one level's values (B, h w, H depth) as float32 maps (B H, depth, h, w)."""
        moved = self.to_float(self.transpose(values, 0, 2, 1))
        return self.reshape(moved, -1, depth, height, width)

    def sample(self, maps: Sequence[str], grids: Sequence[str], weights: Sequence[str]) -> str:
        """Return sums (B H, D, T) of what maps show at places, level by level.

        Everything is float32: half precision cannot tell 128 columns apart.

        Args:
            maps: (B H, D, h, w).
            grids: (B H, T, P, 2), as (x, y) from -1 to 1.
            weights: (B H, 1, T, P).
        """
        total = ""
        for level, grid, weight in zip(maps, grids, weights, strict=True):
            read = self.node(
                "GridSample", level, grid, mode="linear", padding_mode="zeros", align_corners=0
            )
            part = self.node("ReduceSum", self.mul(read, weight), self.ints(-1), keepdims=0)
            total = self.add(total, part) if total else part
        return total

    def mmfs(
        self, w: State, spec: MmfsSpec, base: int, query: str, reference: str, maps: Sequence[str],
        seen: str,
    ) -> str:  # fmt: skip
        """Sampled cross-attention to N images: what :class:`Mmfs` of the torch model computes.

        Args:
            w: its weights.
            base: nominal side that offsets relate to.
            query: (k B, T, C). The k rows of one sample stand together and share its maps.
            reference: float32, places from -1 to 1, that broadcasts to (B, k T, N, H, P, 2).
            maps: float32 (B N H, D, h, w), one a level.
            seen: float32 (k B, T, N), 1 where a token sees an image.
        """
        heads, points, levels = spec.heads, spec.points, len(spec.sides)
        shape = self.node("Shape", query)
        images = self.size(seen, 2)
        batch = self.node("Div", self.size(maps[0], 0), self.mul(images, self.ints(heads)))
        query = self.reshape(query, batch, -1, self.size(query, 2))  # (B, T', C)
        seen = self.reshape(seen, batch, -1, images)  # (B, T', N)

        # The latest visible image has rank 1, older ones more, invisible ones 0.
        count = self.node("ReduceSum", seen, self.ints(-1))
        before = self.node("CumSum", seen, self.constant(np.array(-1)))
        rank = self.mul(self.node("Sub", self.add(count, self.number(1)), before), seen)
        table = self.weight(w["query_relpos.weight"])
        place = self.node("Gather", table, self.cast(rank, I64))  # (B, T', N, C)
        q = self.dense(query, w, "dynamic_offset_mask")
        q = self.add(self.node("Unsqueeze", q, self.ints(2)), place)

        offsets = self.to_float(self.dense(q, w, "sampling_offsets"))
        offsets = self.reshape(offsets, 0, 0, 0, heads, points, 2)
        logits = self.to_float(self.dense(q, w, "attention_weights"))
        logits = self.reshape(logits, 0, 0, 0, heads, levels, points + 1)
        hidden = self.mul(self.node("Sub", self.number(1), seen), self.number(-1e4))
        logits = self.add(logits, self.node("Unsqueeze", hidden, self.ints(3, 4, 5)))
        # The last slot stands for "nothing seen": the same weight for every image, seen or not.
        real = self.cut(logits, 0, points, 5)
        nothing = self.node("Log", self.cast(self.mul(images, self.ints(levels)), F32))
        nothing = self.node("Expand", self.node("Neg", nothing),
                            self.shape(batch, self.size(seen, 1), images, heads, levels, 1))  # fmt: skip
        logits = self.node("Concat", real, nothing, axis=5)
        logits = self.transpose(logits, 0, 1, 3, 2, 4, 5)  # (B, T', H, N, L, P + 1)
        flat = self.node("Softmax", self.reshape(logits, 0, 0, 0, -1), axis=-1)
        weights = self.node("Reshape", flat, self.node("Shape", logits))
        weights = self.transpose(weights, 4, 0, 3, 2, 1, 5)  # (L, B, N, H, T', P + 1)

        grids, shares = [], []
        offsets = self.transpose(offsets, 0, 2, 3, 1, 4, 5)  # (B, N, H, T', P, 2)
        reference = self.transpose(reference, 0, 2, 3, 1, 4, 5)
        for level, (side, m) in enumerate(zip(spec.sides, maps, strict=True)):
            size = self.node("Concat", self.size(m, 3), self.size(m, 2), axis=0)
            scale = self.node("Div", self.number(2 * side / base), self.cast(size, F32))
            grid = self.add(self.mul(offsets, scale), reference)
            grids.append(self.reshape(grid, -1, self.size(grid, 3), points, 2))
            share = self.cut(self.cut(weights, level, level + 1, 0), 0, points, 5)
            shares.append(self.reshape(share, -1, 1, self.size(grid, 3), points))
        read = self.sample(maps, grids, shares)  # (B N H, D, T')
        read = self.reshape(read, batch, images, heads, self.size(maps[0], 1), -1)
        read = self.node("ReduceSum", read, self.ints(1), keepdims=0)  # (B, H, D, T')
        ignored = self.node("ReduceSum", self.cut(weights, points, None, 5), self.ints(0, 2, 5),
                            keepdims=0)  # (B, H, T')  # fmt: skip
        token = self.singles(w["ignore_token"].reshape(1, heads, -1, 1))
        read = self.add(read, self.mul(self.node("Unsqueeze", ignored, self.ints(2)), token))
        read = self.reshape(self.transpose(read, 0, 3, 1, 2), 0, 0, spec.values)
        return self.node("Reshape", self.dense(self.to_real(read), w, "output_proj"), shape)

    # --- Q-Former --------------------------------------------------------------------------------

    def resample(self, w: State, spec: ResamplerSpec, tokens: str, bias: str = "") -> str:
        """Return what learned queries (B, Q, C) see in tokens (B, T, C').

        Args:
            bias: (B, 1, Q, T), added to the attention; empty where all may be looked at.
        """
        q = w.sub("blip2qformer.")
        x = self.norm(self.reals(w["queries"]), q, "layernorm", _POST)
        x = self.node("Expand", x, self.shape(self.size(tokens, 0), 1, 1))
        for i in range(spec.layers):
            layer = q.sub(f"encoder.layer.{i}.")
            x = self._post_norm(layer.sub("attention."), spec, x, x)
            if i % spec.cross_every == 0:
                x = self._post_norm(layer.sub("crossattention."), spec, x, tokens, bias)
            h = self.node("Gelu", self.dense(x, layer, "intermediate_query.dense"))
            h = self.dense(h, layer, "output_query.dense")
            x = self.norm(self.add(h, x), layer, "output_query.LayerNorm", _POST)
        return x

    def _post_norm(self, w: State, spec: ResamplerSpec, x: str, tokens: str, bias: str = "") -> str:
        a = w.sub("attention.")
        query, key = self.dense(x, a, "query"), self.dense(tokens, a, "key")
        if spec.qk_norm:
            query = self._per_head(query, a, "q_norm", spec.heads)
            key = self._per_head(key, a, "k_norm", spec.heads)
        more = ("", "", bias) if bias else ()
        y = self.attend(query, key, self.dense(tokens, a, "value"), spec.heads, *more)[0]
        return self.norm(
            self.add(self.dense(y, w, "output.dense"), x), w, "output.LayerNorm", _POST
        )

    def _per_head(self, x: str, w: State, name: str, heads: int) -> str:
        each = self.node("Reshape", x, self.ints(0, 0, heads, -1))
        return self.node("Reshape", self.norm(each, w, name, _POST), self.ints(0, 0, -1))


_POST = 1e-12  # epsilon of the Q-Former's norms
