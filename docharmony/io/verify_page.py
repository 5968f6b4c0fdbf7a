"""Text that a page holds but does not show, found by what it changes in the picture.

A page is drawn twice by PDFium, once as it is and once with its text made invisible. A character whose
place looks the same in both is not seen, whatever hides it: a box, a picture, an annotation, its own
colour, its render mode, the edge of the page. Only then is it asked why.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..geometry import BBox, Point
from .verify_marks import Hatches, long_enough, says_nothing
from .verify_text import mupdf, mupdf_bare, pdfium, turned

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

# Pixels a point, and pixels of a drawing at most.
_SCALE, _MAX_PIXELS = 2.0, 30_000_000
# A difference of colour that a person sees, and the contrast of ink (0-255).
_SEEN, _INK = 14, 60
# Share of a character's box that a cover must hide.
_COVER = 0.7
# Share of a character that may look out of its cover, and of its box that the ink of that may take.
_PEEPS, _RIM_INK = 0.55, 0.06
# A picture over so much of the page is a scan with its text layer below, not a cover.
_SCAN = 0.5
# Share of letters and digits in what is made of signs.
_SIGNS = 0.2
_PALE = "hidden_text", "text that cannot be told from its background"
_INVISIBLE = 3  # text render mode
_LIGATURES = frozenset(
    [
        "ff",
        "fi",
        "fl",
        "ffi",
        "ffl",
        "fb",
        "ffb",
        "fh",
        "ffh",
        "fj",
        "ffj",
        "fk",
        "ffk",
        "ft",
        "fft",
        "tt",
        "tf",
        "ct",
        "st",
        "sp",
        "Th",
        "ij",
        "IJ",
        "ae",
        "AE",
        "oe",
        "OE",
    ]
)


@dataclass(frozen=True, slots=True)
class Trace:
    """A character as drawn: place on the displayed page, its turn in the drawing order, and its glyph.

    ``noted``: it is drawn by an annotation or a field of a form.
    """

    text: str
    bbox: BBox
    order: int
    invisible: bool
    span: int
    colour: tuple[float, ...] = ()
    glyph: int = 0
    noted: bool = False


@dataclass(frozen=True, slots=True)
class Cover:
    """Something opaque that was drawn: its box and its turn; ``scan`` for a picture of the page."""

    bbox: BBox
    order: int
    scan: bool


@dataclass(frozen=True, slots=True)
class Hidden:
    """A run of characters that are not seen.

    Attributes:
        kind: ``"bad_redaction"`` or ``"hidden_text"``.
        where: what hides it.
        bbox: on the displayed page.
        text: what it says.
    """

    kind: str
    where: str
    bbox: BBox
    text: str


def hidden_text(path: str, password: str | None, number: int) -> list[Hidden]:
    """Return what a page (1-based) holds but does not show."""
    page = mupdf(path, password)[number - 1]
    chars = traces(page)
    result = _unapplied(page, chars)
    if chars and (page.first_annot or page.first_widget):
        own = len(mupdf_bare(path, password, number).get_texttrace())
        chars = [replace(char, noted=char.span >= own) for char in chars]
    if not chars:
        return result
    covers = _covers(page)
    views = _Views(path, password, number, page)
    hatches = Hatches(page)
    crossed = [bool(hatches) and hatches.crosses_out(char.bbox, char.order) for char in chars]
    # PDFium draws some fields for viewers alone: what they show itself is no text of the page.
    fields = [turned(w.rect, page.rotation, views.width, views.height) for w in page.widgets()]
    runs: list[tuple[str, str, list[Trace]]] = []
    for char, hatched in zip(chars, long_enough(crossed), strict=True):
        verdict = _judge(char, chars, covers, views)
        if verdict is None and hatched:
            verdict = "bad_redaction", "crossed out by lines"
        if verdict == _PALE and char.noted and any(f.contains(char.bbox.center) for f in fields):
            continue
        if verdict is None:
            continue
        if runs and runs[-1][:2] == verdict and _continues(runs[-1][2][-1], char):
            runs[-1][2].append(char)
        else:
            runs.append((*verdict, [char]))
    # One glyph that means nothing says nothing, however often it stands there: blanks of odd fonts.
    nameless = {c.glyph for kind, _, run in runs for c in run if c.text == "\ufffd"}
    for kind, where, run in runs:
        text = "".join(c.text for c in run)
        if kind == "bad_redaction" and says_nothing(text):
            continue
        codes = len(nameless) > 1 and "\ufffd" in text
        letters = sum(c.isalnum() for c in text)
        if kind == "hidden_text" and not codes and letters <= _SIGNS * len(text):
            continue  # rules and fill-ins made of signs, vowel signs that stand on their letters
        result.append(Hidden(kind, where, BBox.around(c.bbox for c in run), text))
    return result


def opaque_boxes(path: str, password: str | None, number: int) -> list[BBox]:
    """Return the boxes of what is drawn opaquely on a page (1-based), but for pictures of the page."""
    page = mupdf(path, password)[number - 1]
    return [cover.bbox for cover in _covers(page) if not cover.scan]


class _Views:
    """The page drawn with and without its text, with and without annotations."""

    def __init__(self, path: str, password: str | None, number: int, page: Any) -> None:
        import pypdfium2.raw as raw

        document = pdfium(path, password)
        self.width, self.height = page.rect.width, page.rect.height
        sheet = document[number - 1]
        self._annotated = bool(page.first_annot) or bool(page.first_widget)
        scale = min(_SCALE, (_MAX_PIXELS / max(1.0, self.width * self.height)) ** 0.5)
        self.shown = self._draw(sheet, scale, True)
        self.bare_shown = self._draw(sheet, scale, False) if self._annotated else self.shown
        for item in sheet.get_objects(max_depth=15):
            if item.type == raw.FPDF_PAGEOBJ_TEXT:
                raw.FPDFTextObj_SetTextRenderMode(item.raw, raw.FPDF_TEXTRENDERMODE_INVISIBLE)
        self.textless = self._draw(sheet, scale, True)
        self.bare_textless = self._draw(sheet, scale, False) if self._annotated else self.textless
        sheet.close()
        self._change = _difference(self.shown, self.textless)
        self._bare_change = (
            _difference(self.bare_shown, self.bare_textless) if self._annotated else self._change
        )
        self._sx = self.shown.shape[1] / max(self.width, 1e-6)
        self._sy = self.shown.shape[0] / max(self.height, 1e-6)

    @staticmethod
    def _draw(sheet: Any, scale: float, annotations: bool) -> Pixels:
        bitmap = sheet.render(scale=scale, may_draw_forms=annotations, draw_annots=annotations)
        array = np.asarray(bitmap.to_numpy())
        return array[..., :3].copy() if array.ndim == 3 else array[..., None].copy()

    def window(self, box: BBox) -> tuple[slice, slice] | None:
        """Return the pixels of a box, None where it lies off the page."""
        rows, columns = self.shown.shape[:2]
        x0, x1 = max(0, round(box.x0 * self._sx)), min(columns, round(box.x1 * self._sx) + 1)
        y0, y1 = max(0, round(box.y0 * self._sy)), min(rows, round(box.y1 * self._sy) + 1)
        return (slice(y0, y1), slice(x0, x1)) if x0 < x1 and y0 < y1 else None

    def seen(self, window: tuple[slice, slice], *, annotations: bool = True) -> bool:
        """Return whether the text changes what is to be seen there."""
        change = self._change if annotations else self._bare_change
        return bool(change[window].max() >= _SEEN)

    def ink(self, window: tuple[slice, slice]) -> float:
        """Return the share of a place that the text changes."""
        return float((self._change[window] >= _SEEN).mean())

    def told_from_paper(self, colour: tuple[float, ...]) -> bool:
        """Return whether text of a colour (components 0.0-1.0) can be told from the paper."""
        paper = np.median(self.shown[::7, ::7].reshape(-1, self.shown.shape[2]), axis=0)
        return not colour or abs(_lightness(colour) - float(paper.mean())) >= _SEEN

    def inked(self, window: tuple[slice, slice]) -> bool:
        """Return whether the place shows something with the contrast of writing."""
        part = self.shown[window].astype(np.int16).mean(axis=2)
        return bool(np.percentile(part, 97) - np.percentile(part, 3) >= _INK)

    def boxed(self, window: tuple[slice, slice]) -> bool:
        """Return whether the place is one even colour that the page around it is not."""
        colour = np.median(self.shown[window].reshape(-1, self.shown.shape[2]), axis=0)
        paper = np.median(self.shown[::7, ::7].reshape(-1, self.shown.shape[2]), axis=0)
        return bool(np.abs(colour - paper).max() >= _INK)


def _lightness(colour: tuple[float, ...]) -> float:
    """Return how light a colour is, 0-255: grey, RGB or CMYK."""
    if len(colour) == 4:
        black = colour[3]
        return 255 * sum((1 - part) * (1 - black) for part in colour[:3]) / 3
    return 255 * sum(colour) / len(colour)


def _difference(one: Pixels, other: Pixels) -> Pixels:
    return np.asarray(np.abs(one.astype(np.int16) - other).max(axis=2), np.uint8)


def traces(page: Any) -> list[Trace]:
    """Return the characters of a page as they are drawn, in that order, white space left out."""
    view = page.rotation, page.rect.width, page.rect.height
    result = []
    for index, span in enumerate(page.get_texttrace()):
        invisible = span["type"] == _INVISIBLE or span["opacity"] == 0
        said = [chr(c[0]) if 0 < c[0] < 0x110000 else "\ufffd" for c in span["chars"]]
        inside = _in_ligatures(said, [char[1] for char in span["chars"]])
        for text, skipped, (_, glyph, _, box) in zip(said, inside, span["chars"], strict=True):
            if not (text.isspace() or skipped) and (box[2] > box[0] or box[3] > box[1]):
                result.append(
                    Trace(
                        text,
                        turned(box, *view),
                        span["seqno"],
                        invisible,
                        index,
                        tuple(span["color"]),
                        glyph,
                    )
                )
    return result


def _in_ligatures(said: Sequence[str], glyphs: Sequence[int]) -> list[bool]:
    """Return which characters are later ones of a ligature: without a glyph, seen where the first is.

    What a glyph says beyond that of a usual ligature counts: a whole secret can be the text of one.
    """
    starts = [index for index, glyph in enumerate(glyphs) if glyph >= 0]
    inside = [False] * len(said)
    for start, end in zip(starts, [*starts[1:], len(said)], strict=True):
        if "".join(said[start:end]) in _LIGATURES:
            inside[start + 1 : end] = [True] * (end - start - 1)
    return inside


def _covers(page: Any) -> list[Cover]:
    view = page.rotation, page.rect.width, page.rect.height
    whole = page.rect.width * page.rect.height
    covers = []
    for path in page.get_cdrawings():
        opaque = path.get("fill") is not None and path.get("fill_opacity", 1.0) >= 0.99
        if opaque and path["type"] in ("f", "fs"):
            covers += [
                Cover(turned(box, *view), path["seqno"], False)
                for kind, box in _filled(path)
                if kind
            ]
        elif path["type"] == "s" and path.get("stroke_opacity", 1.0) >= 0.99:
            covers += [Cover(turned(b, *view), path["seqno"], False) for b in _thick(path)]
    for order, (kind, box) in enumerate(page.get_bboxlog()):
        if kind in ("fill-image", "fill-shade", "fill-imgmask"):
            cover = turned(box, *view)
            covers.append(Cover(cover, order, cover.area >= _SCAN * whole))
    return covers


def _filled(path: Any) -> list[tuple[bool, Sequence[float]]]:
    """Return boxes that a fill surely covers: its rectangles, or all of it when it is one polygon."""
    boxes = [(True, item[1]) for item in path["items"] if item[0] == "re"]
    if boxes:
        return boxes
    quads = [item[1] for item in path["items"] if item[0] == "qu"]
    if quads or all(item[0] == "l" for item in path["items"]):
        return [(True, path["rect"])]
    return [(len(path["items"]) <= 12, path["rect"])]


def _thick(path: Any) -> list[Sequence[float]]:
    """Return boxes of straight strokes as thick as a marker."""
    width = path.get("width") or 0.0
    if width < 5:
        return []
    boxes: list[Sequence[float]] = []
    for item in path["items"]:
        if item[0] == "l":
            (x0, y0), (x1, y1) = item[1], item[2]
            half = width / 2
            if abs(y0 - y1) < 1:
                boxes.append((min(x0, x1), y0 - half, max(x0, x1), y0 + half))
            elif abs(x0 - x1) < 1:
                boxes.append((x0 - half, min(y0, y1), x0 + half, max(y0, y1)))
    return boxes


def _judge(
    char: Trace, chars: Sequence[Trace], covers: Sequence[Cover], views: _Views
) -> tuple[str, str] | None:
    box = char.bbox
    window = views.window(box.grow(-0.1 * box.width, -0.1 * box.height))
    page = BBox(0, 0, views.width, views.height)
    if window is None or not page.contains(box.center):
        return "hidden_text", "off the page"
    if char.noted and views.inked(window):
        return None
    above = [
        cover
        for cover in covers
        if cover.order > char.order
        and cover.bbox.intersection(box).area >= _COVER * max(box.area, 1e-6)
    ]
    if views.seen(window):
        # Seen, unless what is seen there is other text, drawn over the cover ("REDACTED").
        for cover in above:
            later = [c for c in chars if c.order > cover.order and _meets(c.bbox, box)]
            if later and not cover.scan:
                return "bad_redaction", "below a drawn box"
        if _peeps(char, covers) and views.ink(window) <= _RIM_INK:
            return "bad_redaction", "below a drawn box, of which its rim looks out"
        return None
    if views.seen(window, annotations=False):
        return "bad_redaction", "below an annotation"
    inked = views.inked(window)
    if inked and (char.invisible or any(cover.scan for cover in above)):
        return None  # the text layer of a scan: the pixels show the same
    if not views.boxed(window) and not views.told_from_paper(char.colour):
        return _PALE
    if any(not cover.scan for cover in above):
        return "bad_redaction", "below a drawn box or picture"
    if views.boxed(window):
        return "bad_redaction", "below a box in the picture"
    if char.invisible:
        return "hidden_text", "invisible text where nothing is to be seen"
    if above:
        return "hidden_text", "below a picture of the page"
    return _PALE


def _peeps(char: Trace, covers: Sequence[Cover]) -> bool:
    """Return whether something that came later covers the larger part of a character."""
    return any(
        cover.order > char.order
        and not cover.scan
        and cover.bbox.intersection(char.bbox).area >= _PEEPS * max(char.bbox.area, 1e-6)
        for cover in covers
    )


def _meets(one: BBox, other: BBox) -> bool:
    return one.intersection(other).area > 0.1 * min(one.area, other.area)


def _continues(last: Trace, char: Trace) -> bool:
    if last.span == char.span:
        return True
    gap = BBox.around((last.bbox, char.bbox))
    return gap.width <= last.bbox.width + char.bbox.width + 1.5 * last.bbox.height and (
        gap.height <= 1.5 * max(last.bbox.height, char.bbox.height)
    )


def _unapplied(page: Any, chars: Sequence[Trace]) -> list[Hidden]:
    """Return text under redaction annotations: marked for removal, and still there."""
    found = []
    view = page.rotation, page.rect.width, page.rect.height
    for annotation in page.annots():
        if annotation.type[1] != "Redact":
            continue
        box = turned(tuple(annotation.rect), *view)
        inside = [char for char in chars if box.contains(Point(*char.bbox.center))]
        if inside:
            text = "".join(char.text for char in inside)
            where = "below a redaction annotation that was not applied"
            found.append(Hidden("bad_redaction", where, box, text))
    return found
