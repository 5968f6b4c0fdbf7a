"""Points and commas between digits and after words, told by their shape. No network in here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from . import ink

if TYPE_CHECKING:
    import numpy.typing as npt

    from .base import Image

Places = tuple[tuple[float, float], ...]
_SHARES = (
    0.35,
    0.6,
)  # of the strongest contrast that is ink; blurred things come apart at the second
_TALL = 0.42  # of the crop's height; what is taller is a digit
_HAIR = 0.1  # of the strongest contrast; thin strokes of a digit show, and hold its parts together
_TAIL = 0.2
_POINT, _COMMA = 0.05, 0.11  # of a digit's height, below its foot
_HIGHEST = 0.3, 0.55  # a point, a comma
_BROAD = 0.45  # either; wider are rules below a line and the foot of a 2
_LEVEL = 0.08  # feet of the digits may differ by so much: old-style figures hang
_LEAST = 0.1  # of a digit's height: the sides of a mark that was not read
_WIDE = 1.25  # times the least distance of digits, where one was not read
_NUMBER = re.compile(r"\d+(?:[.,]\d+)+")
# Of a digit's height: the width of a hyphen, its height, and its middle above the foot.
_BAR = (0.15, 0.6), 0.2, (0.15, 0.55)
_HANGING = "gjpqyQJ"
_APART = 6  # pixels around a mark that was not read
_LETTER, _DIGIT = 0.25, 0.55  # of the crop's height: the least of a letter; a digit
_NEAR, _NEARER = 0.5, 0.35  # of a digit's height, from where the mark is expected


def settle(text: str, places: Places, line: Image) -> tuple[str, Places]:
    """Return the text with each point and comma between two digits as its shape says.

    A reader that knows what numbers look like writes ``48.198,322`` for ``48.198.322``, or ``48748``
    for ``487.48``; the picture shows what stands there. Where that is unclear (touching, faint, hanging
    figures) the text stays.

    Args:
        text: of the line.
        places: of each character, as fractions of the width.
        line: (H, W, 3).

    Returns:
        text and places; marks that were not read are put in.
    """
    numbers = [i for i in range(len(text) - 1) if text[i].isdigit() and text[i + 1].isdigit()]
    spots = [
        i
        for i in range(1, len(text) - 1)
        if text[i] in ".," and text[i - 1].isdigit() and text[i + 1].isdigit()
    ]
    if not (spots or numbers) or len(places) != len(text):
        return text, places
    contrast = ink.contrast_of(line)
    peak = ink.level(contrast, 0.995)
    shown = [contrast > max(40.0, share * peak) for share in _SHARES]
    faint = contrast > max(16.0, _HAIR * peak)
    width = line.shape[1]
    found = list(text)
    for i in spots:
        span = int(places[i - 1][0] * width), int(np.ceil(places[i + 1][1] * width))
        middle = (places[i][0] + places[i][1]) / 2 * width
        found[i] = _decide(shown, span, middle) or text[i]
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        if found[start:end] != list(match[0]) and _is_odd("".join(found[start:end])):
            found[start:end] = match[0]
    centres = [(a + b) / 2 * width for a, b in places]
    least = min((centres[i + 1] - centres[i] for i in numbers), default=0.0)
    where = list(places)
    for i in reversed(numbers):
        if centres[i + 1] - centres[i] <= _WIDE * least:
            continue
        span = int(places[i][0] * width), int(np.ceil(places[i + 1][1] * width))
        mark = _decide(shown[:1], span, (centres[i] + centres[i + 1]) / 2, _LEAST, faint)
        if mark:
            third = (centres[i + 1] - centres[i]) / 3 / width
            edges = centres[i] / width + third, centres[i + 1] / width - third
            found.insert(i + 1, mark)
            where[i : i + 2] = [(where[i][0], edges[0]), edges, (edges[1], where[i + 1][1])]
    return "".join(found), tuple(where)


def _is_odd(number: str) -> bool:
    """Whether a number has points and commas that no number has together.

    >>> [_is_odd(number) for number in ("1.234,5", "3.6,2", "13.741,573", "1,2,3", "3,600.00")]
    [False, True, True, False, False]
    """
    marks = [c for c in number if not c.isdigit()]
    if len(set(marks)) < 2:
        return False
    _, *inner, last = re.split("[.,]", number)
    return len(last) == 3 or len(set(marks[:-1])) > 1 or any(len(part) != 3 for part in inner)


def settle_ends(text: str, places: Places, line: Image) -> tuple[str, Places]:
    """Return the text with points and commas at the ends of words as their shape says.

    A reader with a sense of language puts a comma where a sentence goes on, and overlooks the point
    below the arm of an r. Left alone where the foot of the letters or the mark itself is unclear.

    Args:
        text: of the line.
        places: of each character, as fractions of the width.
        line: (H, W, 3).

    Returns:
        text and places; marks that were not read are put in.
    """
    ends = [
        i
        for i, c in enumerate(text)
        if (i + 1 == len(text) or text[i + 1] == " ") and (c in ".," or c.isalnum()) and i
    ]
    if not ends or len(places) != len(text):
        return text, places
    contrast = ink.contrast_of(line)
    peak = ink.level(contrast, 0.995)
    parts = _Parts.of(contrast > max(40.0, _SHARES[0] * peak))
    if parts is None:
        return text, places
    tails: _Parts | None = None
    hair = contrast > max(16.0, _HAIR * peak)
    found, where = list(text), list(places)
    width = line.shape[1]
    centres = [(a + b) / 2 * width for a, b in places]
    for i in reversed(ends):
        read = text[i] in ".,"
        if read and not text[i - 1].isalnum():
            continue
        last = i - 1 if read else i
        foot = parts.foot(text, centres, last)
        if foot is None:
            continue
        end = centres[i + 2] if i + 2 < len(text) else float(width)
        mark = parts.mark(centres[last], end, foot, None if read else hair)
        if mark is None and not read and i + 1 == len(text):
            mark = parts.hyphen(centres[last], foot)
        if mark is None:
            continue
        sign, left, right = mark
        if read and sign == "." and text[i] == ",":
            # The tail of a comma fades first: it must not show where much less counts as ink either.
            if tails is None:
                tails = _Parts.of(contrast > max(24.0, _TAIL * peak))
            again = tails.mark(centres[last], end, foot, None) if tails else None
            found[i] = "." if again and again[0] == "." else ","
        elif read:
            found[i] = sign
        else:
            found.insert(i + 1, sign)
            middle = (left / width, right / width)
            where[i : i + 1] = [(where[i][0], max(where[i][0], middle[0])), middle]
    return "".join(found), tuple(where)


class _Parts(NamedTuple):
    """The connected things of a line: their numbers by pixel, and boxes (top, bottom, left, right)."""

    labels: npt.NDArray[np.int32]
    boxes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, shown: npt.NDArray[np.bool_]) -> _Parts | None:
        labels, count = ndimage.label(shown, np.ones((3, 3), bool))
        if not count:
            return None
        boxes = [
            (b[0].start, b[0].stop, b[1].start, b[1].stop) for b in ndimage.find_objects(labels)
        ]
        return cls(labels, np.array(boxes))

    def foot(self, text: str, centres: Sequence[float], last: int) -> float | None:
        """Return where the letters up to ``last`` stand; None where they do not agree."""
        feet: list[int] = []
        for k in range(last, max(-1, last - 6), -1):
            if text[k] == " " and feet:
                break
            if text[k].isalnum() and text[k] not in _HANGING and text[k].isascii():
                across = (self.boxes[:, 2] <= centres[k]) & (centres[k] < self.boxes[:, 3])
                tall = across & (self.boxes[:, 1] - self.boxes[:, 0] > _LETTER * len(self.labels))
                if tall.any():
                    feet.append(int(self.boxes[tall, 1].max()))
        if len(feet) < 2 or sorted(feet)[-1] - sorted(feet)[0] > 2:
            return None
        return float(np.median(feet))

    def mark(
        self, start: float, end: float, foot: float, hair: npt.NDArray[np.bool_] | None
    ) -> tuple[str, int, int] | None:
        """Return the only mark between two columns with its first and last column.

        Args:
            start, end: columns: the middle of the letter before, and of what comes next.
            foot: row on which the letters stand.
            hair: what still shows at a low contrast, for marks that were not read; then the mark
                must be clearer.
        """
        height = _DIGIT * len(self.labels)
        top, bottom, left, right = self.boxes.T
        low = (left > start) & (right <= end) & (top > foot - 0.45 * height)
        low &= bottom > foot - 0.1 * height
        (numbers,) = np.nonzero(low)
        if len(numbers) != 1:
            return None
        y0, y1, x0, x1 = self.boxes[numbers[0]].tolist()
        tall, wide, below = y1 - y0, x1 - x0, (y1 - foot) / height
        if hair is not None:
            if min(tall, wide) < max(3, _LEAST * height) or x1 - start > height:
                return None
            first = max(0, x0 - _APART)
            near, _ = ndimage.label(hair[:, first : x1 + _APART], np.ones((3, 3), bool))
            mine = near == near[(y0 + y1) // 2, (x0 + x1) // 2 - first]
            grown = int(mine.any(axis=1).sum()), int(mine.any(axis=0).sum())
            if grown[0] > tall + 4 or grown[1] > wide + 4:
                return None  # the end of a letter
            if max(tall, wide) > 1.5 * min(tall, wide) or abs(below) > _POINT:
                return None  # no comma was ever overlooked, dirt was
        if -0.08 < below <= _POINT and tall <= _HIGHEST[0] * height and wide <= 0.4 * height:
            return ".", x0, x1
        if below >= _COMMA and 0.25 * height <= tall <= _HIGHEST[1] * height and hair is None:
            return ",", x0, x1
        return None

    def hyphen(self, start: float, foot: float) -> tuple[str, int, int] | None:
        """Return the hyphen that is all that stands right of a column; arguments as above."""
        height = _DIGIT * len(self.labels)
        (numbers,) = np.nonzero(self.boxes[:, 2] > start)
        if len(numbers) != 1:
            return None
        y0, y1, x0, x1 = self.boxes[numbers[0]].tolist()
        (narrow, wide), high, (low, top) = _BAR
        is_bar = narrow * height <= x1 - x0 <= wide * height and y1 - y0 <= high * height
        above = (foot - (y0 + y1) / 2) / height
        inside = self.labels[y0:y1, x0:x1] == numbers[0] + 1
        if is_bar and x1 - x0 >= 1.5 * (y1 - y0) and low <= above <= top and inside.mean() > 0.75:
            return "-", x0, x1
        return None


def _decide(
    shown: Sequence[npt.NDArray[np.bool_]],
    span: tuple[int, int],
    middle: float,
    least: float = 0.0,
    faint: npt.NDArray[np.bool_] | None = None,
) -> str:
    for number, plane in enumerate(shown):
        around = None if faint is None else faint[:, span[0] : span[1]]
        mark = _mark(plane[:, span[0] : span[1]], middle - span[0], least, around)
        if mark == "," or (mark and not number):  # the tail of a comma fades first
            return mark
    return ""


def _mark(
    shown: npt.NDArray[np.bool_],
    middle: float,
    least: float,
    faint: npt.NDArray[np.bool_] | None = None,
) -> str:
    """Return ``.`` or ``,`` for the small thing nearest to a column, between tall ones; else nothing."""
    if not shown.size:  # letters that the reader puts beyond the picture
        return ""
    labels, _ = ndimage.label(shown, np.ones((3, 3), bool))
    boxes = [(b[0].start, b[0].stop, b[1].start, b[1].stop) for b in ndimage.find_objects(labels)]
    tall = [box for box in boxes if box[1] - box[0] > _TALL * len(shown)]
    if not tall:
        return ""
    feet = [box[1] for box in tall]
    height = float(np.median([box[1] - box[0] for box in tall]))
    if max(feet) - min(feet) > max(1.0, _LEVEL * height):
        return ""
    foot = float(np.median(feet))
    low = [
        box
        for box in boxes
        if box[1] - box[0] <= _TALL * len(shown)
        and box[0] > foot - 0.45 * height
        and abs((box[2] + box[3]) / 2 - middle) < (_NEAR if least else _NEARER) * height
        and min(box[1] - box[0], box[3] - box[2]) >= max(2, least * height)
        and box[3] - box[2] <= _BROAD * height
        and (not least or (_between(box, tall) and _is_apart(box, tall, faint)))
    ]
    if len(low) != 1:
        return ""
    below, size = (low[0][1] - foot) / height, (low[0][1] - low[0][0]) / height
    if -0.08 < below <= _POINT and size <= _HIGHEST[0]:
        return "."
    if below >= _COMMA and size <= _HIGHEST[1]:
        return ","
    return ""


def _between(box: tuple[int, int, int, int], tall: Sequence[tuple[int, int, int, int]]) -> bool:
    """Whether there is a digit on either side."""
    left = any(other[3] <= box[2] + 1 for other in tall)
    return left and any(other[2] >= box[3] - 1 for other in tall)


def _is_apart(
    box: tuple[int, int, int, int],
    tall: Sequence[tuple[int, int, int, int]],
    faint: npt.NDArray[np.bool_] | None,
) -> bool:
    """Whether a thing stands beside the digits and is no end of one, as a 9 or 3 of thin strokes has."""
    top, bottom, left, right = box
    if any(other[2] < right - 1 and left + 1 < other[3] for other in tall):
        return False
    if faint is None:
        return True
    labels, _ = ndimage.label(faint, np.ones((3, 3), bool))
    mine = labels[top:bottom, left:right]
    rows = np.flatnonzero((labels == mine.max()).any(axis=1)) if mine.any() else np.zeros(1)
    return bool(rows[-1] - rows[0] < _TALL * len(faint))
