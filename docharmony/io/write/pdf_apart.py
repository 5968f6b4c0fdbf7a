"""Pictures that no page shows as they are: cleared in their own pixels, wherever they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pikepdf

from ...errors import BrokenError
from . import pdf_image_codecs, pdf_images
from .pdf_pictures import replace


def clear(pdf: pikepdf.Pdf, edits: Sequence[Mapping[str, Any]]) -> int:
    """Clear the places of edits in the pictures that they name; return how many pictures changed.

    An inline image goes as a whole.

    Args:
        pdf: the document.
        edits: with ``picture``, the key of one, and ``areas`` in its pixels.

    Raises:
        BrokenError: a picture is not there, or cannot be decoded.
    """
    places: dict[str, list[Any]] = {}
    for edit in edits:
        places.setdefault(str(edit["picture"]), []).extend(edit["areas"])
    inline: dict[tuple[int, int], set[int]] = {}
    for key, areas in places.items():
        try:
            number, generation, *index = map(int, key.split())
        except ValueError:
            raise _missing() from None
        if index:
            inline.setdefault((number, generation), set()).update(index)
        else:
            _blank(pdf, pdf.get_object(number, generation), areas)
    for place, numbers in inline.items():
        _drop(pdf.get_object(*place), numbers, pdf)
    return len(places)


def _blank(pdf: pikepdf.Pdf, image: Any, areas: Sequence[Any]) -> None:
    if not isinstance(image, pikepdf.Stream) or image.get("/Subtype") != "/Image":
        raise _missing()
    picture = pdf_image_codecs.decoded(image)
    height, width = picture.samples.shape[:2]
    polygons = [[(x / width, y / height) for x, y in area] for area in areas]
    pdf_images.flat_fill(picture, pdf_images.cover((height, width), polygons))
    replace(image, pdf_image_codecs.encode(pdf, image, picture, len(image.read_raw_bytes())))


def _drop(holder: Any, numbers: set[int], pdf: pikepdf.Pdf) -> None:
    """Take inline images out of a stream of instructions."""
    page = isinstance(holder, pikepdf.Dictionary) and not isinstance(holder, pikepdf.Stream)
    kept, count = [], 0
    for instruction in pikepdf.parse_content_stream(pikepdf.Page(holder) if page else holder):
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            count += 1
            if count in numbers:
                continue
        kept.append(instruction)
    content = pikepdf.unparse_content_stream(kept) + b"\n"
    if not page:
        holder.write(content)
        return
    old = holder.get("/Contents")
    holder["/Contents"] = pdf.make_stream(content)
    for stream in list(old) if isinstance(old, pikepdf.Array) else [old]:
        stream.write(b"")


def _missing() -> BrokenError:
    return BrokenError(
        "cannot redact a picture",
        why="the plan names one that is not there",
        hint="Make a new plan with --plan.",
    )
