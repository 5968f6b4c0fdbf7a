"""Apply approved edits: what stands under them is gone from the output, for good.

The secret never leaves the parsing child: it blanks first and hands out crops that are blank under the
edits; the painter, which may be a network, sees only those.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import UnsupportedError, UsageError
from ...model import Edit, EditKind, EditStatus
from ..child import Child
from ..limits import Limits
from ..output import atomic
from ..wire import Buffer

if TYPE_CHECKING:
    from ...engine.base import Image, Mask
    from ..base import Source
    from ..sanitize import Profile

    Painter = Callable[[Sequence[Image], Sequence[Mask]], list[Image]]

Fill = Literal["erase", "box", "label"]

# Area that a page's edits may cost in time, on top of what parsing one page may: seconds a page.
_WRITING_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """What was done.

    Attributes:
        applied: ids of the applied edits.
        carriers: what was cleaned beyond the pages, ``{"where", "action"}`` each; no document text.
        removed: how many glyphs, paths, images and annotations were removed or cut.
        painted: number of crops that the painter filled.
    """

    applied: tuple[str, ...]
    carriers: tuple[Mapping[str, str], ...]
    removed: Mapping[str, int]
    painted: int


def apply_edits(
    source: Source,
    edits: Mapping[int, Sequence[Edit]],
    out: Path,
    *,
    fill: Fill = "erase",
    painter: Painter,
    profile: Profile = "minimal",
    terms: Sequence[str] = (),
    whole_words: bool = False,
    limits: Limits | None = None,
) -> EditOutcome:
    """Write ``out``, the source without what stands under the approved edits, whole or not at all.

    Args:
        source: a PDF or an image; never altered.
        edits: page number (1-based) -> edits; those that are not APPROVED are left alone.
        out: file to write; of the same kind as the source.
        fill: ``"erase"`` continues the background, ``"box"`` leaves a black box, ``"label"`` one with the
            name of the rule. What lay under it is gone in all three.
        painter: fills blanked crops; see :func:`docharmony.stages.paint.make_painter`.
        profile: ``"minimal"`` (default) keeps links, bookmarks, fields and tags that hold no hit, and
            removes what cannot be searched; ``"publish"`` keeps only what is seen on the pages.
        terms: texts that must not be left in any carrier, besides the edits' own originals.
        whole_words: terms are whole words only.
        limits: of the parsing child; the time allowed grows with the number of pages.

    Raises:
        UsageError: an edit asks for something else than erasing, or for a page that is not there.
        UnsupportedError: a kind of file that edits cannot be applied to.
        InputError: the file is damaged, encrypted or over a limit.
        OutputError: ``out`` cannot be written.
    """
    limits = limits or Limits()
    chosen: dict[str, list[dict[str, Any]]] = {}
    for number, items in sorted(edits.items()):
        approved = [edit for edit in items if edit.status is EditStatus.APPROVED]
        if approved:
            if not 1 <= number <= source.info.page_count:
                raise UsageError("an edit names a page that is not there", where=f"page {number}")
            chosen[str(number)] = [_plain(edit) for edit in approved]
    media_type = source.info.media_type
    if media_type == "application/pdf":
        module = "docharmony.io.write.pdf"
    elif media_type.startswith("image/"):
        module = "docharmony.io.write.image"
    else:
        raise UnsupportedError("cannot redact this kind of file", where=media_type)
    folder = Path(tempfile.mkdtemp(prefix="docharmony-"))  # mode 0700
    try:
        with Child(limits) as child:
            work = _Work(child, module, source, folder, limits)
            value, blobs = work.erase(
                edits=chosen,
                fill=fill,
                profile=profile,
                terms=list(terms),
                whole_words=whole_words,
            )
            crops = value["crops"]
            written = folder / "blank"
            if crops:
                written = work.finish(crops, _paint(painter, crops, blobs))
        with atomic(out) as stream, written.open("rb") as done:
            shutil.copyfileobj(done, stream)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return EditOutcome(
        tuple(item["id"] for items in chosen.values() for item in items),
        tuple(value["carriers"]),
        dict(value["removed"]),
        len(crops),
    )


@dataclass
class _Work:
    """Calls of one document's two phases in the child."""

    child: Child
    module: str
    source: Source
    folder: Path
    limits: Limits

    def erase(self, **args: Any) -> tuple[Any, list[bytearray]]:
        return self._call(
            "erase", path=str(self.source.path), out=str(self.folder / "blank"), **args
        )

    def finish(self, crops: list[list[int]], blobs: list[Buffer]) -> Path:
        out = self.folder / "painted"
        self._call("finish", blobs, path=str(self.folder / "blank"), crops=crops, out=str(out))
        return out

    def _call(
        self, function: str, blobs: Sequence[Buffer] = (), **args: Any
    ) -> tuple[Any, list[bytearray]]:
        pages = self.source.info.page_count
        return self.child.call(
            f"{self.module}:{function}",
            {"password": self.source.password, **args},
            blobs,
            where=self.source.info.name,
            timeout_s=self.limits.timeout_s * (1 + _WRITING_SHARE * pages),
        )


def _plain(edit: Edit) -> dict[str, Any]:
    if edit.kind is not EditKind.ERASE:
        raise UsageError(
            "an edit asks to replace text",
            where=edit.id,
            why="only erasing is applied here",
            hint="Change its kind to erase.",
        )
    box = edit.bbox
    polygon = [list(point) for point in edit.polygon]
    if len(set(edit.polygon)) < 3 or box.is_empty:
        # A line or a point still stands for a place on the page.
        polygon = [list(point) for point in box.grow(0.5).polygon()]
    return {
        "id": edit.id,
        "polygon": polygon,
        "rule": edit.rule,
        "original": edit.original,
    }


def _paint(
    painter: Painter, crops: Sequence[Sequence[int]], blobs: Sequence[bytearray]
) -> list[Buffer]:
    """Return blobs for the second phase: each crop painted, and its mask."""
    import numpy as np

    images, masks = [], []
    for index, (height, width) in enumerate(crops):
        flat = np.frombuffer(blobs[2 * index], np.uint8)
        images.append(flat.reshape(height, width, 3))
        mask = np.frombuffer(blobs[2 * index + 1], np.uint8).reshape(height, width)
        masks.append(mask.astype(bool))
    painted = painter(images, masks)
    result: list[Buffer] = []
    for image, mask in zip(painted, masks, strict=True):
        if image.shape != (*mask.shape, 3):
            raise ValueError("the painter returned a crop of another size")
        result += [np.ascontiguousarray(image, np.uint8).tobytes(), mask.astype(np.uint8).tobytes()]
    return result
