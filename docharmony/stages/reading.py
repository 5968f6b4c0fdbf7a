"""Base classes of stages that read lines from pixels: the engine's own and those of OCR plugins.

Choose by what the reader can do:

* it finds and reads in one go (an OCR program): subclass :class:`ReadingStage`, implement
  :meth:`ReadingStage.read_image`;
* it has a detector and a recogniser: subclass :class:`LocatingStage`, implement ``locate`` and
  ``read``. Crops, way up and big batches over several pages come for free.

Both get images in which the text may lie any way, and hand back lines with exact places, on pages of
every route (see :mod:`docharmony.stages.lines`).
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..engine.crops import HEIGHT, MARGIN, LineCrop, crop_lines
from ..geometry import Affine, BBox, Polygon
from ..model import Line, Page
from ..stage import Context, Stage
from ..typeset.breaks import is_wide
from .ink import by_ink
from .lines import (
    Position,
    ReadConfig,
    areas_to_read,
    cut,
    find_position,
    how_well,
    levelled,
    line_of,
    map_line,
    merge_lines,
    read_upright,
)
from .upright import turn

if TYPE_CHECKING:
    from ..engine.base import Image, Reading, TextRegion

_PIXELS = 16_000_000  # of rasters held at once while lines of several pages are read together
_UPRIGHT = 15.0  # degrees by which a column of letters leans at most
_SAMPLES = 5  # lines that are read to find the way up
# What dirt is read as, and a piece of a leader that was taken for larger type.
_SPECK = re.compile(r"(?!\.{4})[.,'`´·:;_~ ]{1,8}|(?=.*•)[•·.\- ]{2,}")
_TELLING = 10.0  # their best length, in heights: some twenty letters


class ReadingStage(Stage):
    """A stage that reads an image in one go; subclasses implement :meth:`read_image`."""

    Config: ClassVar[type[Any]] = ReadConfig
    provides: ClassVar[frozenset[str]] = frozenset({"lines"})

    @abstractmethod
    def read_image(self, image: Image, ctx: Context) -> list[Line]:
        """Return the lines of an upright image in reading order, in its pixels; ids are ignored."""

    def read_images(self, images: Sequence[Image], ctx: Context) -> list[list[Line]]:
        """Return the lines of each image, in its pixels, whichever way its text lies."""
        orientation = self.config.orientation
        return [
            read_upright(image, orientation, lambda upright: self.read_image(upright, ctx))
            for image in images
        ]

    def process(self, page: Page, ctx: Context) -> Page:
        """Return the page with the lines that were read."""
        return next(self.process_batch([page], ctx))

    def process_batch(self, pages: Sequence[Page], ctx: Context) -> Iterator[Page]:
        """Yield each page with its lines; pages are read together as far as memory allows."""
        jobs: list[_Job] = []
        for page in pages:
            jobs.append(self._prepare(page, ctx))
            if sum(job.pixels for job in jobs) >= _PIXELS:
                yield from self._finish(jobs, ctx)
                jobs = []
        yield from self._finish(jobs, ctx)

    def _prepare(self, page: Page, ctx: Context) -> _Job:
        areas = areas_to_read(page)
        if not areas:
            return _Job(page, (), (), ())
        raster = ctx.raster(page, self.config.dpi)
        parts = [part for part in (cut(raster, page, area) for area in areas) if part]
        return _Job(page, areas, [image for image, _ in parts], [affine for _, affine in parts])

    def _finish(self, jobs: Sequence[_Job], ctx: Context) -> Iterator[Page]:
        if not jobs:
            return
        results = iter(self.read_images([image for job in jobs for image in job.images], ctx))
        for job in jobs:
            found = [
                map_line(line, affine)
                for affine in job.to_page
                for line in next(results)
                if line.confidence >= self.config.min_confidence
            ]
            yield job.page.provide("lines", lines=merge_lines(job.page, found, job.areas))


@dataclass(frozen=True, slots=True)
class _Job:
    """A page whose areas wait to be read: pixels of each, and the way back to the page."""

    page: Page
    areas: Sequence[BBox]
    images: Sequence[Image]
    to_page: Sequence[Affine]

    @property
    def pixels(self) -> int:
        return sum(image.shape[0] * image.shape[1] for image in self.images)


class LocatingStage(ReadingStage):
    """A stage with a detector and a recogniser; subclasses implement locate and read.

    Attributes:
        crop_height: height of the crops in pixels.
        crop_margin: what a crop shows around the located polygon, as a share of its height.
    """

    crop_height: ClassVar[int] = HEIGHT
    crop_margin: ClassVar[float] = MARGIN

    @abstractmethod
    def locate(self, image: Image, ctx: Context) -> list[TextRegion]:
        """Return the lines of an upright image in reading order."""

    @abstractmethod
    def read(self, crops: Sequence[Image], ctx: Context) -> list[Reading]:
        """Read crops, in the order given; bounds are fractions of a crop's width."""

    def read_image(self, image: Image, ctx: Context) -> list[Line]:
        """Return the lines of one image."""
        return self.read_images([image], ctx)[0]

    def read_images(self, images: Sequence[Image], ctx: Context) -> list[list[Line]]:
        """Return the lines of each image; the crops of all images are read in one call."""
        found = [self._find(image, ctx) for image in images]
        crops = [
            self._crops(image, polygons) for image, (polygons, _) in zip(images, found, strict=True)
        ]
        unread = [
            crop.image
            for row, (polygons, known) in zip(crops, found, strict=True)
            for crop, polygon in zip(row, polygons, strict=True)
            if polygon not in known
        ]
        readings = iter(self.read(unread, ctx))
        results = []
        for row, (polygons, known) in zip(crops, found, strict=True):
            lines = [
                _line(polygon, crop, known[polygon] if polygon in known else next(readings))
                for crop, polygon in zip(row, polygons, strict=True)
            ]
            results.append([line for line in lines if line])
        return results

    def _crops(self, image: Image, polygons: Sequence[Polygon]) -> list[LineCrop]:
        return crop_lines(image, polygons, height=self.crop_height, margin=self.crop_margin)

    def _find(self, image: Image, ctx: Context) -> tuple[list[Polygon], dict[Polygon, Reading]]:
        """Return the lines' places, clockwise from each text's top left, and what was read already."""
        located: dict[Position, list[Polygon]] = {}
        known: dict[Polygon, Reading] = {}

        def polygons(position: Position) -> list[Polygon]:
            if position not in located:
                upright = turn(image, position.quarters, position.angle, fast=True)
                regions = self.locate(upright.image, ctx)
                located[position] = [
                    levelled(region.polygon).map(upright.to_source) for region in regions
                ]
            return located[position]

        def try_reading(position: Position) -> float:
            opposite = replace(position, quarters=(position.quarters + 2) % 4)
            if opposite in located:  # lines stand where they stood; each begins at its other end
                samples = [Polygon((*p[2:], *p[:2])) for p in _samples(located[opposite])]
            else:
                samples = _samples(polygons(position))
            readings = self.read([crop.image for crop in self._crops(image, samples)], ctx)
            known.update(zip(samples, readings, strict=True))
            return how_well([(reading.text, reading.confidence) for reading in readings])

        # A detector that was trained on upright lines places upside-down ones a little off: it looks
        # again at the position that was chosen.
        return polygons(find_position(image, self.config.orientation, try_reading)), known


def _samples(polygons: Sequence[Polygon]) -> list[Polygon]:
    """Return the lines that are read to find the way up: of middling length, cheap and telling."""

    def oddness(polygon: Polygon) -> float:
        a, b, _, d = polygon[:4]
        return abs(math.log(max(1e-3, math.dist(a, b) / max(1e-3, math.dist(a, d)) / _TELLING)))

    return sorted(polygons, key=oddness)[:_SAMPLES]


def _line(polygon: Polygon, crop: LineCrop, reading: Reading) -> Line | None:
    if _SPECK.fullmatch(reading.text):
        return None
    reading = by_ink(crop, reading)
    width = crop.image.shape[1]
    length = max(1.0, width - 2 * crop.margin)
    bounds = [
        ((a * width - crop.margin) / length, (b * width - crop.margin) / length)
        for a, b in reading.bounds
    ]
    line = line_of(polygon, reading.text, reading.confidence, bounds)
    return replace(line, vertical=True) if line is not None and _is_column(line) else line


def _is_column(line: Line) -> bool:
    """Return whether a line that runs down is vertical writing: its script must have that."""
    if abs(line.direction - 90) > _UPRIGHT:
        return False
    letters = [c for word in line.words for c in word.text if c.isalpha()]
    return bool(letters) and sum(map(is_wide, letters)) > len(letters) / 2
