"""Writing weights piece by piece."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
from docharmony_export import graph
from docharmony_export.graph import BLOCK, Storage, quantize_blocks

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_PIECE", 100)


def test_storage_writes_equal_arrays_once_and_hashes_on_the_way(tmp_path: Path) -> None:
    array = np.arange(35 * 20, dtype=np.float32).reshape(35, 20)
    storage = Storage(tmp_path / "w", align=64)
    tensors = [
        storage.add(array, "a"),
        storage.add(array.T, "b", np.float16),  # another order and another type
        storage.add(array.copy(), "c"),
        storage.add(np.float32(3), "d"),
    ]
    storage.close()
    data = (tmp_path / "w").read_bytes()
    assert storage.sha256 == hashlib.sha256(data).hexdigest()
    assert storage.bytes == len(data)
    places = [{e.key: e.value for e in tensor.external_data} for tensor in tensors]
    assert places[0] == places[2]
    assert len({p["offset"] for p in places}) == 3
    start, length = int(places[1]["offset"]), int(places[1]["length"])
    turned = np.frombuffer(data[start : start + length], np.float16).reshape(20, 35)
    assert np.array_equal(turned, array.T.astype(np.float16))
    assert data[int(places[3]["offset"]) :] == np.float32(3).tobytes()


def test_blocks_of_any_width_are_quantised_row_by_row() -> None:
    matrix = np.random.default_rng(0).standard_normal((9, BLOCK + 5), np.float32)
    codes, scales = quantize_blocks(matrix)
    assert codes.shape == (9, 2, BLOCK)
    assert scales.shape == (9, 2)
    back = ((codes.astype(np.float32) - 128) * scales[..., None]).reshape(9, -1)
    assert np.abs(back[:, : BLOCK + 5] - matrix).max() <= scales.max() / 2 + 1e-6
    assert not back[:, BLOCK + 5 :].any()
