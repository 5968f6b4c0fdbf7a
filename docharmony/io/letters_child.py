"""What the fonts of a PDF page claim, and what they draw. Runs in the parsing child only.

A text layer is a claim: this glyph means that letter. A glyph is known here by its picture, so that
the same letter of the same face counts once, however many subset fonts a document has, and fonts of
one name that draw different things do not pass for each other. The glyphs are drawn on their own,
black on white: it does not matter whether, how small and in which colour the page shows them.
"""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import functools
import hashlib
import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymupdf
from pymupdf import mupdf

from .pdf_child import Reply, _guarded, _open
from .wire import Buffer

# A specimen is one line for a reader: its height, baseline and em in pixels.
_HEIGHT, _BASELINE, _EM = 48, 35, 36.0
_MARGIN = 6
_LINE = 44  # glyphs of a specimen
_WORD = 14  # glyphs of a run that are shown together
_TALLEST = 1.0  # em; a face whose letters are larger is scaled down
_CAPITAL = 0.75  # em; the tallest letters of a Type 3 face are scaled to it
# A run goes on while the next glyph stands where the last one ends, within so many em.
_GAP, _OFF = 0.14, 0.12
_SHAPE_EM = 28.0  # pixels at which pictures of glyphs are compared
_LARGEST = 160  # pixels of such a picture
_WIDEST = 40.0  # em; a glyph may draw a word
_FONTS = 128  # kept open, with the pictures of their glyphs

BLANK = ""
"""The shape of a glyph without ink."""


@dataclass(slots=True)
class _Face:
    """An open font and the pictures of its glyphs."""

    font: Any
    mirrored: bool = False  # its glyphs are upside down in the font, and drawn so again
    shapes: dict[int, str] = field(default_factory=dict)
    heights: dict[int, float] = field(default_factory=dict)

    @property
    def up(self) -> int:
        """In which direction of a picture its glyphs go up, times an em."""
        return 1 if self.mirrored else -1

    @property
    def drawn(self) -> bool:
        """Whether its glyphs are content of their own (Type 3), in units that may mean anything."""
        return self.font.m_internal.t3procs is not None


@dataclass(slots=True)
class _Glyph:
    """A glyph on the page: what it means, how it looks, and its place as displayed."""

    face: _Face
    id: int
    text: str
    x: float
    y: float
    size: float
    along: tuple[float, float]
    shown: bool
    advance: float = 0.0  # em
    replaced: bool = False  # marked content says that it means something else

    @property
    def shape(self) -> str:
        return self.face.shapes[self.id]

    @property
    def claim(self) -> tuple[str, str]:
        return self.shape, self.text


class _Glyphs(mupdf.FzDevice2):  # type: ignore[misc]
    """Collects the glyphs that a page draws, whatever marked content says that they mean."""

    def __init__(self) -> None:
        super().__init__()
        for use in ("fill", "stroke", "clip", "clip_stroke", "ignore"):
            getattr(self, f"use_virtual_{use}_text")()
        self.use_virtual_begin_metatext()
        self.use_virtual_end_metatext()
        self.found: list[_Glyph] = []
        self._meant: list[bool] = []  # of the marked content around: does it say what it means?

    def begin_metatext(self, _: Any, kind: Any, text: Any) -> None:
        """Take note of the texts that stand for glyphs."""
        self._meant.append(kind == mupdf.FZ_METATEXT_ACTUALTEXT)

    def end_metatext(self, _: Any) -> None:
        """Forget the text of marked content that ends."""
        if self._meant:
            self._meant.pop()

    def fill_text(self, _: Any, text: Any, ctm: Any, *rest: Any) -> None:
        """Take glyphs that are filled."""
        self._take(text, ctm, True)

    def stroke_text(self, _: Any, text: Any, stroke: Any, ctm: Any, *rest: Any) -> None:
        """Take glyphs of which the outline is drawn."""
        self._take(text, ctm, True)

    def clip_text(self, _: Any, text: Any, ctm: Any, *rest: Any) -> None:
        """Take glyphs that clip what comes."""
        self._take(text, ctm, True)

    def clip_stroke_text(self, _: Any, text: Any, stroke: Any, ctm: Any, *rest: Any) -> None:
        """Take glyphs whose outline clips what comes."""
        self._take(text, ctm, True)

    def ignore_text(self, _: Any, text: Any, ctm: Any) -> None:
        """Take glyphs that are not drawn."""
        self._take(text, ctm, False)

    def _take(self, text: Any, ctm: Any, shown: bool) -> None:
        place = ctm.a, ctm.b, ctm.c, ctm.d, ctm.e, ctm.f
        span = text.head
        while span:
            self._span(span, place, shown)
            span = span.next

    def _span(self, span: Any, place: tuple[float, ...], shown: bool) -> None:
        a, b, c, d, e, f = place
        trm = span.trm
        along = a * trm.a + c * trm.b, b * trm.a + d * trm.b
        size = math.hypot(*along)
        if span.wmode:
            along = a * trm.c + c * trm.d, b * trm.c + d * trm.d
            along = -along[0], -along[1]
        length = math.hypot(*along)
        if not (0 < size < 1e6 and 0 < length < 1e6):
            return
        along = along[0] / length, along[1] / length
        # Bitmaps that stand on their heads in their font: the matrix of the text turns them round.
        mirrored = (
            span.font.t3procs is not None and (a * d - b * c) * (trm.a * trm.d - trm.b * trm.c) > 0
        )
        face = _face(span.font, mirrored)
        items = mupdf.FzTextSpan(span)
        last: _Glyph | None = None
        for index in range(span.len):
            item = items.items(index)
            letter = chr(item.ucs) if 0 < item.ucs < 0x110000 else "\ufffd"
            if item.gid < 0:
                if last is not None:
                    last.text += letter
                continue
            x, y = item.x, item.y
            if item.gid not in face.shapes:
                _picture(face, item.gid)
            last = _Glyph(
                face, item.gid, letter, a * x + c * y + e, b * x + d * y + f, size, along, shown,
                1.0 if span.wmode else _advance(face, item.gid), any(self._meant),
            )  # fmt: skip
            self.found.append(last)


_faces: OrderedDict[tuple[int, bool], _Face] = OrderedDict()


def _face(font: Any, mirrored: bool) -> _Face:
    """Return the face of a MuPDF font. It keeps the font open, so that its address stays its own."""
    address = int(font.this), mirrored
    if address in _faces:
        _faces.move_to_end(address)
        return _faces[address]
    face = _Face(mupdf.FzFont(mupdf.ll_fz_keep_font(font)), mirrored)
    _faces[address] = face
    while len(_faces) > _FONTS:
        _faces.popitem(last=False)
    return face


@functools.cache
def _black() -> Any:
    return mupdf.fz_device_gray()


def _drawn(glyphs: Sequence[tuple[_Face, int, float, float]], em: float, size: Any) -> Any:
    """Return a grey picture, (height, width) uint8, of glyphs at (x, baseline)."""
    width, height = size
    pixmap = mupdf.fz_new_pixmap_with_bbox(
        _black(), mupdf.FzIrect(0, 0, width, height), mupdf.FzSeparations(), 0
    )
    mupdf.fz_clear_pixmap_with_value(pixmap, 255)
    device = mupdf.fz_new_draw_device(mupdf.FzMatrix(), pixmap)
    for face, glyph, x, y in glyphs:
        text = mupdf.FzText()
        matrix = mupdf.FzMatrix(em, 0, 0, face.up * em, x, y)
        mupdf.fz_show_glyph(text, face.font, matrix, glyph, 32, 0, 0, 0, 0)
        mupdf.fz_fill_text(
            device, text, mupdf.FzMatrix(), _black(), [0.0], 1.0, mupdf.FzColorParams()
        )
    mupdf.fz_close_device(device)
    samples = mupdf.fz_pixmap_samples_memoryview(pixmap)
    return np.frombuffer(bytes(samples), np.uint8).reshape(height, width)


def _picture(face: _Face, glyph: int) -> None:
    """Find the shape of a glyph, a digest of its picture, and its height in em."""
    face.shapes[glyph], face.heights[glyph] = BLANK, 0.0
    em = _SHAPE_EM
    box = mupdf.fz_bound_glyph(face.font, glyph, mupdf.FzMatrix(em, 0, 0, face.up * em, 0, 0))
    if not math.isfinite(box.x0 + box.y0 + box.x1 + box.y1):
        return
    width, height = box.x1 - box.x0, box.y1 - box.y0
    if not (0 < width < 1e5 and 0 < height < 1e5):
        return
    shrink = min(1.0, _LARGEST / max(width, height))
    left, top = 2 - math.floor(box.x0 * shrink), 2 - math.floor(box.y0 * shrink)
    size = math.ceil(width * shrink) + 5, math.ceil(height * shrink) + 5
    picture = _drawn([(face, glyph, left, top)], em * shrink, size)
    rows = np.flatnonzero(picture.min(axis=1) <= 200)
    if not rows.size:
        return
    # The box of a Type 3 glyph is that of its font: only the ink tells how large it is.
    face.heights[glyph] = float(rows[-1] - rows[0] + 1) / (em * shrink)
    # Where it stands belongs to it: an apostrophe is a comma that was lifted.
    mark = f"{picture.shape} {left} {top} {shrink:.4f} ".encode()
    face.shapes[glyph] = hashlib.blake2b(mark + picture.tobytes(), digest_size=10).hexdigest()


def _advance(face: _Face, glyph: int) -> float:
    width = mupdf.fz_advance_glyph(face.font, glyph, 0)
    return width if math.isfinite(width) and 0 < width < _WIDEST else 0.5


@functools.lru_cache(maxsize=1)
def _whole(path: str, password: str | None) -> Any:
    """Return the document with every layer shown: what is off can be switched on by anybody."""
    document = _open(path, password)
    layers = list(document.get_ocgs())
    if layers:
        # A copy: the one that pages are drawn from stays as it is, and only opening reads layers.
        with _open.__wrapped__(path, password) as copy:
            copy.set_layer(-1, basestate="ON", on=layers, off=[])
            data = copy.tobytes(encryption=mupdf.PDF_ENCRYPT_NONE)
        return pymupdf.open(stream=data, filetype="pdf")
    return document


@functools.lru_cache(maxsize=2)
def _glyphs(path: str, password: str | None, number: int) -> list[_Glyph]:
    sheet = _whole(path, password).load_page(number - 1)
    device = _Glyphs()
    page = sheet.this if isinstance(sheet.this, mupdf.FzPage) else sheet.this.super()
    mupdf.fz_run_page(page, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return device.found


def _runs(glyphs: Sequence[_Glyph]) -> Iterator[list[_Glyph]]:
    """Yield the runs of glyphs that stand one after another in one face."""
    run: list[_Glyph] = []
    for glyph in glyphs:
        if glyph.text.isspace() and glyph.shape == BLANK:
            if run:
                yield run
            run = []
            continue
        if run and not (run[-1].face is glyph.face and _follows(run[-1], glyph, _GAP)):
            yield run
            run = []
        run.append(glyph)
    if run:
        yield run


def _follows(last: _Glyph, glyph: _Glyph, gap: float) -> bool:
    (ux, uy), em = last.along, last.size
    if abs(glyph.size - em) > 0.05 * em or ux * glyph.along[0] + uy * glyph.along[1] < 0.99:
        return False
    dx = glyph.x - last.x - last.advance * em * ux
    dy = glyph.y - last.y - last.advance * em * uy
    return abs(dx * ux + dy * uy) <= gap * em and abs(dy * ux - dx * uy) <= _OFF * em


# --- what the parent asks for ---------------------------------------------------------------------


@_guarded
def claims(blobs: list[bytearray], *, path: str, password: str | None, number: int) -> Reply:
    """Return each [shape, text] that the page claims, and whether marked content says otherwise."""
    glyphs = _glyphs(path, password, number)
    # Without ink and without being drawn: the text layer over a scan.
    found = {g.claim for g in glyphs if g.shown or g.shape != BLANK}
    return {"claims": sorted(map(list, found)), "replaced": any(g.replaced for g in glyphs)}, []


@_guarded
def specimens(
    blobs: list[bytearray],
    *,
    path: str,
    password: str | None,
    number: int,
    wanted: Sequence[Sequence[str]],
    samples: int,
) -> Reply:
    """Return lines of text in which the wanted claims stand, drawn black on white.

    Args:
        blobs: none.
        path, password, number: the page.
        wanted: claims ``[shape, text]``.
        samples: in how many words, if there are so many, each of them is to be shown.

    Returns:
        For each line its width and its claims in order (a space is ``["", " "]``); as blobs their
        grey pixels, 48 rows each.
    """
    missing = {(shape, text): samples for shape, text in wanted if shape != BLANK}
    places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    runs = list(_runs(_glyphs(path, password, number)))
    for index, run in enumerate(runs):
        for place, glyph in enumerate(run):
            if glyph.claim in missing and len(places[glyph.claim]) < 40:
                places[glyph.claim].append((index, place))
    words: list[list[_Glyph]] = []
    taken: set[tuple[int, int]] = set()
    # The rarest first: their words bring the common ones along.
    for claim in sorted(missing, key=lambda claim: len(places[claim])):
        best = sorted(places[claim], key=lambda spot: -min(len(runs[spot[0]]), _WORD))
        for index, place in best:
            if missing[claim] <= 0:
                break
            start = max(0, min(place - _WORD // 2, len(runs[index]) - _WORD))
            if (index, start) in taken:
                continue
            taken.add((index, start))
            word = runs[index][start : start + _WORD]
            words.append(word)
            for other in {glyph.claim for glyph in word} & missing.keys():
                missing[other] -= 1
        if samples > 1 and missing[claim] > 0 and places[claim]:
            # It stands in too few words: three of it beside each other are another look.
            index, place = places[claim][0]
            words.append([runs[index][place]] * 3)
    lines: list[Any] = []
    pictures: list[Buffer] = []
    for line in _lines(words):
        width, shown, pixels = _specimen(line)
        lines.append([width, shown])
        pictures.append(pixels)
    return lines, pictures


def _lines(words: Sequence[list[_Glyph]]) -> Iterator[list[list[_Glyph]]]:
    """Yield words of one face together, as many as a line holds."""
    line: list[list[_Glyph]] = []
    ordered = sorted(words, key=lambda word: id(word[0].face))
    for word in ordered:
        full = sum(len(other) + 1 for other in line) + len(word) > _LINE
        if line and (full or line[-1][0].face is not word[0].face):
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _specimen(words: Sequence[Sequence[_Glyph]]) -> tuple[int, list[list[str]], bytes]:
    tallest = max((g.face.heights[g.id] for word in words for g in word), default=1.0)
    em = _EM / max(1.0, tallest / _TALLEST)
    if words[0][0].face.drawn and tallest:
        em = _EM * min(8.0, max(0.05, _CAPITAL / tallest))
    x, shown = float(_MARGIN), []
    drawn: list[tuple[_Face, int, float, float]] = []
    for index, word in enumerate(words):
        if index:
            x += 0.35 * em
            shown.append(["", " "])
        for glyph in word:
            drawn.append((glyph.face, glyph.id, x, float(_BASELINE)))
            shown.append([glyph.shape, glyph.text])
            x += max(0.12, _advance(glyph.face, glyph.id)) * em
    width = math.ceil(x) + _MARGIN
    return width, shown, _drawn(drawn, em, (width, _HEIGHT)).tobytes()


@_guarded
def spelt(
    blobs: list[bytearray],
    *,
    path: str,
    password: str | None,
    number: int,
    letters: Sequence[Sequence[str]],
) -> Reply:
    """Return the lines in which certain claims stand, with other letters for them.

    Args:
        blobs: none.
        path, password, number: the page.
        letters: ``[shape, text, instead]``.

    Returns:
        Lines that hold such claims, or glyphs that marked content gives another text: each a list of
        words ``[text, x0, y0, x1, y1]``; and the middles ``[x, y]`` of the glyphs that claim so, all on
        the page as displayed.
    """
    instead = {(shape, text): letter for shape, text, letter in letters}
    lines: list[list[list[Any]]] = []
    spots: list[list[float]] = []
    last: _Glyph | None = None
    for run in _runs(_glyphs(path, password, number)):
        hit = [glyph for glyph in run if glyph.claim in instead]
        spots += [list(_middle(glyph)) for glyph in hit]
        text = "".join(instead.get(glyph.claim, glyph.text) for glyph in run)
        text = "".join(text.split())
        if last is None or not _follows(last, run[0], 3.0):
            lines.append([])
        last = run[-1]
        if text:
            boxes = [_box(glyph) for glyph in run]
            x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
            x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
            lines[-1].append([text, x0, y0, x1, y1, bool(hit) or any(g.replaced for g in run)])
    found = [[word[:5] for word in line] for line in lines if any(word[5] for word in line)]
    return {"lines": found, "spots": spots}, []


def _middle(glyph: _Glyph) -> tuple[float, float]:
    x0, y0, x1, y1 = _box(glyph)
    return (x0 + x1) / 2, (y0 + y1) / 2


def _box(glyph: _Glyph) -> tuple[float, float, float, float]:
    """Return the box of a glyph from its baseline: .2 em below to .75 em above."""
    (ux, uy), em = glyph.along, glyph.size
    corners = [
        (
            glyph.x + ux * along * em + uy * up * em,
            glyph.y + uy * along * em - ux * up * em,
        )
        for along in (0.0, glyph.advance)
        for up in (-0.2, 0.75)
    ]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)
