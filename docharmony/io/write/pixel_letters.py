"""Letters of a picture, and the lines that they stand on; places as in :mod:`.pixel_ink`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ...geometry import BBox
from .pixel_ink import FEW, Sheet, grown

if TYPE_CHECKING:
    import numpy.typing as npt

    from .pdf_images import Mask

    Floats = npt.NDArray[np.float32]

# Letters, in heights of the usual one: taller or wider is drawn, not written.
_TALLEST, _WIDEST = 3.4, 14.0
_WALL = 2.0  # so high is no letter, for what bounds a line
_STEEP = 0.09  # no line slopes so much
_NOISE, _RARE = 8.0, 32.0
_EM = 2.0  # an em in heights of the usual letter
# Gaps that end a piece of a line, in em: alone; beside others, unless these are as wide.
_LONELY, _TAB, _WIDE, _FAR = 1.2, 0.9, 2.0, 4.0
# A gap so wide parts words: usual, least and most, in em.
_PART, _LEAST_PART, _MOST_PART = 0.17, 0.12, 0.5

EVEN = "the ground around it is not even"
DRAWN = "something is drawn along its line"


def letters_of(sheet: Sheet, gone: frozenset[int]) -> Letters | None:
    """Return the letters of a sheet, None where it has none; ``gone`` are those that go."""
    heights = sheet.boxes[:, 3] - sheet.boxes[:, 1]
    widths = sheet.boxes[:, 2] - sheet.boxes[:, 0]
    seen = (sheet.sizes >= FEW) & (heights >= 4) & (widths >= 2)
    stays = np.ones(len(heights), bool)
    stays[[number - 1 for number in gone]] = False
    usual = heights[seen & stays]
    if len(usual) < 3:
        usual = heights[seen]
    if not len(usual):
        return None
    # Specks and dots are many on some scans: they are not to say how high letters are.
    usual = usual[usual >= 0.4 * np.percentile(usual, 75)]
    return Letters(sheet, float(np.median(usual)))


class Letters:
    """The letters of a sheet, and its lines.

    Args:
        sheet: the picture.
        usual: height of the usual letter, in pixels.
    """

    def __init__(self, sheet: Sheet, usual: float) -> None:
        self.sheet, self.usual = sheet, usual
        boxes = sheet.boxes
        self._heights, self._widths = boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]
        enough = sheet.sizes >= FEW
        self._written = (
            enough & (self._heights <= _TALLEST * usual) & (self._widths <= _WIDEST * usual)
        )
        self._core = self._written & (self._heights >= 0.6 * usual)
        self._groups = self._grouped()
        slope = self._slope()
        length = (1 + slope * slope) ** 0.5
        self.direction = sheet.direction = 1 / length, slope / length
        self._along, self._across = self._spread()
        self.part = self._parting()
        self._groups = self._joined(self._groups)

    @property
    def em(self) -> float:
        """An em of the page."""
        return _EM * self.usual

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return how far along and across the lines a point is."""
        ux, uy = self.direction
        return x * ux + y * uy, y * ux - x * uy

    def point(self, along: float, across: float) -> tuple[float, float]:
        """Return the point that is so far along and across."""
        ux, uy = self.direction
        return along * ux - across * uy, along * uy + across * ux

    def bounds(self) -> tuple[float, float]:
        """Return where the picture begins and ends along the lines."""
        return 0.0, float(self.sheet.shape[1])

    def reach(self, letter: int) -> tuple[float, float]:
        """Return where a letter begins and ends along its line."""
        start, end = self._along[letter - 1]
        return float(start), float(end)

    def spread(self, letters: Sequence[int]) -> tuple[float, float]:
        """Return where along the line the middle of letters is, and how long they are.

        Both are told by all of their ink, so that they hold between pixels; an even word is as long as
        it says.
        """
        boxes = self.sheet.boxes[[i - 1 for i in letters]]
        y0, x0 = (max(0, int(v) - 2) for v in (boxes[:, 1].min(), boxes[:, 0].min()))
        window = slice(y0, int(boxes[:, 3].max()) + 2), slice(x0, int(boxes[:, 2].max()) + 2)
        own = grown(np.isin(self.sheet.labels[window], letters), 1)
        grey = self.sheet.rgb[window].mean(axis=2, dtype=np.float32)
        ground = float(np.median(grey[~own])) if (~own).any() else 255.0
        weights = np.where(own, np.abs(grey - ground), 0)
        y, x = np.nonzero(weights)
        mass = weights[y, x]
        ux, uy = self.direction
        along = (x + x0 + 0.5) * ux + (y + y0 + 0.5) * uy
        middle = float((along * mass).sum() / mass.sum())
        return middle, float((12 * ((along - middle) ** 2 * mass).sum() / mass.sum()) ** 0.5)

    def ordered(self, letters: Sequence[int]) -> list[int]:
        """Return letters in order along their line."""
        return sorted(letters, key=lambda letter: self.reach(letter))

    def extent(self, letters: Sequence[int]) -> tuple[float, float, float]:
        """Return where letters begin and end along, and the line that they stand on."""
        places = [self.reach(letter) for letter in letters]
        return (
            min(start for start, _ in places),
            max(end for _, end in places),
            self.baseline(letters),
        )

    def baseline(self, letters: Sequence[int]) -> float:
        """Return how far across the line is on which letters stand."""
        tall = [i for i in letters if self._core[i - 1]] or list(letters)
        return median(float(self._across[i - 1][1]) for i in tall)

    def em_of(self, letters: Sequence[int]) -> float:
        """Return an em of a line: that of the page, unless its letters clearly are of another size."""
        heights = [float(self._heights[i - 1]) for i in letters if self._core[i - 1]]
        if len(heights) < 4:
            return self.em
        own = median(heights)
        return self.em if abs(own / self.usual - 1) < 0.3 else _EM * own

    def pieces(self) -> list[list[int]]:
        """Return the letters of each piece of a line."""
        return self._groups

    def gaps(self, letters: Sequence[int]) -> Iterator[tuple[int, int, float]]:
        """Yield (letter, next letter, gap between them) along a line."""
        ordered = self.ordered(letters)
        reach, last = None, 0
        for letter in ordered:
            start, end = self.reach(letter)
            if reach is not None:
                yield last, letter, start - reach
            if reach is None or end > reach:
                reach, last = end, letter

    def along_line(
        self,
        letters: Sequence[int],
        baseline: float,
        em: float,
        above: Sequence[tuple[float, float, float]],
    ) -> list[int]:
        """Return letters with the dots, accents and marks that belong to their line.

        Args:
            letters: of the line.
            baseline: what they stand on.
            em: their size.
            above: begin, end and baseline of what stands above; what hangs there is of that line.
        """
        left, right, _ = self.extent(letters)
        own = set(letters)
        tops, bottoms = self._across[:, 0], self._across[:, 1]
        starts, ends = self._along[:, 0], self._along[:, 1]
        small = (
            self._written
            & ~self._core
            & (tops >= baseline - 1.0 * em)
            & (bottoms <= baseline + 0.36 * em)
            & (ends > left - 0.6 * em)
            & (starts < right + 0.6 * em)
        )
        for first, last, base in above:
            hangs = (tops >= base - 0.15 * em) & (bottoms <= base + 0.36 * em)
            small &= ~(hangs & (ends > first - 0.6 * em) & (starts < last + 0.6 * em))
        return [*letters, *(int(i) + 1 for i in np.nonzero(small)[0] if int(i) + 1 not in own)]

    def dotted(self, letters: Sequence[int]) -> bool:
        """Return whether leaders fill a line."""
        small = sum(1 for i in letters if not self._core[i - 1])
        return small > 8 and small > 0.4 * len(letters)

    def walls(self, top: float, bottom: float) -> Iterator[tuple[float, float]]:
        """Yield where drawn things that stand upright meet a band: begin and end along."""
        high = self._heights > _WALL * self.em * 0.75
        meets = (self._across[:, 0] < bottom) & (self._across[:, 1] > top)
        for index in np.nonzero(~self._written & high & meets)[0]:
            yield float(self._along[index, 0]), float(self._along[index, 1])

    def ground(
        self, band: BBox, going: frozenset[int], areas: Sequence[Sequence[tuple[float, ...]]]
    ) -> tuple[tuple[slice, slice], Mask] | str:
        """Return what of a band becomes ground (a window, and which of it), or why it may not.

        Args:
            band: along and across the lines.
            going: letters that move.
            areas: those of the line; all under them becomes ground.
        """
        sheet = self.sheet
        height, width = sheet.shape
        under, covers = sheet.cover(areas)
        corners = [self.point(x, y) for x in (band.x0, band.x1) for y in (band.y0, band.y1)]
        # A comma may stand out of the band: all of it goes, or its rest tells where the line ended.
        for x0, y0, x1, y1 in sheet.boxes[[i - 1 for i in going]].tolist():
            corners += [(x0, y0), (x1, y1)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        rows = slice(
            max(0, min(int(min(ys)) - 4, under[0].start)),
            min(height, max(int(max(ys)) + 5, under[0].stop)),
        )
        columns = slice(
            max(0, min(int(min(xs)) - 4, under[1].start)),
            min(width, max(int(max(xs)) + 5, under[1].stop)),
        )
        yy, xx = np.mgrid[rows, columns].astype(np.float32)
        ux, uy = self.direction
        along, across = (xx + 0.5) * ux + (yy + 0.5) * uy, (yy + 0.5) * ux - (xx + 0.5) * uy
        inside = (along >= band.x0) & (along < band.x1) & (across >= band.y0) & (across < band.y1)
        labels = sheet.labels[rows, columns]
        hidden = sheet.hidden[rows, columns]
        own = np.isin(labels, list(going))
        foreign = (labels > 0) & ~own & ~hidden
        # Drawn things within the band, other than specks: rules, boxes, pictures.
        drawn = [i for i in np.unique(labels[inside & foreign]) if i and not self._written[i - 1]]
        if any(sheet.sizes[i - 1] >= FEW for i in drawn):
            return DRAWN
        sample = inside & ~hidden & ~grown(labels > 0, 3)
        if sample.sum() < max(100, 0.04 * inside.sum()):
            return EVEN
        rgb = sheet.rgb[rows, columns].astype(np.float32)
        plane, noise = sheet.plane(rgb, sample)
        away = np.abs(rgb - plane).max(axis=2)[sample]
        if noise > _NOISE or np.percentile(away, 99.5) > _RARE:
            return EVEN
        small = np.concatenate([[True], sheet.sizes < FEW])[labels]
        fill = inside & ~grown(foreign & ~small, 2)
        fill |= grown(own, 2)
        fill[
            under[0].start - rows.start : under[0].stop - rows.start,
            under[1].start - columns.start : under[1].stop - columns.start,
        ] |= covers
        return (rows, columns), np.asarray(fill)

    def _spread(self) -> tuple[Floats, Floats]:
        """Return where each letter begins and ends along, and its top and bottom across."""
        x0, y0, x1, y1 = self.sheet.boxes.T
        ux, uy = self.direction
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        along = np.stack([x0 * ux + middle_y * uy, x1 * ux + middle_y * uy], axis=1)
        across = np.stack([y0 * ux - middle_x * uy, y1 * ux - middle_x * uy], axis=1)
        return along, across

    def _grouped(self) -> list[list[int]]:
        """Return the letters of each piece of a line: what no wide gap parts."""
        from scipy.ndimage import label, maximum_filter1d, minimum_filter1d

        sheet = self.sheet
        numbers = np.nonzero(self._core)[0] + 1
        flags = np.zeros(len(sheet.sizes) + 1, np.uint8)
        flags[numbers] = 1
        ink = flags[sheet.labels]
        reach = max(3, int(_LONELY * self.em)) | 1
        padded = np.pad(ink, ((0, 0), (reach, reach)))
        wide = maximum_filter1d(padded, reach, axis=1)
        closed = minimum_filter1d(wide, reach, axis=1)[:, reach:-reach]
        lines, _ = label(closed)
        groups: dict[int, list[int]] = {}
        for number in numbers:
            x0, y0, x1, y1 = (int(v) for v in sheet.boxes[number - 1])
            own = sheet.labels[y0:y1, x0:x1] == number
            line = int(lines[y0:y1, x0:x1][own][0])
            groups.setdefault(line, []).append(int(number))
        return list(groups.values())

    def _parting(self) -> float:
        """Return from which width on a gap parts words, in em of the page."""
        em = self.em
        gaps = [min(g / em, 1.2) for own in self._groups for _, _, g in self.gaps(own) if g > 0]
        # Where every word is a piece of its own, all gaps within are those of letters.
        if len(gaps) < 20 or max(gaps) < 2 * _PART:
            return _PART
        low, high = _two_means(gaps)
        return min(max((low + high) / 2, _LEAST_PART), _MOST_PART)

    def _joined(self, groups: Sequence[list[int]]) -> list[list[int]]:
        """Join the pieces of lines of which all spaces are wide, as justified ones may be."""
        em = self.em
        rows: list[list[list[int]]] = []
        for group in sorted(groups, key=lambda own: self.extent(own)[2]):
            for row in reversed(rows[-40:]):
                if abs(self.extent(row[0])[2] - self.extent(group)[2]) < 0.3 * em:
                    row.append(group)
                    break
            else:
                rows.append([group])
        result = []
        for row in rows:
            row.sort(key=lambda own: self.extent(own)[0])
            baseline = self.extent(row[0])[2]
            walls = list(self.walls(baseline - 0.7 * em, baseline - 0.1 * em))
            inner = [gap for own in row for _, _, gap in self.gaps(own) if gap > self.part * em]
            gaps = [
                self.extent(after)[0] - self.extent(before)[1] for before, after in pairwise(row)
            ]
            result.append(list(row[0]))
            for index, gap in enumerate(gaps):
                others = [*inner, *gaps[:index], *gaps[index + 1 :]]
                usual = median(others) if len(others) >= 2 else 0.0
                wide = gap > _LONELY * em
                if usual:
                    wide = gap > _TAB * em and gap > 2.5 * usual
                    wide = wide or (gap > _WIDE * em and gap > 1.5 * usual) or gap > _FAR * em
                edge = self.extent(row[index])[1]
                wall = any(edge - 2 <= x0 and x1 <= edge + gap + 2 for x0, x1 in walls)
                if wide or wall:
                    result.append(list(row[index + 1]))
                else:
                    result[-1] += row[index + 1]
        return result

    def _steps(self) -> list[tuple[float, float]]:
        """Return (slope, distance) from word to word, where lines hold no longer pieces."""
        spots = []
        for group in self._groups:
            boxes = self.sheet.boxes[[i - 1 for i in group]]
            middle = float(boxes[:, 0].min() + boxes[:, 2].max()) / 2
            spots.append((middle, float(np.median(boxes[:, 3])), float(boxes[:, 2].max())))
        spots.sort()
        result = []
        for index, (x, y, right) in enumerate(spots):
            for x2, y2, right2 in spots[index + 1 :]:
                if abs(y2 - y) < 0.6 * self.usual and right2 - right < 8 * self.em:
                    if x2 - x > 2 * self.em:
                        result.append(((y2 - y) / (x2 - x), x2 - x))
                    break
        return result if len(result) >= 6 else []

    def _slope(self) -> float:
        """Return how much lines fall to the right, by the longest of them."""
        slopes: list[tuple[float, float]] = []
        for group in self._groups:
            boxes = self.sheet.boxes[[i - 1 for i in group]]
            x, y = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]
            if len(group) < 8 or float(np.ptp(x)) < 10 * self.usual:
                continue
            good = np.ones(len(x), bool)
            fit = np.zeros(2)
            for _ in range(4):
                if good.sum() < 5:
                    break
                fit = np.polyfit(x[good], y[good], 1)
                away = y - np.polyval(fit, x)
                good = np.abs(away - np.median(away[good])) <= max(1.5, 0.12 * self.usual)
            if good.sum() >= 5 and abs(fit[0]) < _STEEP:
                slopes.append((float(fit[0]), float(np.ptp(x))))
        best = sorted(slopes, key=lambda item: -item[1])[:25] or self._steps()
        slope = float(np.median([s for s, _ in best])) if best else 0.0
        return slope if abs(slope) > 5e-4 else 0.0


def _two_means(values: Sequence[float]) -> tuple[float, float]:
    """Return the means of the two groups that values fall into."""
    ordered = np.sort(np.asarray(values))
    low, high = float(ordered[0]), float(ordered[-1])
    for _ in range(30):
        cut = (low + high) / 2
        below, above = ordered[ordered <= cut], ordered[ordered > cut]
        if not len(below) or not len(above):
            break
        low, high = float(below.mean()), float(above.mean())
    return low, high
