"""Apply edits to a PDF: remove what stands under them, clean the document, write it anew.

Both functions run in the parsing child. :func:`erase` leaves no pixel, glyph, path or annotation under an
edit and hands out crops that are already blank there; :func:`finish` puts the painted crops in.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf

from ...errors import BrokenError, EncryptedError
from ...geometry import Affine, BBox, Point, Polygon
from ..carriers import Policy, Profile
from ..carriers import policies as usual_policies
from ..needles import Needles
from ..sanitize import Job, sanitize
from ..wire import Buffer
from . import pdf_annots, pdf_apart, pdf_bookmarks, pdf_image_codecs, pixel_setting
from .fitted import parted
from .pdf_area import Area, page_matrix
from .pdf_content import Eraser
from .pdf_line_parts import LinePlan, Scene
from .pdf_lines import LABEL_FILL, LEAST_GAP, gap_width, label_text, plan_lines
from .pdf_pictures import Pictures, replace
from .pdf_usage import empty_contents, prune_replaced
from .replace_pdf import MARK, Replacements
from .weathering import Weather

Reply = tuple[Any, list[Buffer]]

_REPLACED = "other text on its page is replaced"
_DRAWN = "it is drawn, not written"
_ON_TOP = "it stands in a form field or a note"


def erase(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    edits: Mapping[str, Sequence[Mapping[str, Any]]],
    fill: str,
    profile: str,
    policies: Mapping[str, Policy] | None = None,
    terms: Sequence[str],
    whole_words: bool,
    out: str,
    least: float = 0.7,
    keep_gaps: bool = False,
    keep_breaks: bool = False,
    deep: bool = False,
    pages: int = 0,
) -> Reply:
    """Write a PDF without what stands under the edits, and with what replaces it.

    Args:
        blobs: none.
        path: the input.
        password: to open it; the output is encrypted with it again.
        edits: page number -> edits with ``kind``, ``polygon``, ``rule`` and ``original``; those that
            replace also with ``areas``, ``replacement`` and ``setting``.
        fill: ``"erase"``, ``"box"`` or ``"label"``.
        profile: of the cleaning, see :mod:`docharmony.io.sanitize`; ``"keep"`` cleans nothing.
        policies: what becomes of each carrier; None takes those of the profile.
        terms: texts that must not be left in any carrier.
        whole_words: terms are whole words.
        out: file to write.
        least: smallest size for new text, as a share of the old one's.
        keep_gaps: leave text that follows removed text on its line where it stands; otherwise the line
            is set anew, see :mod:`.pdf_lines`.
        keep_breaks: leave words on their lines; otherwise paragraphs are broken anew, see
            :mod:`.pdf_paragraphs`.
        deep: clean content streams and names, too.
        pages: how many another parser has found; 0 if that was not asked.

    Returns:
        A value with ``carriers`` (report entries), ``removed`` (counts), ``fits`` (what became of
        replacing edits), ``crops`` ((height, width) of each), ``texts`` (new ones in crops), ``moves``
        (page number -> lines set anew) and ``gaps`` (page number, id of an edit, why its line was not
        set anew), and two blobs a crop: RGB, already blank, and its mask, one byte a pixel: 1 where it is
        to be painted, 2 where letters
        say nothing about the ground. Where there are crops, ``out`` is not the end result: call
        :func:`finish`.

    Raises:
        EncryptedError, BrokenError, LimitExceededError.
    """
    with _open(path, password) as pdf:
        if pages and len(pdf.pages) != pages:
            raise BrokenError(
                "cannot redact the file",
                why=f"parsers disagree on its pages: {pages} or {len(pdf.pages)}",
                hint="It is damaged: open it in a viewer and save it again.",
            )
        replacing = Replacements(pdf, least)
        pictures = Pictures(pdf, replacing, paint=fill == "erase")
        eraser = Eraser(pdf, pictures.edit)
        counts = {"glyphs": 0, "paths": 0, "images": 0, "annotations": 0}
        touched: dict[int, set[int]] = {}
        moves: dict[str, Any] = {}
        gaps: list[list[str]] = []
        replacing.survey([(_page(pdf, int(n)), parted(items)[1]) for n, items in edits.items()])
        apart = [i for items in edits.values() for i in items if i.get("picture")]
        counts["images"] += pdf_apart.clear(pdf, apart)
        for number, all_items in edits.items():
            page = _page(pdf, int(number))
            items = [item for item in all_items if not item.get("picture")]
            if not items:
                touched[int(number) - 1] = set()
                continue
            matrix, box = page_matrix(page)
            gone, new = parted(items)
            planned, old = replacing.plan(page, new)
            areas = [Area(item["polygon"]) for item in gone]
            lines = LinePlan()
            if old:
                gaps += [[number, item.get("id", ""), _REPLACED] for item in gone]
            elif gone and not keep_gaps:
                scene = eraser.survey(page, matrix, areas)
                wants = [gap_width(fill, str(item["rule"])) for item in gone]
                scene.solid += pdf_annots.solid(page, matrix)
                lines = plan_lines(scene, areas, wants, box, LEAST_GAP, keep_breaks=keep_breaks)
                pictures.plan(scene, areas, wants, lines)
                moves[number] = [move.to_json() for move in lines.moves]
                left = [*lines.kept.items(), *lines.told.items()]
                gaps += [[number, gone[i].get("id", ""), why] for i, why in left]
            in_place = replacing.in_place(page, planned) if planned else None
            removed = eraser.page(page, matrix, [*areas, *old], lines, in_place)
            counts["glyphs"] += removed.glyphs
            counts["paths"] += removed.paths
            counts["images"] += removed.images
            if gone and not old and not keep_gaps:
                gaps += [[number, gone[i].get("id", ""), _DRAWN] for i in _drawn(areas, lines)]
            seen = [area.glyphs for area in areas]
            shown: list[LinePlan] = []

            def plan(
                scene: Scene,
                within: BBox,
                areas: Sequence[Area] = areas,
                gone: Sequence[Mapping[str, Any]] = gone,
                shown: list[LinePlan] = shown,
            ) -> LinePlan:
                wants = [gap_width(fill, str(item["rule"])) for item in gone]
                shown.append(plan_lines(scene, areas, wants, within, LEAST_GAP, keep_breaks=True))
                return shown[-1]

            done = pdf_annots.clear(eraser, page, matrix, areas, None if keep_gaps or old else plan)
            counts["annotations"] += len(done)
            for one in shown:
                lines.gaps += one.gaps
                lines.kept.update(one.kept)
                moves.setdefault(number, []).extend(move.to_json() for move in one.moves)
                gaps += [[number, gone[i].get("id", ""), why] for i, why in one.kept.items()]
            if not keep_gaps:
                told = {index for gap in lines.gaps for index in gap.areas} | lines.kept.keys()
                gaps += [
                    [number, gone[i].get("id", ""), _ON_TOP]
                    for i, area in enumerate(areas)
                    if area.glyphs > seen[i] and i not in told
                ]
            pdf_annots.follow(pdf, page, matrix, lines.moves)
            touched[int(number) - 1] = removed.mcids
            if fill != "erase" and gone:
                boxes = _boxes(gone, lines)
                _draw_boxes(pdf, page, matrix, boxes, label=fill == "label")
            replacing.draw(page, matrix, planned, old)
        replacing.finish()
        set_anew = {fit.id for fit in replacing.fits if fit.fitted}
        new = [i for items in edits.values() for i in parted(items)[1]]
        pdf_bookmarks.rename(pdf, [item for item in new if item["id"] in set_anew])
        prune_replaced(pdf, eraser.replaced)
        empty_contents(pdf, eraser.contents)
        originals = [i["original"] for items in edits.values() for i in parted(items)[0]]
        clean: Profile = "publish" if profile == "publish" else "minimal"
        job = Job(
            pdf,
            clean,
            Needles(terms, originals, whole_words=whole_words),
            touched,
            {key: pictures.copies.get(key) for key in eraser.replaced},
            policies=usual_policies(clean, {}) if policies is None else policies,
            deep=deep,
        )
        if profile != "keep":
            sanitize(job)
        _save(pdf, out, password)
    job.note("earlier revisions and unused objects", "removed")
    fits = [item.to_json() for item in replacing.fits]
    value = {
        "carriers": job.actions,
        "removed": counts,
        "crops": pictures.shapes,
        "texts": replacing.texts,
        "fits": fits,
        "moves": {number: own for number, own in moves.items() if own},
        "gaps": gaps,
    }
    return value, pictures.blobs


def finish(
    blobs: Sequence[Buffer],
    *,
    path: str,
    password: str | None,
    crops: Sequence[Sequence[int]],
    out: str,
    least: float = 0.7,
    lettered: Sequence[str] = (),
    **_: Any,
) -> Reply:
    """Put painted crops, and new text, into the images of the file that :func:`erase` wrote.

    Args:
        blobs: for each crop the painted RGB, height * width * 3 bytes, and its mask.
        path: the file that erase wrote.
        password: as for erase.
        crops: what erase returned.
        out: file to write.
        least: as for erase.
        lettered: ids of edits whose texts the crops show already.
    """
    with _open(path, password) as pdf:
        marked = [i for i in pdf.objects if isinstance(i, pikepdf.Stream) and MARK in i]
        for image in marked:
            note = json.loads(str(image[MARK]))
            del image[MARK]
            picture = pdf_image_codecs.decode(image)
            picture.codec, picture.jpeg = note["codec"], note["jpeg"]
            weather = Weather(picture) if note.get("texts") else None
            for crop, rows, columns in note["crops"]:
                height, width = crops[crop]
                painted = np.frombuffer(blobs[2 * crop], np.uint8).reshape(height, width, 3)
                mask = np.frombuffer(blobs[2 * crop + 1], np.uint8).reshape(height, width)
                if weather is not None:
                    weather.fill((slice(*rows), slice(*columns)), painted, mask)
                else:
                    picture.put((slice(*rows), slice(*columns)), painted, mask == 1)
            height, width = picture.samples.shape[:2]
            for text in note.get("texts", ()):
                if text["edit"]["id"] in lettered:
                    continue
                # The unit square of an image has its origin at the bottom left.
                to_pixels = Affine(*text["to_unit"]).then(Affine(width, 0, 0, -height, 0, height))
                pixel_setting.draw(picture, text["edit"], to_pixels, least, weather)
            if weather is not None:
                weather.code()
            replace(image, pdf_image_codecs.encode(pdf, image, picture, note["size"]))
        _save(pdf, out, password)
    return {}, []


def _open(path: str, password: str | None) -> pikepdf.Pdf:
    try:
        pdf = pikepdf.open(path, password=password or "")
        if not isinstance(pdf.trailer.get("/Root"), pikepdf.Dictionary) or not len(pdf.pages):
            raise pikepdf.PdfError("no pages")
        return pdf
    except pikepdf.PasswordError as error:
        raise EncryptedError(
            "cannot open the file",
            why="the password is wrong" if password else "it is encrypted",
            hint="Give the password with --password or DOCHARMONY_PASSWORD.",
        ) from error
    except pikepdf.PdfError as error:
        raise BrokenError(
            "cannot open the file",
            why="its structure is damaged beyond repair",
            hint="Open it in a viewer and save it again.",
        ) from error


def _page(pdf: pikepdf.Pdf, number: int) -> pikepdf.Page:
    if not 1 <= number <= len(pdf.pages):
        raise BrokenError(
            "cannot redact the page", where=f"page {number}", why="parsers disagree on the pages"
        )
    return pdf.pages[number - 1]


def _save(pdf: pikepdf.Pdf, out: str, password: str | None) -> None:
    """Write the whole file anew: one revision, no unused objects, a new identifier."""
    # qpdf keeps the first half of an identifier and makes the second itself.
    fresh = pikepdf.String(os.urandom(16))
    pdf.trailer["/ID"] = pikepdf.Array([fresh, fresh])
    if "/Size" not in pdf.trailer:  # of a damaged file; qpdf would write none
        pdf.trailer["/Size"] = 1
    encryption: Any = None
    if pdf.is_encrypted and password:
        allowed = pdf.allow
        encryption = pikepdf.Encryption(user=password, owner=password, R=6, allow=allowed)
    pdf.save(
        Path(out),
        encryption=encryption or False,
        linearize=False,
        compress_streams=True,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        fix_metadata_version=False,
        preserve_pdfa=False,
    )


def _boxes(items: Sequence[Mapping[str, Any]], lines: LinePlan) -> list[Mapping[str, Any]]:
    """Return the edits with the boxes that stand for them: where a line was set anew, its gaps."""
    boxes: list[Mapping[str, Any]] = []
    for gap in lines.gaps:
        band = -0.78 * gap.move.size, 0.24 * gap.move.size
        polygon = [list(p) for p in gap.move.polygon(gap.start, gap.end, band)]
        boxes.append({**items[min(gap.areas)], "polygon": polygon})
    done = {index for gap in lines.gaps for index in gap.areas}
    return [*boxes, *(item for index, item in enumerate(items) if index not in done)]


def _drawn(areas: Sequence[Area], lines: LinePlan) -> list[int]:
    """Return the areas, of which nothing is said yet, in which a drawing went and not text alone."""
    told = {index for gap in lines.gaps for index in gap.areas} | lines.kept.keys()
    return [i for i, area in enumerate(areas) if i not in told and area.hits > area.glyphs]


def _draw_boxes(
    pdf: pikepdf.Pdf,
    page: pikepdf.Page,
    matrix: Affine,
    items: Sequence[Mapping[str, Any]],
    *,
    label: bool,
) -> None:
    """Draw a black box over each edit, with the name of its rule when asked to."""
    back = matrix.inverse()
    lines = ["q 0 g"]
    for item in items:
        corners = [back.apply((x, y)) for x, y in item["polygon"]]
        path = " ".join(
            f"{p.x:.3f} {p.y:.3f} {'l' if index else 'm'}" for index, p in enumerate(corners)
        )
        lines.append(f"{path} h f")
    if label:
        lines.append("1 g BT")
        labelled: list[BBox] = []
        # Where edits overlap, one label is legible and two are not: the largest gets it.
        for item in sorted(items, key=lambda item: -Polygon.of(item["polygon"]).bbox.area):
            polygon = Polygon.of(item["polygon"])
            if all(polygon.bbox.intersection(other).is_empty for other in labelled):
                lines += _label(polygon, str(item["rule"]), back)
                labelled.append(polygon.bbox)
        lines.append("ET")
        _add_font(pdf, page)
    lines.append("Q")
    page.contents_add(pdf.make_stream(b"q\n"), prepend=True)
    page.contents_add(pdf.make_stream(("\nQ\n" + "\n".join(lines) + "\n").encode("ascii")))


def _label(polygon: Polygon, rule: str, back: Affine) -> list[str]:
    """Return the text operators that write a rule's name into its box, in reading direction."""
    import pymupdf

    name = label_text(rule)
    points = list(polygon) if len(polygon) == 4 else list(polygon.bbox.polygon())
    origin, right, down = points[0], points[1], points[3]
    width, height = math.dist(origin, right), math.dist(origin, down)
    if not name or width < 1 or height < 1:
        return []
    if height > 1.5 * width and polygon.is_axis_aligned:  # a tall box: write upwards
        origin, right, down = points[3], points[0], points[2]
        width, height = height, width
    natural = float(pymupdf.get_text_length(name, "helv", 1.0))
    size = min(height * LABEL_FILL, 0.9 * width / natural)
    along = Point((right.x - origin.x) / width, (right.y - origin.y) / width)
    away = Point((down.x - origin.x) / height, (down.y - origin.y) / height)
    left = (width - size * natural) / 2
    base = height / 2 + 0.36 * size
    start = Point(
        origin.x + along.x * left + away.x * base, origin.y + along.y * left + away.y * base
    )
    # Text runs along `along` and stands up against `away`; both are mapped into user space.
    frame = Affine(along.x, along.y, -away.x, -away.y, start.x, start.y).then(back)
    numbers = " ".join(f"{value:.4f}" for value in frame)
    escaped = name.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return [f"/DHLabel {size:.3f} Tf {numbers} Tm ({escaped}) Tj"]


def _add_font(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    resources = page.get("/Resources")
    fresh = pikepdf.Dictionary(dict(resources.items()) if resources is not None else {})
    fonts = fresh.get("/Font")
    table = pikepdf.Dictionary(dict(fonts.items()) if fonts is not None else {})
    table["/DHLabel"] = pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type1,
            BaseFont=pikepdf.Name.Helvetica,
            Encoding=pikepdf.Name.WinAnsiEncoding,
        )
    )
    fresh["/Font"] = table
    page.obj["/Resources"] = fresh
