"""Audits and checks of a PDF. Runs in the parsing child; see :mod:`docharmony.io.verify`."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import functools
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pikepdf
import pymupdf

from ..errors import BrokenError, EncryptedError
from ..geometry import BBox
from .cut_off import cut_off, is_cut_off
from .moves import Move
from .needles import Needles, fold
from .other_codes import Codes, holders, maps_of, spelt
from .verify_bytes import object_hits, raw_hit, revision_hits, revisions
from .verify_marks import bookmark_leaks
from .verify_moves import Went, rest_check
from .verify_page import hidden_text, opaque_boxes
from .verify_text import (
    Char,
    hit_words,
    mupdf,
    mupdf_lines,
    mupdf_words,
    page_hits,
    pdfium,
    pdfium_chars,
    visual_order,
)
from .wire import Buffer
from .write.pdf_area import Area

Reply = tuple[Any, list[Buffer]]

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)

# Ink of the source that may be found again in the output under an edit: share of its pixels.
_REMAINS = 0.5
_INK = 40


def audit_document(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    terms: Sequence[str],
    whole_words: bool,
) -> Reply:
    """Return the number of pages and the findings that belong to no page."""
    needles = Needles(terms, whole_words=whole_words)
    findings = []
    document = mupdf(path, password)
    if document.is_repaired and is_cut_off(path):
        raise cut_off("")
    count = document.page_count
    with _open(path, password) as pdf:
        findings += [finding("carrier", where=where) for where in sorted(_carriers(pdf))]
        for where in sorted(set(object_hits(pdf, needles))):
            findings.append(finding("term", where=where))
    earlier = revisions(path)
    if earlier:
        findings.append(finding("revision", where=f"{len(earlier)} earlier in the file"))
        if revision_hits(path, password, needles):
            findings.append(finding("term", where="earlier revision"))
    if raw_hit(path, needles):
        findings.append(finding("term", where="bytes of the file"))
    return {"pages": count, "findings": findings}, []


def audit_page(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    number: int,
    terms: Sequence[str],
    whole_words: bool,
) -> Reply:
    """Return the findings on a page: text that is not seen, and terms."""
    needles = Needles(terms, whole_words=whole_words)
    findings = [
        finding("term", number, box, f"text ({parser})")
        for parser, box in page_hits(path, password, number, needles)
    ]
    findings += [
        finding(hidden.kind, number, hidden.bbox, hidden.where, hidden.text)
        for hidden in hidden_text(path, password, number)
    ]
    titles = [title for _, title, page in _bookmarks(path, password) if page == number]
    if titles:
        words = mupdf_words(mupdf(path, password)[number - 1])
        boxes = opaque_boxes(path, password, number)
        findings += [
            finding("bad_redaction", number, box, "a bookmark says what the page hides", text)
            for text, box in bookmark_leaks(titles, words, boxes)
        ]
    return findings, []


@functools.lru_cache(maxsize=1)
def _bookmarks(path: str, password: str | None) -> list[tuple[int, str, int]]:
    try:
        return [(level, title, page) for level, title, page in mupdf(path, password).get_toc()]
    except (RuntimeError, ValueError, IndexError):  # a damaged tree: nothing to compare
        return []


def check_document(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    source: str,
    needles: Sequence[str],
    terms: Sequence[str],
    whole_words: bool,
) -> Reply:
    """Check what belongs to no page of an output; return checks ``[name, passed, detail]``."""
    sought = Needles(terms, needles, whole_words=whole_words)
    checks: list[list[Any]] = []
    pages = mupdf(path, password).page_count
    others = len(pdfium(path, password)), mupdf(source, password).page_count
    same = pages == others[0] == others[1]
    checks.append(["pages", same, f"{pages} pages by two parsers, {others[1]} in the input"])
    with _open(path, password) as pdf:
        places = sorted(set(object_hits(pdf, sought)))
        if _in_other_codes(pdf, source, password, sought):
            places.append("text in the codes of another font")
        identifier = pdf.trailer.get("/ID")
        old = _identifier(source, password)
        fresh = identifier is None or bytes(identifier[0]) != old
    if raw_hit(path, sought):
        places.append("bytes of the file")
    checks.append(["strings and streams", not places, _places(places)])
    whole = not revisions(path)
    detail = "one revision" if whole else "earlier revisions"
    checks.append(["written anew", whole and fresh, detail + ("" if fresh else ", old identifier")])
    return checks, []


def _in_other_codes(pdf: pikepdf.Pdf, source: str, password: str | None, sought: Needles) -> bool:
    """Return whether an output shows a needle in the codes of another font of the source."""

    @functools.cache
    def maps() -> list[Codes]:
        with _open(source, password) as before:
            return maps_of(before)

    every = bool(mupdf(source, password).is_repaired)
    try:
        return any(spelt(holder, maps, sought, every=every) for holder in holders(pdf))
    except (pikepdf.PdfError, TypeError, ValueError):
        return every  # what cannot be parsed; of whole files the other checks read it


def unseen(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    areas: Mapping[str, Sequence[Sequence[Sequence[float]]]],
    needles: Sequence[str],
    terms: Sequence[str],
    whole_words: bool,
) -> Reply:
    """Return page number -> ``[box, word]`` of sought words under no area, all layers switched on."""
    sought = Needles(terms, needles, whole_words=whole_words)
    with _open(path, password) as pdf:
        layers = pdf.Root.get("/OCProperties")
        if isinstance(layers, pikepdf.Dictionary):
            layers["/D"] = pikepdf.Dictionary(BaseState=pikepdf.Name.ON)
        body = io.BytesIO()
        pdf.save(body)
    found: dict[str, list[Any]] = {}
    with pymupdf.open(stream=body.getvalue(), filetype="pdf") as document:
        for page in document:
            number = str(page.number + 1)
            known = [Area(polygon) for polygon in areas.get(number, ())]
            words = mupdf_words(page)
            # Letters drawn in another order than they stand can make one word, "iT".
            letters = [char for line in mupdf_lines(page) for char in line if char.text.strip()]
            for order in (words, visual_order(words), visual_order(letters)):
                for word in hit_words(order, sought):
                    box = word.bbox.grow(0.5 if word.bbox.is_empty else 0.0)
                    entry = [list(box), word.text]
                    if not any(area.contains(*box.center) for area in known) and entry not in (
                        found.setdefault(number, [])
                    ):
                        found[number].append(entry)
    return {number: own for number, own in found.items() if own}, []


def check_page(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    source: str,
    number: int,
    polygons: Sequence[Sequence[Sequence[float]]],
    labels: Sequence[str],
    allowed: Sequence[Sequence[Sequence[float]]],
    needles: Sequence[str],
    terms: Sequence[str],
    whole_words: bool,
    fill: str,
    moves: Sequence[Mapping[str, Any]] = (),
) -> Reply:
    """Check a page of an output; return checks ``[name, passed, detail]``.

    Args:
        blobs: none.
        path: the output.
        password: of both files.
        source: the input.
        number: of the page, 1-based.
        polygons: of the edits applied.
        labels: what the boxes may say, for fill ``"label"``.
        allowed: polygons where a needle may stand, since somebody rejected the edit.
        needles: originals that may be nowhere.
        terms: terms that may be nowhere.
        whole_words: terms are whole words.
        fill: how the areas were filled.
        moves: lines that were set anew.
    """
    sought = Needles(terms, needles, whole_words=whole_words)
    free = [Area(polygon) for polygon in allowed]
    left = [
        (parser, box)
        for parser, box in page_hits(path, password, number, sought)
        if box is None or not _allowed(box, free)
    ]
    checks = [["text", not left, _places([f"text by {parser}" for parser, _ in left])]]
    if polygons:
        areas = [Area(polygon) for polygon in polygons]
        names = {fold(label) for label in labels} if fill == "label" else set()
        went = Went([Move.from_json(move) for move in moves], source, password, number, areas)
        checks.append(_check_places(path, password, number, areas, names, went))
        checks.append(rest_check(path, source, password, number, areas, went))
        checks.append(_check_ink(path, source, password, number, areas, went, fill != "erase"))
        if fill == "erase" and any(move.words for move in went.moves):
            checks.append(gaps_check(_drawing(path, password, number), went.moves))
    return checks, []


def _allowed(box: BBox, areas: Sequence[Area]) -> bool:
    """Return whether a hit lies in areas that somebody left alone; it may go over several lines."""
    if any(area.contains(*box.center) for area in areas):
        return True
    inside = [area for area in areas if box.grow(1.0).contains(area.bbox.center)]
    return len(inside) > 1


def _check_places(
    path: str,
    password: str | None,
    number: int,
    areas: Sequence[Area],
    names: set[str],
    went: Went,
) -> list[Any]:
    page = mupdf(path, password)[number - 1]
    found = [char for line in mupdf_lines(page) for char in line]
    size = page.rect.width, page.rect.height
    gaps = went.gaps
    reach = BBox.around(area.bbox for area in (*areas, *gaps))
    other = pdfium_chars(pdfium(path, password)[number - 1], size, reach)
    count = 0
    for chars in (found, other):
        # Where a line was set anew, its gap must be empty but for its label, and so must the place of
        # the edit but for what the line brought there: words, and labels of its gaps, maybe several.
        labels: list[Char] = []
        for area in (*gaps, *areas):
            inside = [c for c in _inside(chars, area) if c not in labels and not went.came(c)]
            text = fold("".join(c.text for c in inside))
            # Of a label in an overlapping edit, an area may hold a part.
            if not any(text in name for name in names):
                count += len(inside)
            elif area in gaps:
                labels += inside
    return ["places", not count, f"{count} characters under edits, by two parsers"]


def _inside(chars: Sequence[Char], area: Area) -> list[Char]:
    box = area.bbox
    return [
        c
        for c in chars
        if c.bbox.x1 > box.x0
        and c.bbox.x0 < box.x1
        and c.bbox.y1 > box.y0
        and c.bbox.y0 < box.y1
        and _under(c, area)
    ]


def _under(char: Char, area: Area) -> bool:
    # The rim of an area is no proof: extractors disagree by a point on where a glyph ends.
    box = char.bbox
    if char.text.isspace() or box.is_empty:
        return False
    return area.depth(*box.center) > 0.12 * min(box.width, box.height)


def _check_ink(
    path: str,
    source: str,
    password: str | None,
    number: int,
    areas: Sequence[Area],
    went: Went,
    boxes: bool,
) -> list[Any]:
    """Check that no area still shows the ink that it showed."""
    before = _drawing(source, password, number)
    after = _drawing(path, password, number)
    if before[0].shape != after[0].shape:
        return ["pixels", False, "the page has another size"]
    failed = sum(
        1 for area in areas if ink_remains(before, after, area, went.into(area, boxes=boxes))
    )
    return ["pixels", not failed, f"{failed} of {len(areas)} areas still show their ink"]


def _drawing(path: str, password: str | None, number: int) -> tuple[Any, float]:
    page = mupdf(path, password)[number - 1]
    scale = min(2.0, (30e6 / max(1.0, page.rect.width * page.rect.height)) ** 0.5)
    pixmap = page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csGRAY)
    array = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)
    return array[:, : pixmap.width].astype(np.int16), scale


def gaps_check(after: tuple[Any, float], moves: Sequence[Move]) -> list[Any]:
    """Check that the gaps of lines of pixels show their ground alone: (grey int16, pixels a unit)."""
    picture, scale = after
    count = inked = 0
    for move in moves:
        for start, end in move.gaps if move.words else ():
            rim, band = 0.1 * move.size, (-0.7 * move.size, 0.1 * move.size)
            if end - start <= 3 * rim:
                continue
            box = move.polygon(start + rim, end - rim, band).bbox
            part = picture[
                max(0, int(box.y0 * scale)) : int(box.y1 * scale) + 1,
                max(0, int(box.x0 * scale)) : int(box.x1 * scale) + 1,
            ]
            count += 1
            inked += bool(part.size and (np.abs(part - np.median(part)) > _INK).mean() > 0.02)
    return ["gaps", not inked, f"{inked} of {count} gaps show ink"]


def ink_remains(
    before: tuple[Any, float], after: tuple[Any, float], area: Area, known: Sequence[BBox] = ()
) -> bool:
    """Return whether an area of `after` still shows the ink of `before`: (grey int16, pixels a unit).

    Boxes of what is known to stand there now are left out.
    """
    from PIL import Image, ImageDraw
    from scipy.ndimage import label

    (old, scale), (new, _) = before, after
    margin = 0.5 * max(area.bbox.height, 4.0)
    window = area.bbox.grow(margin)
    x0, y0 = max(0, int(window.x0 * scale)), max(0, int(window.y0 * scale))
    x1, y1 = int(window.x1 * scale) + 1, int(window.y1 * scale) + 1
    old, new = old[y0:y1, x0:x1], new[y0:y1, x0:x1]
    if not old.size or old.shape != new.shape:
        return False
    canvas = Image.new("L", (old.shape[1], old.shape[0]))
    spots = [(x * scale - x0, y * scale - y0) for x, y in area.points]
    ImageDraw.Draw(canvas).polygon(spots, fill=1)
    inside = np.asarray(canvas, bool)
    if not inside.any():
        return False
    ink = np.abs(old - np.median(old[inside])) > _INK
    # What goes on beyond the area is a rule, a frame or a neighbour, not what stood in it.
    parts, count = label(ink, np.ones((3, 3), int))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    within = np.bincount(parts[inside].ravel(), minlength=count + 1)
    own = (within >= 0.8 * sizes) & (np.arange(count + 1) > 0)
    ink = own[parts] & inside
    for box in known:
        rows = slice(max(0, int(box.y0 * scale) - y0), max(0, int(box.y1 * scale) + 1 - y0))
        columns = slice(max(0, int(box.x0 * scale) - x0), max(0, int(box.x1 * scale) + 1 - x0))
        ink[rows, columns] = False
    if ink.sum() < 8:
        return False
    left = np.abs(new - np.median(new[inside])) > _INK
    same = np.abs(new - old) < _INK
    return bool((left & same & ink).sum() > _REMAINS * ink.sum())


def _open(path: str, password: str | None) -> pikepdf.Pdf:
    try:
        pdf = pikepdf.open(path, password=password or "")
        len(pdf.pages)
        return pdf
    except pikepdf.PasswordError as error:
        raise EncryptedError("cannot open the file", why="the password is wrong") from error
    except pikepdf.PdfError as error:
        raise BrokenError(
            "cannot open the file",
            why="its structure is damaged",
            hint="Open it in a viewer and save it again.",
        ) from error


@functools.lru_cache(maxsize=4)
def _identifier(path: str, password: str | None) -> bytes | None:
    with _open(path, password) as pdf:
        found = pdf.trailer.get("/ID")
        return None if found is None else bytes(found[0])


def _carriers(pdf: pikepdf.Pdf) -> set[str]:
    """Return what a document carries besides its pages that nobody sees on them."""
    found: set[str] = set()
    root = pdf.Root
    names = root.get("/Names")
    if len(pdf.attachments):
        found.add("attachments")
    if isinstance(names, pikepdf.Dictionary) and "/JavaScript" in names:
        found.add("document JavaScript")
    form = root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and "/XFA" in form:
        found.add("XFA form")
    info = pdf.trailer.get("/Info")
    if isinstance(info, pikepdf.Dictionary):
        found.update(
            f"document information: {key[1:]}"
            for key in ("/Title", "/Author", "/Subject", "/Keywords")
            if str(info.get(key, "")).strip()
        )
    layers = root.get("/OCProperties")
    if isinstance(layers, pikepdf.Dictionary):
        settings = layers.get("/D")
        if isinstance(settings, pikepdf.Dictionary) and len(settings.get("/OFF", ())):
            found.add("hidden layers")
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            continue
        for key, where in (
            ("/PieceInfo", "application data"),
            ("/Thumb", "thumbnails"),
            ("/JS", "JavaScript"),
        ):
            if key in item:
                found.add(where)
        if item.get("/Subtype") == "/FileAttachment":
            found.add("attachments")
    return found


def finding(
    kind: str,
    page: int | None = None,
    box: BBox | None = None,
    where: str = "",
    text: str = "",
) -> dict[str, Any]:
    """Return a finding as it goes to the parent."""
    bbox = None if box is None else [round(v, 2) for v in box]
    return {"kind": kind, "page": page, "bbox": bbox, "where": where, "text": text}


def _places(places: Sequence[str]) -> str:
    return "nothing found" if not places else "found in: " + ", ".join(sorted(set(places)))
