"""Pictures of a page that it does not show as they are: covered, cut off, unseen, or shown too small.

Runs in the parsing child only. Such a picture keeps pixels that nobody has read on the page, so it is
looked at by itself. A picture is shown as it is when drawing it once more, on top of everything,
changes nothing that can be seen.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
import pymupdf
from pymupdf import mupdf

from ..errors import BrokenError, InputError
from ..geometry import Affine, BBox, Polygon
from .pdf_child import Reply, _guarded, _open, _page
from .write import pdf_image_codecs, pdf_images
from .write.pdf_area import box_corners, page_matrix
from .write.pdf_uses import Use, find, may_draw, size_of, uses

# Pixels that the raster of a page gives a picture, as a share of its own, below which letters may be too
# small to be read there.
_SMALL = 0.83
# Height of a small letter in the raster from which it is read; in the picture from which all of it is
# looked at; and to which a picture is reduced to look for such letters.
_LEGIBLE, _ANY, _LOOK = 7.0, 60.0, 10.0
# Pixels of a window that is looked at, and of what it shares with the next one.
_SIDE, _SHARED = 1400, 300
# What a word takes at least, in pixels of a picture.
_LEAST_WIDTH, _LEAST_HEIGHT = 12, 6
_DPI = 72.0  # of the two drawings that are compared
_CHANGED, _SPECKS = 24, 6  # levels, and how many pixels of a drawing may differ by more
_MOST = 2_000  # uses of pictures on a page that are compared; those after it are looked at by themselves
# Levels by which ink differs from its ground, pixels that a letter has, height of a mark, marks in a row.
_INK, _LEAST_INK, _LEAST_MARK, _ROW = 24, 12, 3, 4
_MARGIN = 12  # pixels around ink
_SOLID = 0.92  # of the box of a rule that is ink
_FLAT = 16  # levels within which a picture is of one colour

Pixels = npt.NDArray[np.uint8]


@_guarded
def pictures(
    blobs: list[bytearray],
    *,
    path: str,
    password: str | None,
    number: int,
    dpi: float,
    most: int,
    known: Sequence[str] = (),
) -> Reply:
    """Return the pictures of a page that are to be looked at by themselves.

    Args:
        blobs: none.
        path: the file.
        password: to open it.
        number: of the page, from 1.
        dpi: at which the page is read.
        most: pixels that are looked at of a picture; a larger one is reduced.
        known: keys of those that were looked at as a whole.

    Returns:
        A list of ``[key, place, windows, whole]``: place is a map of its pixels to the page as
        displayed, windows are what to look at, ``[x0, y0, x1, y1]`` in its pixels, all there is or
        not.
    """
    pdf = _pdf(path, password)
    if number > len(pdf.pages):
        return [], []
    page = pdf.pages[number - 1]
    if not may_draw(page.obj):
        return [], []
    matrix, box = page_matrix(page)
    found: dict[str, tuple[Use, bool]] = {}
    shown: _Shown | None = None
    for index, use in enumerate(uses(pdf, page, matrix)):
        width, height = size_of(use.image)
        if width < _LEAST_WIDTH or height < _LEAST_HEIGHT or use.key in known:
            continue
        if not found.get(use.key, (use, True))[1]:
            continue
        read = _read_at(use, dpi)
        if use.plain and read > 0 and index < _MOST:
            if shown is None:
                shown = _Shown(_page(path, password, number), box)
            if shown.as_it_is(use):
                if read < _SMALL:
                    found[use.key] = use, True
                continue
        found[use.key] = use, False
    listed = []
    for key, (use, seen) in sorted(found.items()):
        limit = _LEGIBLE / _read_at(use, dpi) if seen else math.inf
        limit = limit if limit < _ANY else math.inf
        windows = _windows(_decoded(path, password, key, most), limit)
        listed.append([key, list(_to_page(use)), windows, limit == math.inf])
    return listed, []


@_guarded
def pixels(
    blobs: list[bytearray],
    *,
    path: str,
    password: str | None,
    number: int,
    key: str,
    window: Sequence[int],
    most: int,
    raster: int,
) -> Reply:
    """Return a window of a picture: its height and width, by how much it was reduced, and its RGB bytes.

    Args:
        blobs: none.
        path, password, number, most: as for :func:`pictures`.
        key: of the picture.
        window: x0, y0, x1, y1 in its pixels.
        raster: pixels that are returned at most; a larger window is reduced by a whole number.
    """
    decoded = _decoded(path, password, key, most)
    rgb = decoded.rgb(*(side // decoded.step for side in window))
    by = math.ceil(math.sqrt(rgb.shape[0] * rgb.shape[1] / raster)) or 1
    rgb = _pooled(rgb, by)
    return [*rgb.shape[:2], decoded.step * by], [np.ascontiguousarray(rgb).tobytes()]


# --- what a page shows ---------------------------------------------------------------------------


class _Shown:
    """A page as it is displayed, for comparison."""

    def __init__(self, sheet: pymupdf.Page, box: BBox) -> None:
        self._document = pymupdf._as_pdf_document(sheet.parent)
        self._box = box
        self._zoom = min(_DPI / 72, 3000 / max(1.0, box.width, box.height))
        zoom = pymupdf.Matrix(self._zoom, self._zoom)
        pixmap = sheet.get_pixmap(matrix=zoom, colorspace=pymupdf.csRGB, alpha=False, annots=True)
        self._size = pixmap.width, pixmap.height
        self._samples = bytes(pixmap.samples)
        self._page = np.frombuffer(self._samples, np.uint8).reshape(pixmap.height, pixmap.width, 3)

    def as_it_is(self, use: Use) -> bool:
        """Return whether the page shows all of a picture, and nothing on it."""
        corners = box_corners((0, 0, 1, 1), use.place)
        around = Polygon(corners).bbox
        if self._box.grow(1.0).intersection(around) != around:
            return False
        width, height = self._size
        pixmap = pymupdf.Pixmap(pymupdf.csRGB, width, height, bytearray(self._samples), False)
        try:
            # The unit square has its origin at the lower left.
            upright = Affine(1, 0, 0, -1, 0, 1).then(use.place)
            _draw(self._document, pixmap, use.image, upright.then(Affine.scale(self._zoom)))
        except Exception as error:  # a picture that cannot be decoded, among others
            if "alloc" in str(error):
                raise
            return False
        again = np.frombuffer(pixmap.samples, np.uint8).reshape(self._page.shape)
        x0, y0, x1, y1 = (
            max(0, math.floor(around.x0 * self._zoom) - 1),
            max(0, math.floor(around.y0 * self._zoom) - 1),
            math.ceil(around.x1 * self._zoom) + 1,
            math.ceil(around.y1 * self._zoom) + 1,
        )
        before, after = (part[y0:y1, x0:x1].astype(np.int16) for part in (self._page, again))
        if not before.size or int(before.max() - before.min()) <= _FLAT:
            return False  # nothing to be seen: whether there is nothing is for its pixels to tell
        return int((np.abs(before - after).max(axis=2) > _CHANGED).sum()) <= _SPECKS


def _read_at(use: Use, dpi: float) -> float:
    """Return how many pixels the raster of a page gives each pixel of a picture, where it is worst."""
    width, height = size_of(use.image)
    a, b, c, d, _, _ = use.place
    return min(math.hypot(a, b) / width, math.hypot(c, d) / height) * dpi / 72


def _to_page(use: Use) -> Affine:
    width, height = size_of(use.image)
    return Affine(1 / width, 0, 0, -1 / height, 0, 1).then(use.place)


# --- what of a picture is looked at ----------------------------------------------------------------


def _windows(decoded: _Decoded, limit: float) -> list[list[int]]:
    """Return the windows of a picture that may hold letters, no higher than a limit, in its pixels."""
    by = 1 if limit == math.inf else max(1, int(limit / decoded.step / _LOOK))
    scale = by * decoded.step
    found: list[BBox] = []
    for y, x in product(_starts(decoded.height // by), _starts(decoded.width // by)):
        part = decoded.rgb(x * by, y * by, (x + _SIDE) * by, (y + _SIDE) * by)
        found += [
            BBox(x0 + x, y0 + y, x1 + x, y1 + y)
            for x0, y0, x1, y1 in _lettered(_pooled(part, by), limit / scale)
        ]
    if limit == math.inf and len(found) > 1:
        found.append(BBox.around(found))  # letters larger than what windows share
    return [[int(side) * scale for side in box] for box in found]


def _pooled(rgb: Pixels, by: int) -> Pixels:
    """Return a picture reduced by a whole number: means of squares."""
    if by == 1:
        return rgb
    height, width = (side // by for side in rgb.shape[:2])
    total = np.zeros((height, width, 3), np.uint16 if by <= 16 else np.uint32)
    for y, x in product(range(by), range(by)):
        total += rgb[y : height * by : by, x : width * by : by]
    return np.asarray(total // (by * by), np.uint8)


def _starts(length: int) -> list[int]:
    count = max(1, math.ceil((length - _SHARED) / (_SIDE - _SHARED)))
    return [index * (_SIDE - _SHARED) for index in range(count)]


def _lettered(rgb: Pixels, limit: float) -> list[BBox]:
    """Return where there is ink; under a limit, where marks no higher than it stand in rows."""
    from scipy import ndimage

    if not rgb.size:
        return []
    grey = rgb.mean(axis=2)
    ink = np.abs(grey - np.median(grey)) > _INK
    whole = BBox(0, 0, rgb.shape[1], rgb.shape[0])
    if limit == math.inf:
        if int(ink.sum()) < _LEAST_INK:
            return []
        (rows,), (columns,) = ink.any(axis=1).nonzero(), ink.any(axis=0).nonzero()
        box = BBox(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return [box.grow(_MARGIN).intersection(whole)]
    labels, _ = ndimage.label(ink, np.ones((3, 3)))
    inked = np.bincount(labels.ravel())
    marks: list[tuple[BBox, int]] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        if _LEAST_MARK <= high <= limit:
            letters = max(1, wide // high)  # of one word, where they touch
            if letters < _ROW or inked[number] < _SOLID * high * wide:  # else a rule
                marks.append((BBox(columns.start, rows.start, columns.stop, rows.stop), letters))
    found: list[BBox] = []
    for shift in (0.0, limit / 2):  # the feet of a row may stand on both sides of a band's border
        bands = sorted(marks, key=lambda mark: ((mark[0].y1 + shift) // limit, mark[0].x0))
        found += _rows(bands, limit)
    return _united([box.grow(3 * limit, limit).intersection(whole) for box in found])


def _rows(marks: Sequence[tuple[BBox, int]], limit: float) -> Iterator[BBox]:
    """Yield the boxes of rows of marks that stand side by side: at least four letters."""
    row: list[tuple[BBox, int]] = []
    for box, letters in [*marks, (BBox(math.inf, 0, math.inf, 0), 0)]:
        last = row[-1][0] if row else box
        near = box.x0 - last.x1 <= limit and min(box.y1, last.y1) > max(box.y0, last.y0)
        if row and not near:
            if sum(count for _, count in row) >= _ROW:
                yield BBox.around(mark for mark, _ in row)
            row = []
        row.append((box, letters))


def _united(boxes: Sequence[BBox]) -> list[BBox]:
    """Return boxes around those that overlap."""
    done: list[BBox] = []
    for box in boxes:
        while meets := [other for other in done if not other.intersection(box).is_empty]:
            done = [other for other in done if other not in meets]
            box = BBox.around([box, *meets])
        done.append(box)
    return done


# --- pixels --------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def _pdf(path: str, password: str | None) -> pikepdf.Pdf:
    """Open a PDF by qpdf; the last one stays open. MuPDF has opened it before."""
    try:
        return pikepdf.open(path, password=password or "")
    except pikepdf.PdfError:
        raise BrokenError(
            "cannot open the file",
            why="its structure is damaged beyond repair",
            hint="Open it in a viewer and save it again.",
        ) from None


class _Decoded:
    """A picture whose pixels are at hand; of one that cannot be decoded there are none.

    Attributes:
        width, height: in its own pixels, or in larger ones.
        step: how large they are.
    """

    def __init__(self, picture: pdf_images.Picture | None, step: int = 1) -> None:
        self._picture, self.step = picture, step
        self.height, self.width = (0, 0) if picture is None else picture.samples.shape[:2]
        self._low = self._high = 0.0
        if picture is not None and self._flat(picture):
            # Of one colour to the eye, and yet not all the same to who has the file.
            self._low, self._high = float(picture.samples.min()), float(picture.samples.max())

    def rgb(self, x0: int, y0: int, x1: int, y1: int) -> Pixels:
        """Return a window of it, (height, width, 3)."""
        if self._picture is None:
            return np.zeros((0, 0, 3), np.uint8)
        window = slice(y0, y1), slice(x0, x1)
        if self._high <= self._low:
            return self._picture.rgb(window)
        grey = self._picture.samples[window].astype(np.float32).mean(axis=2, keepdims=True)
        grey = (grey - self._low) * (255.0 / (self._high - self._low))
        return np.repeat(grey.round().astype(np.uint8), 3, axis=2)

    def _flat(self, picture: pdf_images.Picture) -> bool:
        low, high = 255, 0
        for y, x in product(range(0, self.height, _SIDE), range(0, self.width, _SIDE)):
            part = picture.rgb((slice(y, y + _SIDE), slice(x, x + _SIDE)))
            low, high = min(low, int(part.min())), max(high, int(part.max()))
            if high - low > _FLAT:
                return False
        return True


@functools.lru_cache(maxsize=1)
def _decoded(path: str, password: str | None, key: str, most: int) -> _Decoded:
    """Return the pixels of a picture, reduced where there are more than so many."""
    image = find(_pdf(path, password), key)
    if image is None:
        return _Decoded(None)
    width, height = size_of(image)
    try:
        if width * height > most:
            by = math.ceil(math.sqrt(width * height / most))
            return _reduced(_open(path, password), image, by)
        return _Decoded(pdf_image_codecs.decode(image))
    except (InputError, MemoryError):
        raise
    except Exception as error:  # of its data, by any decoder
        if "alloc" in str(error):
            raise
        return _Decoded(None)


def _reduced(document: pymupdf.Document, image: Any, by: int) -> _Decoded:
    """Return a large picture, drawn on white at a fraction of its size."""
    width, height = (max(1, side // by) for side in size_of(image))
    canvas = pymupdf.Pixmap(pymupdf.csRGB, pymupdf.IRect(0, 0, width, height), False)
    canvas.clear_with(255)
    _draw(pymupdf._as_pdf_document(document), canvas, image, Affine.scale(width, height))
    rgb = np.frombuffer(canvas.samples, np.uint8).reshape(height, canvas.stride)
    rows = rgb[:, : 3 * width].reshape(height, width, 3)
    return _Decoded(pdf_images.Picture(rows, 8, "", "rgb"), by)


def _draw(document: mupdf.PdfDocument, pixmap: pymupdf.Pixmap, image: Any, place: Affine) -> None:
    """Draw an image of a document; ``place`` maps its upper left corner and sides to pixels."""
    name = mupdf.pdf_new_indirect(document, *image.objgen)
    loaded = mupdf.pdf_load_image(document, name)
    device = mupdf.fz_new_draw_device(mupdf.FzMatrix(), pixmap.this)
    if loaded.imagemask():
        black = [0.0]
        mupdf.fz_fill_image_mask(
            device,
            loaded,
            mupdf.FzMatrix(*place),
            mupdf.fz_device_gray(),
            black,
            1.0,
            mupdf.FzColorParams(),
        )
    else:
        mupdf.fz_fill_image(device, loaded, mupdf.FzMatrix(*place), 1.0, mupdf.FzColorParams())
    mupdf.fz_close_device(device)
