"""A document before and after, side by side, to look at: one PNG or one HTML page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .model import Edit, Page

if TYPE_CHECKING:
    from PIL import Image

    from .io.base import Source
    from .pipeline import Pipeline
    from .replacement import ReplacementReport

_DPI = 100
# More pages make a picture that nobody looks at.
_MOST_PAGES = 12
_GAP = 12
_SET, _LEFT = (46, 125, 50), (198, 40, 40)

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:1500px;padding:0 1em;
color:#222;background:#f4f4f4}section{margin:2em 0}.pair{display:flex;gap:1em}.pair figure{margin:0;
flex:1}img{width:100%;border:1px solid #bbb;background:#fff}figcaption{color:#666}table{
border-collapse:collapse;background:#fff}td,th{border:1px solid #ccc;padding:.25em .6em;text-align:left}
.left{color:#c62828}"""


def write_preview(
    source: Source, output: Path, report: ReplacementReport, path: Path, pipeline: Pipeline
) -> None:
    """Write the pages with edits of the source beside those of the output.

    Args:
        source: what was edited, open.
        output: the file that was written.
        report: what was done.
        path: ``.html`` writes a page with pictures inside and a list of the edits; anything else PNG.
        pipeline: its configuration opens the output.

    Raises:
        OutputError: it cannot be written.
    """
    from .io.output import atomic
    from .pipeline import open as open_source

    with open_source(
        output, password=source.password, config=pipeline.config, plugins=pipeline.plugins
    ) as after:
        pairs = list(_pairs(source, after, report))
    with atomic(path, mode=0o600) as stream:
        if path.suffix.lower() in (".html", ".htm"):
            stream.write(_html(source.info.name, pairs, report).encode())
        else:
            _sheet([pair for _, *pair in pairs]).save(stream, "PNG")


def _pairs(
    before: Source, after: Source, report: ReplacementReport
) -> Iterator[tuple[int, Image.Image, Image.Image]]:
    from PIL import Image

    for number in sorted(report.edits)[:_MOST_PAGES]:
        page = before.page(number)
        dpi = _DPI if page.unit == "pt" else page.dpi
        images = []
        for source in (before, after):
            image = Image.fromarray(source.raster(number, dpi))
            image.thumbnail((1400, 2000))
            images.append(image)
        _frame(images[0], page, report.edits[number], report)
        yield number, images[0], images[1]


def _frame(
    image: Image.Image, page: Page, edits: tuple[Edit, ...], report: ReplacementReport
) -> None:
    """Draw a frame around each edit: green where new text was set, red where the old one stays."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(image)
    scale = image.width / page.width
    for edit in edits:
        fit = report.fits.get(edit.id)
        colour = _SET if fit is not None and fit.fitted else _LEFT
        points = [(x * scale, y * scale) for x, y in edit.polygon]
        draw.polygon(points, outline=colour, width=2)


def _sheet(pairs: list[list[Image.Image]]) -> Image.Image:
    from PIL import Image

    wide = sum(max((pair[side].width for pair in pairs), default=200) for side in (0, 1))
    high = sum(max(image.height for image in pair) + _GAP for pair in pairs)
    sheet = Image.new("RGB", (wide + 3 * _GAP, high + _GAP), (208, 208, 208))
    y = _GAP
    half = (wide + 3 * _GAP) // 2
    for left, right in pairs:
        sheet.paste(left, (_GAP, y))
        sheet.paste(right, (half + _GAP // 2, y))
        y += max(left.height, right.height) + _GAP
    return sheet


def _html(
    name: str, pairs: list[tuple[int, Image.Image, Image.Image]], report: ReplacementReport
) -> str:
    parts = [
        "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{html.escape(name)}</title><style>{_STYLE}</style><h1>{html.escape(name)}</h1>",
        f"<p>{report.count} replaced, {report.left} left as they were.</p>",
    ]
    for number, before, after in pairs:
        parts.append(f"<section><h2>Page {number}</h2><div class=pair>")
        for title, image in (("before", before), ("after", after)):
            data = io.BytesIO()
            image.save(data, "PNG")
            code = base64.b64encode(data.getvalue()).decode("ascii")
            parts.append(
                f"<figure><img alt='page {number} {title}' src='data:image/png;base64,{code}'>"
                f"<figcaption>{title}</figcaption></figure>"
            )
        parts.append("</div><table><tr><th>old<th>new<th>size<th>face<th>note")
        for edit in report.edits[number]:
            fit = report.fits.get(edit.id)
            if fit is None:
                continue
            kind = "" if fit.fitted else " class=left"
            cells = (edit.original, edit.replacement, f"{fit.scale:.0%}", fit.face, fit.note)
            parts.append(f"<tr{kind}>" + "".join(f"<td>{html.escape(cell)}" for cell in cells))
        parts.append("</table></section>")
    return "\n".join(parts) + "\n"
