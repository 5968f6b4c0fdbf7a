"""Draws a run's curves as one PNG, with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _HEIGHT, _GAP, _COLUMNS = 400, 220, 46, 3
_INK, _AXIS, _LINE = (30, 30, 30), (200, 200, 200), (20, 90, 170)


def draw(points: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write one panel for each name that the points have besides ``step``, over the steps.

    Args:
        points: in order of their ``step``; a name may be missing from some.
        path: the PNG.
    """
    names = [name for name in dict.fromkeys(k for p in points for k in p) if name != "step"]
    rows = max(1, -(-len(names) // _COLUMNS))
    size = (_COLUMNS * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _GAP) + _GAP)
    image = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for place, name in enumerate(names):
        x = _GAP + place % _COLUMNS * (_WIDTH + _GAP)
        y = _GAP + place // _COLUMNS * (_HEIGHT + _GAP)
        _panel(pen, font, (x, y), name, [(p["step"], p[name]) for p in points if name in p])
    image.save(path)


def _panel(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    corner: tuple[int, int],
    name: str,
    values: Sequence[tuple[float, float]],
) -> None:
    x, y = corner
    steps, heights = [s for s, _ in values], [v for _, v in values]
    first, last, low, high = min(steps), max(steps), min(heights), max(heights)
    pen.rectangle((x, y, x + _WIDTH, y + _HEIGHT), outline=_AXIS)
    pen.text((x, y - 18), f"{name}: {heights[-1]:.4g} at step {last:.0f}", _INK, font)
    pen.text((x + 4, y + 2), f"{high:.4g}", _INK, font)
    pen.text((x + 4, y + _HEIGHT - 18), f"{low:.4g}", _INK, font)
    points = [
        (
            x + (step - first) / max(last - first, 1e-9) * _WIDTH,
            y + _HEIGHT - (height - low) / max(high - low, 1e-9) * (_HEIGHT - 8) - 4,
        )
        for step, height in values
    ]
    if len(points) == 1:
        points *= 2
    pen.line(points, fill=_LINE, width=2)
