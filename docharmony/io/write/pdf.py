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
from ..moves import Move
from ..needles import Needles
from ..sanitize import Job, sanitize
from ..wire import Buffer
from . import pdf_annots, pdf_images, pixel_setting
from .fitted import parted
from .pdf_area import Area, box_corners, page_matrix
from .pdf_content import Eraser
from .pdf_lines import (
    LABEL_FILL,
    LEAST_GAP,
    Gap,
    LinePlan,
    Scene,
    follow,
    gap_width,
    label_text,
    plan_lines,
)
from .pdf_usage import empty_contents, prune_replaced
from .pixel_ink import DRAWN
from .pixel_lines import PixelPlan, covered, plan_pixels, set_anew
from .replace_pdf import MARK, Replacements
from .weathering import Weather

Reply = tuple[Any, list[Buffer]]

# What decoding a damaged image raises.
_BROKEN = (ValueError, RuntimeError, TypeError, KeyError, pikepdf.PdfError)
_REPLACED = "other text on its page is replaced"


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
        pictures = _Pictures(pdf, replacing, paint=fill == "erase")
        eraser = Eraser(pdf, pictures.edit)
        counts = {"glyphs": 0, "paths": 0, "images": 0, "annotations": 0}
        touched: dict[int, set[int]] = {}
        moves: dict[str, Any] = {}
        gaps: list[list[str]] = []
        replacing.survey([(_page(pdf, int(n)), parted(items)[1]) for n, items in edits.items()])
        for number, items in edits.items():
            page = _page(pdf, int(number))
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
                lines = plan_lines(scene, areas, wants, box, LEAST_GAP)
                pictures.plan(scene, areas, wants, lines)
                moves[number] = [move.to_json() for move in lines.moves]
                gaps += [[number, gone[i].get("id", ""), why] for i, why in lines.kept.items()]
            in_place = replacing.in_place(page, planned) if planned else None
            removed = eraser.page(page, matrix, [*areas, *old], lines, in_place)
            counts["glyphs"] += removed.glyphs
            counts["paths"] += removed.paths
            counts["images"] += removed.images
            counts["annotations"] += len(pdf_annots.clear(eraser, page, matrix, areas))
            pdf_annots.follow(page, matrix, lines.moves)
            touched[int(number) - 1] = removed.mcids
            if fill != "erase" and gone:
                boxes = _boxes(gone, lines)
                _draw_boxes(pdf, page, matrix, boxes, label=fill == "label")
            replacing.draw(page, matrix, planned, old)
        replacing.finish()
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
            picture = pdf_images.decode(image)
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
            _replace(image, pdf_images.encode(pdf, image, picture, note["size"]))
        _save(pdf, out, password)
    return {}, []


class _Pictures:
    """Edits images for the eraser and keeps the crops that are to be painted."""

    def __init__(self, pdf: pikepdf.Pdf, replacing: Replacements, *, paint: bool) -> None:
        self._replacing = replacing
        self.copies: dict[tuple[int, int], Any] = {}
        self._plans: dict[tuple[Any, Affine], PixelPlan] = {}
        self.shapes: list[list[int]] = []
        self.blobs: list[Buffer] = []
        self._pdf, self._paint = pdf, paint

    def plan(
        self, scene: Scene, areas: Sequence[Area], wants: Sequence[float], lines: LinePlan
    ) -> None:
        """Plan how lines of pixels are set anew that lose words, and their text layer with them."""
        self._plans.clear()
        planned: list[Move] = []
        for image, ctm in scene.pictures:
            if not image.is_indirect or (image.objgen, ctm) in self._plans:
                continue
            corners = box_corners((0, 0, 1, 1), ctm)
            touching = [i for i, area in enumerate(areas) if area.meets(corners)]
            plan = self._plan(image, ctm, [areas[i] for i in touching], wants, touching)
            self._plans[image.objgen, ctm] = plan
            to_page = Affine(1 / image["/Width"], 0, 0, -1 / image["/Height"], 0, 1).then(ctm)
            for line in list(plan.lines):
                move = line.move.mapped(to_page)
                own = {touching[i] for found in line.gaps for i in found}
                if any(_disturbs(box, move) for box in scene.paths):
                    plan.lines.remove(line)
                    lines.kept.update(dict.fromkeys(own, DRAWN))
                    continue
                planned.append(move)
                lines.moves.append(move)
                for (start, end), found in zip(move.gaps, line.gaps, strict=True):
                    lines.gaps.append(Gap(move, start, end, frozenset(touching[i] for i in found)))
            lines.kept.update({touching[i]: why for i, why in plan.kept.items()})
        for gap in lines.gaps:
            for index in gap.areas:
                lines.kept.pop(index, None)
        follow(lines, scene, areas, planned)

    def _plan(
        self,
        image: Any,
        ctm: Affine,
        areas: Sequence[Area],
        wants: Sequence[float],
        touching: Sequence[int],
    ) -> PixelPlan:
        polygons, _ = _units(areas, ctm)
        height, width = int(image.get("/Height", 0)), int(image.get("/Width", 0))
        if not polygons or height <= 0 or width <= 0:
            return PixelPlan()
        across = math.hypot(ctm.a, ctm.b) / width, math.hypot(ctm.c, ctm.d) / height
        if ctm.a * ctm.d - ctm.b * ctm.c >= 0 or abs(across[0] / across[1] - 1) > 0.02:
            return PixelPlan(kept=dict.fromkeys(range(len(areas)), "its picture is distorted"))
        if any(isinstance(image.get(key), pikepdf.Stream) for key in ("/SMask", "/Mask")):
            return PixelPlan(kept=dict.fromkeys(range(len(areas)), "its picture has a mask"))
        try:
            picture = pdf_images.decode(image)
        except _BROKEN:
            return PixelPlan()  # editing it will say so
        height, width = picture.samples.shape[:2]
        pixels = [[(x * width, y * height) for x, y in polygon] for polygon in polygons]
        return plan_pixels(picture, pixels, [wants[i] for i in touching], LEAST_GAP)

    def edit(self, image: Any, ctm: Affine, areas: Sequence[Area]) -> Any:
        """Return the image without its pixels under the areas; see :class:`Eraser`."""
        corners = box_corners((0, 0, 1, 1), ctm)
        polygons, back = _units(areas, ctm)
        if back is None:
            return image  # without extent: nobody sees it
        if any(area.share(corners) > 0.995 and not area.edit for area in areas):
            return None
        scale = abs(back.a * back.d - back.b * back.c) ** 0.5
        lines = self._plans.get((image.objgen, ctm), PixelPlan())
        new = self._edited(image, polygons, [area.ink for area in areas], scale, lines)
        if MARK in new:
            size = int(new.get("/Height", 0)), int(new.get("/Width", 0))
            self._replacing.claim(new, back, size, areas)
        if new is not image and image.is_indirect:
            self.copies[image.objgen] = new
        return new

    def _edited(
        self,
        image: Any,
        polygons: Sequence[Sequence[tuple[float, float]]],
        inks: Sequence[tuple[tuple[tuple[int, int, int], ...], float] | None] = (),
        scale: float = 1.0,
        lines: PixelPlan | None = None,
    ) -> Any:
        height, width = int(image.get("/Height", 0)), int(image.get("/Width", 0))
        if height <= 0 or width <= 0:
            return image
        soft = {
            key: mask
            for key in ("/SMask", "/Mask")
            if isinstance(mask := image.get(key), pikepdf.Stream)
        }
        hidden = pdf_images.cover((height, width), polygons)
        masks = {key: self._edited(mask, polygons) for key, mask in soft.items()}
        if not hidden.any() and all(masks[key] is soft[key] for key in soft):
            return image
        try:
            picture = pdf_images.decode(image)
        except _BROKEN as error:
            raise BrokenError(
                "cannot redact an image",
                why="its data cannot be decoded",
                hint="Open the file in a viewer, save it again and retry.",
            ) from error
        if picture.samples.shape[:2] != hidden.shape:
            hidden = pdf_images.cover(picture.samples.shape[:2], polygons)
        size = len(image.read_raw_bytes())
        lines = lines or PixelPlan()
        if not self._paint:
            pdf_images.flat_fill(picture, hidden)
            set_anew(picture, lines)
            new = pdf_images.encode(self._pdf, image, picture, size)
        else:
            zone = hidden
            written: list[tuple[Any, tuple[int, int, int]]] = []
            if any(ink is not None for ink in inks):
                shape = picture.samples.shape[:2]
                hidden = pdf_images.cover(
                    shape, [p for p, ink in zip(polygons, inks, strict=True) if ink is None]
                )
                unit = scale * (shape[0] * shape[1]) ** 0.5
                for polygon, ink in zip(polygons, inks, strict=True):
                    if ink is not None:
                        own = pdf_images.letters(picture, polygon, ink[0], ink[1] * unit)
                        written.append((own, ink[0][0]))
                        hidden |= own
                zone = zone | hidden
            picture.samples[hidden] = 0
            set_anew(picture, lines)
            done = covered(lines, hidden.shape)
            hidden, zone = hidden & ~done, zone & ~done
            crops = self._crops(picture, hidden, zone, written)
            note = {"codec": picture.codec, "jpeg": picture.jpeg, "size": size, "crops": crops}
            # Exact until it is painted: coded once, at the end.
            picture.jpeg = None
            new = pdf_images.encode(self._pdf, image, picture, size)
            new[MARK] = json.dumps(note)
        for key, mask in masks.items():
            new[key] = mask
        if picture.alpha is not None and "/SMask" not in image and image.get("/SMaskInData", 0):
            new["/SMask"] = self._alpha(picture.alpha, polygons)
        return new

    def _alpha(self, alpha: Any, polygons: Sequence[Sequence[tuple[float, float]]]) -> Any:
        """Return the alpha channel of a JPEG 2000 image as a soft mask of its own."""
        picture = pdf_images.Picture(alpha[..., None], 8, "", "gray")
        stream = pikepdf.Stream(self._pdf, b"")
        stream["/Type"], stream["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Image
        stream["/ColorSpace"] = pikepdf.Name.DeviceGray
        pdf_images.flat_fill(picture, pdf_images.cover(alpha.shape, polygons))
        return pdf_images.encode(self._pdf, stream, picture, 0)

    def _crops(
        self, picture: pdf_images.Picture, hidden: Any, zone: Any, written: Sequence[Any]
    ) -> list[Any]:
        crops = []
        for (rows, columns), part in pdf_images.zones(zone, 1.5 if written else 0.75):
            ink = pdf_images.ink_of(written, (rows, columns), part)
            rgb, mask = pdf_images.crop(picture, hidden, (rows, columns), part, ink)
            crops.append([len(self.shapes), [rows.start, rows.stop], [columns.start, columns.stop]])
            self.shapes.append(list(mask.shape))
            self.blobs += [rgb.tobytes(), mask.tobytes()]
        return crops


def _units(
    areas: Sequence[Area], ctm: Affine
) -> tuple[list[list[tuple[float, float]]], Affine | None]:
    """Return areas in fractions of a picture, y down, and the map to its unit square."""
    try:
        back = ctm.inverse()
    except ValueError:
        return [], None
    units = [[back.apply(point) for point in area.points] for area in areas]
    return [[(u.x, 1 - u.y) for u in own] for own in units], back


def _disturbs(box: BBox, move: Move) -> bool:
    """Return whether something drawn over a picture stands on a line that is set anew."""
    common = box.intersection(move.area)
    return not common.is_empty and not box.grow(1.0).contains(move.area.center)


def _replace(old: Any, new: Any) -> None:
    """Give an image object, which others refer to, the dictionary and data of another."""
    keep = {key: old[key] for key in ("/SMask", "/Mask") if key in old}
    for key in list(old.keys()):
        if key != "/Length":
            del old[key]
    for key, value in new.items():
        if key not in ("/Length", "/Filter", "/DecodeParms"):
            old[key] = value
    for key, value in keep.items():
        old[key] = value
    old.write(new.read_raw_bytes(), filter=new.get("/Filter"), decode_parms=new.get("/DecodeParms"))


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
