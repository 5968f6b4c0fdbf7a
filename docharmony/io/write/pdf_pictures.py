"""Pictures on pages of a PDF under edits: blanked, their lines set anew, their crops handed out."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import pikepdf

from ...geometry import Affine, BBox
from ..moves import Move
from ..wire import Buffer
from . import pdf_image_codecs, pdf_images
from .pdf_area import Area, box_corners
from .pdf_line_parts import (
    Frame,
    Gap,
    LinePlan,
    Run,
    Scene,
    frame_point,
    hits_of,
    marks_of,
    turn_of,
)
from .pdf_lines import LEAST_GAP
from .pixel_letters import DRAWN
from .pixel_lines import PixelPlan, plan_pixels
from .pixel_moves import covered, set_anew
from .replace_pdf import MARK, Replacements

# Pixels of a picture whose lines are set anew: looking for them takes several times its memory.
_LARGEST = 100_000_000
# What decoding a damaged image raises.


class Pictures:
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
        _follow(lines, scene, areas, planned)

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
        if height * width > _LARGEST:
            return PixelPlan(kept=dict.fromkeys(range(len(areas)), "its picture is very large"))
        try:
            picture = pdf_image_codecs.decode(image)
        except pdf_image_codecs.BROKEN:
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
        picture = pdf_image_codecs.decoded(image)
        if picture.samples.shape[:2] != hidden.shape:
            hidden = pdf_images.cover(picture.samples.shape[:2], polygons)
        size = len(image.read_raw_bytes())
        lines = lines or PixelPlan()
        if not self._paint:
            pdf_images.flat_fill(picture, hidden)
            set_anew(picture, lines)
            new = pdf_image_codecs.encode(self._pdf, image, picture, size)
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
            if lines.lines:
                done = covered(lines, hidden.shape)
                hidden, zone = hidden & ~done, zone & ~done
            crops = self._crops(picture, hidden, zone, written)
            note = {"codec": picture.codec, "jpeg": picture.jpeg, "size": size, "crops": crops}
            # Exact until it is painted: coded once, at the end.
            picture.jpeg = None
            new = pdf_image_codecs.encode(self._pdf, image, picture, size)
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
        return pdf_image_codecs.encode(self._pdf, stream, picture, 0)

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


def replace(old: Any, new: Any) -> None:
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


def _follow(lines: LinePlan, scene: Scene, areas: Sequence[Area], moves: Sequence[Move]) -> None:
    """Let the text layer of a picture go along with the lines of pixels under it."""
    for run in scene.runs:
        if turn_of(run) is None or run.key in lines.moved or run.fixed:
            continue
        length = math.hypot(run.place.a, run.place.b)
        frame = Frame(run.place.a / length, run.place.b / length)
        move = next((move for move in moves if _lies_on(run, frame, move)), None)
        if move is None:
            continue
        gone = hits_of(run, areas)
        baseline = frame.place(run.place.e, run.place.f)[1]
        places: dict[int, float] = {}
        first: dict[int, float] = {}
        end = 0.0
        for mark in marks_of(run, frame, gone, 0.0):
            if mark.areas:
                continue
            start = move.place(frame_point(frame, mark.start, baseline))[0]
            width = mark.end - mark.start
            word = bisect_right(move.knots, (start + width / 2, math.inf)) - 1
            if mark.glyph.blank and places:
                new = end
            elif 0 <= word < len(move.knots) - 1 and word % 2 == 0:
                # With the ink: how far it was from it would tell how the ink stood on its grid.
                new = move.knots[word][1] + start - first.setdefault(word, start)
            else:
                new = move.to(start + width / 2) - width / 2
            places[mark.number], end = new, new + width
        lines.moved[run.key], lines.places[run.key] = move, places
        lines.gone[run.key] = set(gone)


def _lies_on(run: Run, frame: Frame, move: Move) -> bool:
    along, across = move.place((run.place.e, run.place.f))
    level = frame.ux * move.along[0] + frame.uy * move.along[1] > 0.99
    start, end = move.knots[0][0] - move.size, move.knots[-1][0] + move.size
    length = sum(g.advance for part in run.items if isinstance(part, list) for g in part)
    far = along + length * math.hypot(run.place.a, run.place.b)
    band = -0.35 * move.size <= across <= 0.3 * move.size
    return level and band and along < end and far > start
