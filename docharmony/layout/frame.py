"""The frame of a page: its text stands upright there, in points."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from ..geometry import Affine, BBox
from ..model import Line, Page


@dataclass(frozen=True, slots=True)
class Frame:
    """The turn that makes most text of a page upright, and its inverse.

    Attributes:
        direction: reading direction of most text, degrees clockwise, a multiple of 90.
        skew: further turn in degrees, small.
        to: from page to frame.
        back: from frame to page.
        sheet: the page in the frame; starts at (0, 0). Of a skewed page the sheet of its own size.
        scale: units of the frame in one of the page: the frame is in points, whatever the page is in.
    """

    direction: int
    skew: float
    to: Affine
    back: Affine
    sheet: BBox
    scale: float = 1.0

    @classmethod
    def of(cls, page: Page, scale: float | None = None) -> Frame:
        """Find the frame of a page from the directions of its lines, weighted by their length.

        ``scale`` replaces the scale to points.
        """
        weight = {0: 0, 90: 0, 180: 0, 270: 0}
        for line in page.lines:
            weight[quarter(line)] += sum([len(word.text) for word in line.words])
        # Ties and empty pages stay upright.
        best = max(weight, key=lambda turn: (weight[turn], -turn))
        angles = [
            (line.quad.angle - best + 180) % 360 - 180
            for line in page.lines
            if line.quad is not None and quarter(line) == best and len(line.words) > 1
        ]
        skew = median(angles) if angles else 0.0
        if abs(skew) < 0.2 or abs(skew) > 20 or 2 * len(angles) < len(page.lines) * 0.5:
            skew = 0.0
        return cls.turned(page, best, skew, scale)

    @classmethod
    def turned(
        cls, page: Page, direction: int, skew: float = 0.0, scale: float | None = None
    ) -> Frame:
        """Return the frame of a given direction, about the middle of the page."""
        if scale is None:
            scale = 1.0 if page.unit == "pt" else 72 / page.dpi
        width, height = page.width * scale, page.height * scale
        if direction == 0 and skew == 0.0 and scale == 1.0:
            return cls(0, 0.0, Affine(), Affine(), page.bbox)
        if direction % 180:
            width, height = height, width
        to = (
            Affine.translate(-page.width / 2, -page.height / 2)
            .then(Affine.rotate(-(direction + skew)))
            .then(Affine.scale(scale))
            .then(Affine.translate(width / 2, height / 2))
        )
        return cls(direction, skew, to, to.inverse(), BBox(0.0, 0.0, width, height), scale)

    @property
    def plain(self) -> bool:
        """Whether frame and page are the same."""
        return self.direction == 0 and self.skew == 0.0 and self.scale == 1.0

    def box(self, box: BBox) -> BBox:
        """Return a box of the page in the frame."""
        return box if self.plain else _mapped(box, self.to, self.direction, self.scale)

    def page_box(self, box: BBox) -> BBox:
        """Return a box of the frame on the page."""
        return box if self.plain else _mapped(box, self.back, -self.direction, 1 / self.scale)


def _mapped(box: BBox, affine: Affine, direction: int, scale: float) -> BBox:
    # The corners of a skewed box would make it grow: turn its middle, and its sides by quarters only.
    x, y = affine.apply(box.center)
    w, h = box.width * scale / 2, box.height * scale / 2
    if direction % 180:
        w, h = h, w
    return BBox(x - w, y - h, x + w, y + h)


def quarter(line: Line) -> int:
    """Return the line's reading direction to the nearest quarter turn: 0, 90, 180 or 270."""
    return round(line.direction / 90) % 4 * 90
