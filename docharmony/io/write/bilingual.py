"""Put a document and its translation into one file: page after page, or side by side.

A PDF stays the file it was, with its bookmarks, links, fields and tags; what is added are the pages of
the translation, or their picture beside each page. Parsing and writing run in the child process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import UnsupportedError
from ..child import Child
from ..limits import Limits

if TYPE_CHECKING:
    from ..base import Source

Layout = Literal["pages", "side"]
# Space between two pictures on one sheet, as a share of the width of one.
_GAP = 0.02


def combine(
    source: Source,
    translated: Path,
    out: Path,
    *,
    layout: Layout,
    numbers: Sequence[int],
    limits: Limits | None = None,
) -> None:
    """Write ``out``: every page of the source, and the translation of those that were translated.

    Args:
        source: the original, open.
        translated: the same document translated, page for page.
        out: file to write, of the same kind.
        layout: ``"pages"``: each page is followed by its translation; ``"side"``: both stand on one
            sheet, the original on the left. Images other than TIFF are always put side by side.
        numbers: pages (1-based) that were translated; the others stand alone.
        limits: of the parsing child.

    Raises:
        InputError: a file is damaged or over a limit.
        UnsupportedError: a kind of file that cannot be combined.
    """
    limits = limits or Limits()
    kind = source.info.media_type
    if kind == "application/pdf":
        with Child(limits) as child:
            child.call(
                "docharmony.io.write.bilingual_child:combine",
                {
                    "path": str(source.path),
                    "translated": str(translated),
                    "password": source.password,
                    "layout": layout,
                    "numbers": list(numbers),
                    "out": str(out),
                },
                where=source.info.name,
                timeout_s=limits.timeout_s * (1 + 0.25 * source.info.page_count),
            )
    elif kind.startswith("image/"):
        _images(source, translated, out, layout, numbers, limits)
    else:
        raise UnsupportedError("cannot put two languages into this kind of file", where=kind)


def _images(
    source: Source,
    translated: Path,
    out: Path,
    layout: Layout,
    numbers: Sequence[int],
    limits: Limits,
) -> None:
    """Write the pictures of both; pixels come from the parsing child, the encoder is our own."""
    import numpy as np
    from PIL import Image

    from ..source import open_source

    sheets: list[Any] = []
    dpi = source.page(1).dpi
    with open_source(translated, limits=limits) as other:
        for number in range(1, source.info.page_count + 1):
            left = source.raster(number)
            if number not in numbers:
                sheets.append(Image.fromarray(left))
                continue
            right = other.raster(number)
            if layout == "pages" and source.info.media_type == "image/tiff":
                sheets += [Image.fromarray(left), Image.fromarray(right)]
                continue
            height = max(left.shape[0], right.shape[0])
            gap = max(1, round(_GAP * left.shape[1]))
            sheet = np.full((height, left.shape[1] + gap + right.shape[1], 3), 255, np.uint8)
            sheet[: left.shape[0], : left.shape[1]] = left
            sheet[: right.shape[0], left.shape[1] + gap :] = right
            sheets.append(Image.fromarray(sheet))
    form = source.info.media_type.removeprefix("image/").upper()
    options: dict[str, Any] = {"dpi": (dpi, dpi)}
    if form == "TIFF":
        options |= {
            "save_all": True,
            "append_images": sheets[1:],
            "compression": "tiff_adobe_deflate",
        }
    elif form == "JPEG":
        options |= {"quality": 92, "subsampling": 0}
    elif form == "WEBP":
        options = {"lossless": True}
    sheets[0].save(out, form, **options)
