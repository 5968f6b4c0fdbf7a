"""Audit an image, and check an image output: areas blank, rest as it was, nothing carried along.

Runs in the child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .moves import Move
from .needles import Needles
from .verify_bytes import raw_hit
from .verify_child import finding, gaps_check, ink_remains
from .verify_moves import moved_words
from .wire import Buffer
from .write.pdf_area import Area

Reply = tuple[Any, list[Buffer]]

_LOSSY = frozenset({"JPEG", "MPO", "WEBP"})
# Mean and rarest (99.9 %) difference that coding a lossy picture again may make, of 255.
_MEAN, _RARE = 3.0, 60.0
# Pixels around an area that its filling and the blocks of a codec may change.
_MARGIN = 18
_TELLING = ("exif", "xmp", "comment", "photoshop", "XML:com.adobe.xmp", "Raw profile type exif")


def audit(blobs: Sequence[Buffer], *, path: str, terms: Sequence[str], whole_words: bool) -> Reply:
    """Return the findings of an image file beside its pixels: what it carries, and terms in that."""
    Image.MAX_IMAGE_PIXELS = None  # the reader has checked the size
    needles = Needles(terms, whole_words=whole_words)
    carriers: set[str] = set()
    hits: set[str] = set()
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            for name, value in _carried(image):
                carriers.add(name)
                if needles.hit_bytes(value) if isinstance(value, bytes) else needles.hit(value):
                    hits.add(name)
            if needles.hit_bytes(image.info.get("icc_profile") or b""):
                hits.add("colour profile")
    if not hits and raw_hit(path, needles):
        hits.add("bytes of the file")
    return [
        *(finding("carrier", where=f"metadata: {name}") for name in sorted(carriers)),
        *(finding("term", where=name) for name in sorted(hits)),
    ], []


def _carried(image: Image.Image) -> Iterator[tuple[str, bytes | str]]:
    """Yield name and content of what an image carries beside its pixels and their colours."""
    if private := _private(image):
        exif = image.getexif()
        told = [exif, *(exif.get_ifd(tag) for tag in (34665, 34853, 37510))]
        values = [value for ifd in told for value in ifd.values()]
        yield "exif", "\n".join(map(str, values))
        for value in values:
            if isinstance(value, bytes):
                yield "exif", value
        if not image.info.get("exif") and not values:
            yield "exif", str(private)
    texts: Mapping[str, Any] = getattr(image, "text", {}) or {}
    for name in (*(key for key in _TELLING if key in image.info), *texts):
        value = texts.get(name, image.info.get(name, b""))
        yield name, value if isinstance(value, bytes) else str(value)


def check(
    blobs: Sequence[Buffer],
    *,
    path: str,
    source: str,
    polygons: Mapping[str, Sequence[Sequence[Sequence[float]]]],
    needles: Sequence[str],
    terms: Sequence[str],
    whole_words: bool,
    moves: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    fill: str = "erase",
) -> Reply:
    """Return checks ``[name, passed, detail]`` of an image output; arguments as for check_page."""
    Image.MAX_IMAGE_PIXELS = None  # the reader has checked the input's size
    checks: list[list[Any]] = []
    with Image.open(source) as old, Image.open(path) as new:
        count = getattr(old, "n_frames", 1) if old.format == "TIFF" else 1
        other = getattr(new, "n_frames", 1)
        checks.append(["pages", count == other, f"{other} pages, {count} in the input"])
        checks.append(["kind", _kind(old) == _kind(new), f"{_kind(new)}, the input {_kind(old)}"])
        left = [key for key in _TELLING if key in new.info] + list(getattr(new, "text", {}) or {})
        clean = not left and not len(_private(new))
        checks.append(["metadata", clean, "none" if clean else f"{len(left) or 'some'} entries"])
        sought = Needles(terms, needles, whole_words=whole_words)
        # PNG packs the colour profile.
        found = raw_hit(path, sought) or sought.hit_bytes(new.info.get("icc_profile") or b"")
        checks.append(["bytes", not found, "found in the file" if found else "nothing found"])
        for index in range(min(count, other)):
            old.seek(index)
            new.seek(index)
            before, after = _grey(old), _grey(new)
            areas = [Area(p) for p in polygons.get(str(index + 1), ())]
            own = [Move.from_json(move) for move in (moves or {}).get(str(index + 1), ())]
            checks += _compare(
                before, after, areas, own, fill != "erase", lossy=str(old.format) in _LOSSY
            )
    return checks, []


def _compare(
    before: Any,
    after: Any,
    areas: Sequence[Area],
    moves: Sequence[Move],
    boxes: bool,
    *,
    lossy: bool,
) -> list[list[Any]]:
    if before.shape != after.shape:
        return [["pixels", False, "the page has another size"]]
    known = [box for move in moves for box in moved_words(move)]
    if boxes:
        known += [box.bbox.grow(1.0) for move in moves for box in move.boxes()]
    failed = sum(1 for area in areas if ink_remains((before, 1.0), (after, 1.0), area, known))
    outside = np.ones(before.shape, bool)
    for box in [*(area.bbox for area in areas), *(move.area for move in moves)]:
        box = box.grow(_MARGIN)
        outside[max(0, int(box.y0)) : int(box.y1) + 1, max(0, int(box.x0)) : int(box.x1) + 1] = 0
    change = np.abs(before - after)[outside]
    same = not change.size or not change.max()
    if lossy and change.size:
        same = bool(change.mean() <= _MEAN and np.percentile(change, 99.9) <= _RARE)
    return [
        ["pixels", not failed, f"{failed} of {len(areas)} areas still show their ink"],
        *([] if boxes or not moves else [gaps_check((after, 1.0), moves)]),
        ["rest of the page", same, "unchanged" if same else "pixels elsewhere changed"],
    ]


def _grey(image: Image.Image) -> Any:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        return (np.asarray(upright).astype(np.int64) >> 8).astype(np.int16)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    return np.asarray(upright.convert("L")).astype(np.int16)


def _kind(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else str(image.format)


def _private(image: Image.Image) -> list[int]:
    """Return EXIF tags that say more than how to show the pixels."""
    if image.format == "TIFF":
        texts = {270, 271, 272, 285, 305, 306, 315, 316, 700, 33432, 33723, 34377, 34665, 34853}
        return [tag for tag in image.getexif() if tag in texts]
    return list(image.getexif())
