"""What the published model is asked, in its own words, and how its answers are read.

The wording is an interface: the weights were trained on it. Places are integers on a square grid that
the image is squashed to; the release uses 448 whatever the image's size, hence a setting here.
Standard library only.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from ..geometry import Point, Polygon

GRID = 448
EXTRACT = "Extract all the text in this image."
LOCATE = "Locate all the text in this image."
SPOT = "Locate and extract all the text in this image."
ERASE = "Remove the text in this image."  # a template of the release that its code never uses
NOTHING = "No text detected in this image."

_NUMBER = r"\s*-?\d+(?:\.\d+)?\s*"
_POINT = re.compile(rf"[\[(]({_NUMBER}),({_NUMBER})[\])]")
_POLYGON = re.compile(rf"[\[(]?\s*(?:[\[(]{_NUMBER},{_NUMBER}[\])]\s*,?\s*){{4}}[\])]?")


def ask(question: str, image: str) -> str:
    """Return the prompt for a question about an image.

    Args:
        image: what stands for the image, of ``PieceTokenizer.image``.
    """
    start = "Based on the image, please answer the question. "
    return f"{start}{image}{question} The answer is:"


def ask_region(polygon: Polygon, width: float, height: float, grid: int = GRID) -> str:
    """Return the question what is written in a polygon, given in pixels of the image."""
    return f"What is the text in {to_grid(polygon, width, height, grid)} in this image?"


def ask_place(word: str) -> str:
    """Return the question where a word is."""
    return f'Where is "{word}" in this image?'


def fill(word: str, image: str, target: str) -> str:
    """Return the prompt that writes a word into the part of the image that was painted over."""
    return f'{image}Fill the masked part in this image with "{word}".{target}'


def erase(image: str, target: str) -> str:
    """Return the prompt that paints background over the part that was painted over."""
    return f"{image}{ERASE}{target}"


def draw(caption: str, image: str, target: str) -> str:
    """Return the prompt that draws an image; ``image`` stands for a black one."""
    return f"{image}Generate an image according to the caption. {caption}{target}"


def to_grid(polygon: Polygon, width: float, height: float, grid: int = GRID) -> str:
    """Return a polygon in pixels as the model writes it.

    >>> square = Polygon.of([(0, 0), (50, 0), (50, 20), (0, 20)])
    >>> to_grid(square, 100, 40, 448)
    '[[0, 0], [224, 0], [224, 224], [0, 224]]'
    """
    points = ([max(int(x / width * grid), 0), max(int(y / height * grid), 0)] for x, y in polygon)
    return str([list(point) for point in points])


def parse_polygons(answer: str, width: float, height: float, grid: int = GRID) -> list[Polygon]:
    """Return the polygons of an answer, in pixels of the image; what is no polygon is skipped.

    >>> parse_polygons("[[[0, 0], [448, 0], [448, 224], [0, 224]], [[1, 2", 100, 40)[0][2]
    Point(x=100.0, y=20.0)
    """
    return [_from_grid(text, width, height, grid) for text in _POLYGON.findall(answer)]


def parse_words(answer: str) -> list[str]:
    """Return the words of an answer that lists them; an answer in other form is one word.

    >>> parse_words("['A', \\"B's\\"]"), parse_words("['A', 'B"), parse_words("Hello")
    (['A', "B's"], ['A', 'B'], ['Hello'])
    """
    answer = answer.strip()
    if not answer or answer.rstrip(".") == NOTHING.rstrip("."):
        return []
    if not answer.startswith("["):
        return [answer]
    try:
        value = ast.literal_eval(answer)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        # Cut off, or a quote that was not escaped: take what stands between separators.
        inner = answer.removeprefix("[").removesuffix("]")
        found = re.split(r"""["']\s*,\s*["']""", inner)
        return [word for part in found if (word := part.strip().strip("\"'"))]
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def parse_spots(
    answer: str, width: float, height: float, grid: int = GRID
) -> list[tuple[Polygon, str]]:
    """Return places with their words, of an answer to :data:`SPOT`; places in pixels.

    >>> parse_spots("['[[0, 0], [1, 0], [1, 1], [0, 1]] Exit']", 448, 448)[0][1]
    'Exit'
    """
    matches = list(_POLYGON.finditer(answer))
    ends = [*(match.start() for match in matches), len(answer)][1:]
    found = []
    for match, end in zip(matches, ends, strict=True):
        # An answer that was cut short may end within the next place.
        word = re.split(r"""["']\s*,\s*["']\s*[\[(]""", answer[match.end() : end])[0].strip()
        word = re.sub(r"""["']\s*(,\s*["']?|\]?)\s*$""", "", word)
        found.append((_from_grid(match.group(), width, height, grid), word.strip()))
    return found


def _from_grid(text: str, width: float, height: float, grid: int) -> Polygon:
    numbers: Iterable[Sequence[str]] = _POINT.findall(text)
    # The grid is square and the image is not: each axis is stretched by itself.
    return Polygon(
        Point(_inside(x, grid) * width / grid, _inside(y, grid) * height / grid) for x, y in numbers
    )


def _inside(number: str, grid: int) -> float:
    return min(max(float(number), 0.0), float(grid))
