"""nano's anatomy on torch: what :mod:`docharmony.engine.onnx_parts` does, from safetensors.

A checkpoint has the parts ``vision``, ``heads``, ``language`` and ``image_decoder``, named as in
:class:`docharmony.engine.modeling.nano.Nano`; the heads hold the image decoder's task tokens too.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from ...checkpoint import Manifest
from ...errors import CheckpointIncompatibleError
from ..devices import checked_threads
from ..spec import ModelSpec
from .guard import guarded
from .loading import read_shard, torch_device, torch_dtype
from .nano import Nano

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..parts import Bytes, Floats, Ints

# The locate head's code of an em: 4 * 2 ** (code * 255 / 40) pixels.
_EM = 255 / 40
_TASK = "erase.task"


class TorchNanoParts:
    """Implements :class:`docharmony.engine.parts.NanoParts`; each part is loaded on first use.

    Args:
        manifest: of a checkpoint in safetensors.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        threads: on the CPU; None takes OMP_NUM_THREADS, else all cores allowed.
        dtype: ``auto``, ``float32``, ``float16`` or ``bfloat16``.
        compiled: compile the vision encoder and the image decoder when they are first run; the
            language model's shapes change with every call.

    Raises:
        EngineError: the device is not there.
        CheckpointIncompatibleError: the checkpoint is of another anatomy.
    """

    workers = 1  # torch shares each operation out among all cores
    places = 2560

    def __init__(
        self,
        manifest: Manifest,
        *,
        device: str = "auto",
        threads: int | None = None,
        dtype: str = "auto",
        compiled: bool = False,
    ) -> None:
        if not isinstance(manifest.spec, ModelSpec):
            raise CheckpointIncompatibleError(
                "cannot run this checkpoint",
                where=str(manifest.path),
                why="it is of the published anatomy",
            )
        self._manifest, self._spec = manifest, manifest.spec
        self.device = torch_device(device)
        self.dtype = torch_dtype(dtype, manifest, self.device)
        if self.device.type == "cpu":
            torch.set_num_threads(checked_threads(threads))
        self._model = Nano(manifest.spec).eval().requires_grad_(False).to(self.device)
        if compiled:
            for layer in self._model.vision.transformer.layers:
                layer.compile(dynamic=True)
            self._model.image_decoder.compile(dynamic=True)
        self._loaded: set[str] = set()
        self._lock = threading.Lock()

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the parts that are in memory."""
        return frozenset(self._loaded)

    @guarded
    def read_lines(self, pixels: Bytes) -> tuple[Floats, Floats]:
        """Run lines (B, 48, W, 3) through encoder and read head."""
        model = self._with("vision", "heads")
        columns = model.columns(self._pixels(pixels))
        return _floats(model.heads.proj(columns)), _floats(model.ctc(columns).log_softmax(-1))

    @guarded
    def map_lines(self, pixels: Bytes, cells: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Run whole tiles (B, H, W, 3) through encoder and locate head -> (B, 2, H/4, W/4)."""
        kernel, code = (
            self._with("vision", "heads").locate(self._pixels(pixels)).float().split(1, 1)
        )
        return _floats(torch.cat([kernel.sigmoid(), code * _EM], 1))

    @guarded
    def language(
        self, visual: Floats, ids: Ints, positions: Ints, bias: Floats, cache: Any
    ) -> tuple[Floats, Any]:
        """Run the language model; see :class:`docharmony.engine.parts.NanoParts`."""
        llm = self._with("language").llm
        cache = DynamicCache() if cache is None else cache
        embedded = llm.get_input_embeddings()(self._tensor(ids))
        hidden = llm.model(
            inputs_embeds=torch.cat([self._tensor(visual).to(embedded.dtype), embedded], 1),
            attention_mask=self._tensor(bias).to(embedded.dtype),
            position_ids=self._tensor(positions),
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        logits: Tensor = llm.lm_head(hidden[:, visual.shape[1] :])
        return _floats(logits.float().log_softmax(-1)), cache

    def select(self, cache: Any, rows: npt.NDArray[np.bool_]) -> Any:
        """Return the cache of some of the rows."""
        cache.batch_select_indices(self._tensor(np.flatnonzero(rows)))
        return cache

    def answer_language(
        self,
        ids: npt.NDArray[np.int64],
        positions: npt.NDArray[np.int64],
        bias: npt.NDArray[np.float32],
        wanted: npt.NDArray[np.int64],
        cache: Any,
    ) -> tuple[npt.NDArray[np.float32], Any]:
        """Raise CheckpointIncompatibleError: in safetensors no checkpoint has this part."""
        raise CheckpointIncompatibleError(
            "cannot answer questions with these weights",
            where=str(self._manifest.path),
            why="the language model for questions runs on onnxruntime alone",
            hint="choose a checkpoint in ONNX, such as small",
        )

    @guarded
    def paint(self, pixels: Bytes, mask: Bytes) -> Bytes:
        """Paint where mask (B, H, W) is 1 in pixels (B, H, W, 3); sides divisible by 16."""
        model = self._with("heads", "image_decoder")
        hole = self._tensor(mask)[:, None].to(self.dtype)
        painted = model.erase(self._pixels(pixels), hole).float()
        painted = ((painted + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)
        out: Bytes = np.where(mask[..., None] > 0, painted.cpu().numpy(), pixels)
        return out

    def _with(self, *names: str) -> Nano:
        """Return the model after loading these parts.

        Raises:
            CheckpointCorruptError: a file is cut short or altered.
            CheckpointIncompatibleError: keys or shapes are not those of the spec.
        """
        with self._lock:
            for name in names:
                if name not in self._loaded:
                    self._load(name)
                    self._loaded.add(name)
        return self._model

    def _load(self, name: str) -> None:
        model = self._model
        part = self._manifest.part(name)
        if name == "heads":
            wanted = {**model.heads.state_dict(), _TASK: model.task}
            state = read_shard(part, wanted, self.device, self.dtype)
            model.task.data = state.pop(_TASK)
            model.heads.load_state_dict(state, assign=True)
            return
        target = {
            "vision": model.vision,
            "language": model.llm,
            "image_decoder": model.image_decoder,
        }
        module = target[name]
        wanted = module.state_dict()
        wanted.pop("lm_head.weight", None)  # the output layer is the embedding
        state = read_shard(part, wanted, self.device, self.dtype)
        module.load_state_dict(state, strict=False, assign=True)
        if name == "language":
            model.llm.tie_weights()

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _pixels(self, pixels: Bytes) -> Tensor:
        """Return images (B, 3, H, W) in -1..1 of bytes (B, H, W, 3)."""
        return (self._tensor(pixels).float() / 127.5 - 1).to(self.dtype).permute(0, 3, 1, 2)


def _floats(values: Tensor) -> Floats:
    out: Floats = values.float().cpu().numpy()
    return out
