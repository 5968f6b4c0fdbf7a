"""Apply approved edits: what stands under them is gone from the output, for good.

Replacing edits put new text in its place; their old text is gone too, but is no secret: the rest of
the document is left as it is.

The secret never leaves the parsing child: it blanks first and hands out crops that are blank under the
edits; the painter, which may be a network, sees only those.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import UnsupportedError, UsageError
from ...geometry import Polygon
from ...model import Edit, EditKind, EditStatus
from ...schema import setting_to_json
from .. import private
from ..carriers import policies
from ..child import Child
from ..cut_off import cut_off
from ..limits import Limits
from ..moves import Move
from ..needles import is_piece
from ..output import atomic
from ..wire import Buffer
from .fitted import Fitted

if TYPE_CHECKING:
    from ...engine.base import Image, Mask
    from ..base import Source
    from ..carriers import Profile

    Painter = Callable[[Sequence[Image], Sequence[Mask]], list[Image]]
    Letterer = Callable[[Image, Polygon, str], Image | None]

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
        fits: what became of each replacing edit.
        moves: page number -> the lines that were set anew.
        lettered: ids of the edits whose text was painted instead of set.
        gaps: (page number, id of an edit, why): edits whose lines were left as they were, so that the
            width of the gap is still that of the removed text.
    """

    applied: tuple[str, ...]
    carriers: tuple[Mapping[str, str], ...]
    removed: Mapping[str, int]
    painted: int
    fits: tuple[Fitted, ...] = ()
    moves: Mapping[int, tuple[Move, ...]] = field(default_factory=dict)
    gaps: tuple[tuple[int, str, str], ...] = ()
    lettered: tuple[str, ...] = ()


def apply_edits(
    source: Source,
    edits: Mapping[int, Sequence[Edit]],
    out: Path,
    *,
    fill: Fill = "erase",
    painter: Painter,
    profile: Profile | Literal["keep"] = "minimal",
    carriers: Mapping[str, str] | None = None,
    terms: Sequence[str] = (),
    whole_words: bool = False,
    keep_gaps: bool = False,
    keep_breaks: bool = False,
    deep: bool = False,
    limits: Limits | None = None,
    least: float = 0.7,
    letterer: Letterer | None = None,
) -> EditOutcome:
    """Write ``out``, the source without what stands under the approved edits, whole or not at all.

    Replacing edits set new text instead, in the style that their ``setting`` says. One whose text
    does not fit changes nothing; the outcome tells.

    Args:
        source: a PDF or an image; never altered.
        edits: page number (1-based) -> edits; those that are not APPROVED are left alone.
        out: file to write; of the same kind as the source.
        fill: ``"erase"`` continues the background, ``"box"`` leaves a black box, ``"label"`` one with the
            name of the rule. What lay under it is gone in all three.
        painter: fills blanked crops; see :func:`docharmony.stages.paint.make_painter`.
        profile: ``"minimal"`` (default) keeps links, bookmarks, fields and tags that hold no hit, and
            removes what cannot be searched; ``"publish"`` keeps only what is seen on the pages;
            ``"keep"`` is for edits that only replace: it removes nothing else.
        carriers: policies of single carriers that differ from the profile's; see
            :mod:`docharmony.io.carriers`.
        terms: texts that must not be left in any carrier, besides the edits' own originals.
        whole_words: terms are whole words only.
        keep_gaps: leave what follows removed text on its line where it stands; otherwise lines are set
            anew where that can be done, so that no gap tells how long the removed text was.
        keep_breaks: leave words of PDFs on their lines; otherwise paragraphs that lose text are broken
            anew where that can be done, since where lines break tells it, too.
        deep: clean content streams of PDFs and names in them, too: a check has found something there.
        limits: of the parsing child; the time allowed grows with the number of pages.
        least: smallest size for new text, as a share of the size that its setting says.
        letterer: paints new text into pictures; where it does not, or there is none, type is set. See
            :func:`docharmony.stages.lettering.make_letterer`.

    Raises:
        UsageError: an edit names a page that is not there, or ``"keep"`` was asked for erasing.
        UnsupportedError: a kind of file that edits cannot be applied to.
        InputError: the file is damaged, encrypted or over a limit.
        OutputError: ``out`` cannot be written.
    """
    if source.cut_off:
        raise cut_off(source.info.name)
    limits = limits or Limits()
    chosen: dict[str, list[dict[str, Any]]] = {}
    for number, items in sorted(edits.items()):
        approved = [edit for edit in items if edit.status is EditStatus.APPROVED]
        if approved:
            if not 1 <= number <= source.info.page_count:
                raise UsageError("an edit names a page that is not there", where=f"page {number}")
            chosen[str(number)] = [_plain(edit, terms) for edit in approved]
            if profile == "keep" and any(edit.kind is EditKind.ERASE for edit in approved):
                raise UsageError("erasing edits need the document cleaned", why="profile is keep")
            if fill != "erase" and any(edit.kind is EditKind.REPLACE for edit in approved):
                raise UsageError("boxes cannot be replaced", why=f"fill is {fill}")
    media_type = source.info.media_type
    if media_type == "application/pdf":
        module = "docharmony.io.write.pdf"
    elif media_type.startswith("image/"):
        module = "docharmony.io.write.image"
    else:
        raise UnsupportedError("cannot redact this kind of file", where=media_type)
    folder = private.make()
    try:
        with Child(limits) as child:
            work = _Work(child, module, source, folder, limits)
            value, blobs = work.erase(
                edits=chosen,
                fill=fill,
                profile=profile,
                policies=policies(profile, carriers or {}),
                terms=list(terms),
                whole_words=whole_words,
                least=least,
                keep_gaps=keep_gaps,
                deep=deep,
                **(
                    {"pages": source.info.page_count, "keep_breaks": keep_breaks}
                    if media_type == "application/pdf"
                    else {}
                ),
            )
            crops = value["crops"]
            written = folder / "blank"
            lettered: list[str] = []
            if crops:
                filled = _paint(painter, crops, blobs)
                if letterer is not None:
                    lettered = _letter(letterer, crops, filled, value["texts"])
                written = work.finish(crops, filled, edits=chosen, least=least, lettered=lettered)
        with atomic(out) as stream, written.open("rb") as done:
            shutil.copyfileobj(done, stream)
    finally:
        private.remove(folder)
    fits = tuple(Fitted(**fit) for fit in value["fits"])
    left = {fit.id for fit in fits if not fit.fitted}
    return EditOutcome(
        tuple(i["id"] for items in chosen.values() for i in items if i["id"] not in left),
        tuple(value["carriers"]),
        dict(value["removed"]),
        len(crops),
        fits,
        {
            int(number): tuple(Move.from_json(move) for move in own)
            for number, own in value.get("moves", {}).items()
        },
        tuple((int(number), str(name), str(why)) for number, name, why in value.get("gaps", ())),
        tuple(lettered),
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

    def finish(self, crops: list[list[int]], blobs: list[Buffer], **args: Any) -> Path:
        out = self.folder / "painted"
        path = str(self.folder / "blank")
        self._call("finish", blobs, path=path, crops=crops, out=str(out), **args)
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


def _plain(edit: Edit, terms: Sequence[str]) -> dict[str, Any]:
    # Half a term, at the end of a line, may be a word by itself elsewhere.
    piece = edit.rule == "term" and is_piece(edit.original, terms)
    data: dict[str, Any] = {
        "id": edit.id,
        "kind": str(edit.kind),
        "polygon": _corners(edit.polygon),
        "rule": edit.rule,
        "original": "" if piece else edit.original,
    }
    if edit.picture:
        data["picture"] = edit.picture
        data["areas"] = [_corners(area) for area in edit.areas]
    if edit.kind is EditKind.REPLACE:
        data["replacement"] = edit.replacement
        data["areas"] = [_corners(area) for area in edit.erased]
        data["setting"] = None if edit.setting is None else setting_to_json(edit.setting)
    return data


def _corners(polygon: Polygon) -> list[list[float]]:
    box = polygon.bbox
    if len(set(polygon)) < 3 or box.is_empty:
        # A line or a point still stands for a place on the page.
        polygon = box.grow(0.5).polygon()
    return [list(point) for point in polygon]


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
        masks.append(mask > 0)
    painted = painter(images, masks)
    result: list[Buffer] = []
    for index, (image, gaps) in enumerate(zip(painted, masks, strict=True)):
        if image.shape != (*gaps.shape, 3):
            raise ValueError("the painter returned a crop of another size")
        result += [np.ascontiguousarray(image, np.uint8).tobytes(), blobs[2 * index + 1]]
    return result


def _letter(
    letterer: Letterer,
    crops: Sequence[Sequence[int]],
    blobs: list[Buffer],
    texts: Sequence[Mapping[str, Any]],
) -> list[str]:
    """Paint texts into painted crops, their blobs; return the ids of the edits that this did for."""
    import numpy as np

    done: list[str] = []
    for text in texts:
        index = int(text["crop"])
        height, width = crops[index]
        crop = np.frombuffer(blobs[2 * index], np.uint8).reshape(height, width, 3)
        painted = letterer(crop, Polygon.of(text["polygon"]), str(text["text"]))
        if painted is None:
            continue
        mask = np.frombuffer(blobs[2 * index + 1], np.uint8).reshape(height, width).copy()
        mask[(painted != crop).any(axis=2)] = 1
        blobs[2 * index] = np.ascontiguousarray(painted, np.uint8).tobytes()
        blobs[2 * index + 1] = mask.tobytes()
        done.append(str(text["edit"]))
    return done
