"""Perspective: how size and baseline change along a line, from the tops and bottoms of its letters.

What each letter is was read, and how high it reaches in its face is known: so every letter tells where
the baseline is and how large the line is there. On a flat sign both are linear along the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .face import Look

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Grey = npt.NDArray[np.float32]

# Letters that say enough; change of size along the line (share) that is seen at all; share of the
# error that must go when it is taken into account, and error (in sizes) that may be left.
_LETTERS, _CHANGE, _BETTER, _LEFT = 5, 0.05, 0.5, 0.06
# The same share where the change is strong, or what is left of one.
_STRONG, _REFINED = 0.2, 0.85
# Rise or fall of a baseline from end to end (in sizes) that makes it another angle.
_TURNED = 0.025
# Slants of the verticals that are tried, columns a row.
_SLANTS = 13, 0.48


@dataclass(frozen=True, slots=True)
class Ramp:
    """Size and baseline of a line as it goes along its strip, in rows; both linear in the column.

    Attributes:
        size: em size at column 0.
        growth: of the size, rows a column.
        baseline: row at column 0.
        fall: of the baseline, rows a column.
        slant: columns that verticals go to the right, a row upwards, at column 0.
        lean: of the slant, a column.
    """

    size: float
    growth: float
    baseline: float
    fall: float
    slant: float = 0.0
    lean: float = 0.0

    @property
    def tilted(self) -> bool:
        """Whether it is seen in perspective, and not only turned."""
        return self.growth != 0.0

    def size_at(self, column: float) -> float:
        """Return the em size at a column."""
        return self.size + self.growth * column

    def point(self, column: float, above: float) -> tuple[float, float]:
        """Return (column, row) of what stands so many em above the baseline at a column."""
        rise = above * self.size_at(column)
        slant = self.slant + self.lean * column
        return column + slant * rise, self.baseline + self.fall * column - rise


def ramp(
    cover: Grey,
    texts: Sequence[str],
    words: Sequence[tuple[float, float]],
    look: Look,
    *,
    again: bool = False,
) -> Ramp | None:
    """Return how a line is seen in perspective, or turned; None where it is level and flat.

    Args:
        cover: of the strip, (rows, columns).
        texts: the words.
        words: for each the first column of its ink and the one after its last.
        look: what face they are compared with.
        again: whether it was flattened before: what is left of the tilt is small.
    """
    import numpy as np

    found: Ramp | None = None
    for _ in range(3):
        marks = list(_marks(cover, texts, words, look, found))
        if len(marks) < 2 * _LETTERS:
            return None
        x, row, above = np.array(marks).T
        known = np.stack([np.ones_like(x), x, -above, -above * x], axis=1)
        full, kept = _fitted(known, row)
        flat, _ = _fitted(known[kept][:, :3], row[kept])
        error = float(np.sqrt(np.mean((known[kept] @ full - row[kept]) ** 2)))
        level = float(np.sqrt(np.mean((known[kept][:, :3] @ flat - row[kept]) ** 2)))
        found = Ramp(full[2], full[3], full[0], full[1])
        low, high = found.size_at(x.min()), found.size_at(x.max())
        if min(low, high) <= 0.2 * max(low, high):
            return None
    assert found is not None
    size = found.size_at(x.mean())
    change = abs(high - low) / max(low, high)
    least, better = (_CHANGE / 2, _REFINED) if again else (_CHANGE, _BETTER)
    clear = error <= _LEFT * size and error <= better * level
    # The further from flat, the worse letters are told apart: the flat line will show.
    strong = change > _STRONG and error <= 2 * _LEFT * size and error <= _REFINED * level
    if change < least or not (clear or strong):
        # No perspective; but the line may have been found at a wrong angle.
        away = abs(flat[1]) * float(np.ptp(x[kept]))
        if level > _LEFT * size or away < max(_TURNED * size, 2.0 * level):
            return None
        return Ramp(flat[2], 0.0, flat[0], flat[1], flat[1])
    if look.italic:
        return found
    first, last = words[0][0], words[-1][1]
    middle = (first + last) / 2
    left, right = (
        _slant(cover[:, round(start) : round(end)], found, start)
        for start, end in ((first, middle), (middle, last))
    )
    lean = 2 * (right - left) / (last - first)
    return replace(found, slant=left - lean * (first + middle) / 2, lean=lean)


def _fitted(
    known: npt.NDArray[np.float64], row: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the least squares solution without outliers, and which equations counted."""
    import numpy as np

    kept = np.ones(len(row), bool)
    solved: npt.NDArray[np.float64] = np.zeros(known.shape[1])
    for _ in range(4):
        solved = np.asarray(np.linalg.lstsq(known[kept], row[kept], rcond=None)[0])
        away = np.abs(known @ solved - row)
        kept = away <= max(0.7, 2.5 * float(np.median(away)))
    return solved, kept


def _marks(
    cover: Grey,
    texts: Sequence[str],
    words: Sequence[tuple[float, float]],
    look: Look,
    found: Ramp | None,
) -> Iterator[tuple[float, float, float]]:
    """Yield (column, row, em above the baseline) of the tops and bottoms of letters."""
    from ..typeset.faces import chain
    from ..typeset.shape import shape

    faces = chain(look.family, bold=look.bold, italic=look.italic, like=look.font)
    for text, (x0, x1) in zip(texts, words, strict=True):
        shaped = shape(text, faces)
        boxes = []
        for run in shaped.runs:
            upem = run.face.upem
            for glyph in run.glyphs:
                box = run.face.hb_font.get_glyph_extents(glyph.number)
                if box is not None and box.width and box.height:
                    left = glyph.x + box.x_bearing / upem
                    top = glyph.y + box.y_bearing / upem
                    boxes.append((left, left + box.width / upem, top, top + box.height / upem))
        if not boxes or x1 - x0 < 3:
            continue
        first, last = min(b[0] for b in boxes), max(b[1] for b in boxes)
        for left, right, top, bottom in boxes:
            near, far = (
                _column((e - first) / (last - first), x0, x1, found) for e in (left, right)
            )
            inset = 0.12 * (far - near)
            part = cover[:, max(0, round(near + inset)) : max(1, round(far - inset))]
            rows = _reach(part)
            if rows is not None and top - bottom > 0.2:
                middle = (near + far) / 2
                yield middle, rows[0], top
                yield middle, rows[1], bottom


def _column(share: float, x0: float, x1: float, found: Ramp | None) -> float:
    """Return the column at a share of a flat word's width: what is far is also narrow."""
    if found is None:
        return x0 + share * (x1 - x0)
    start, end = 1 / max(1e-3, found.size_at(x0)), 1 / max(1e-3, found.size_at(x1))
    return ((1 - share) * start * x0 + share * end * x1) / ((1 - share) * start + share * end)


def _reach(part: Grey) -> tuple[float, float] | None:
    """Return where ink begins and ends, to a fraction of a row."""
    import numpy as np

    if not part.size:
        return None
    most = part.max(axis=1)
    inked = np.flatnonzero(most > 0.5)
    if not len(inked):
        return None
    top, bottom = int(inked[0]), int(inked[-1])
    above = float(most[top - 1]) if top else 0.0
    below = float(most[bottom + 1]) if bottom + 1 < len(most) else 0.0
    return top - min(above, 0.5), bottom + 1 + min(below, 0.5)


def _slant(cover: Grey, found: Ramp, start: float) -> float:
    """Return the slant of the verticals: sheared back by it, stems stand in the fewest columns.

    Args:
        cover: a part of the strip.
        found: size and baseline.
        start: column of the strip that the part begins with.
    """
    import numpy as np
    from scipy.ndimage import map_coordinates

    height, width = cover.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rise = found.baseline + found.fall * (x + start) - y
    count, most = _SLANTS
    best, most_sharp = 0.0, -1.0
    for slant in np.linspace(-most, most, 2 * count + 1):
        turned = map_coordinates(cover, (y, x + slant * rise), order=1, mode="constant")
        sharp = float((turned.sum(axis=0) ** 2).sum())
        if sharp > most_sharp:
            best, most_sharp = float(slant), sharp
    return best
