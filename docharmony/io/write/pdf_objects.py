"""Small readings of PDF objects that content streams need: matrices, tiles, inline images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Polygon
from .pdf_area import Area, box_corners

_MAX_TILES = 400
_INLINE_KEYS = {
    "/BPC": "/BitsPerComponent",
    "/CS": "/ColorSpace",
    "/D": "/Decode",
    "/DP": "/DecodeParms",
    "/F": "/Filter",
    "/H": "/Height",
    "/IM": "/ImageMask",
    "/I": "/Interpolate",
    "/W": "/Width",
    "/L": "/Length",
}
_INLINE_FILTERS = {
    "/AHx": "/ASCIIHexDecode",
    "/A85": "/ASCII85Decode",
    "/LZW": "/LZWDecode",
    "/Fl": "/FlateDecode",
    "/RL": "/RunLengthDecode",
    "/CCF": "/CCITTFaxDecode",
    "/DCT": "/DCTDecode",
}
_INLINE_COLOURS = {
    "/G": "/DeviceGray",
    "/RGB": "/DeviceRGB",
    "/CMYK": "/DeviceCMYK",
    "/I": "/Indexed",
}


def _expand(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, pikepdf.Name):
        return pikepdf.Name(names.get(str(value), str(value)))
    if isinstance(value, pikepdf.Array):
        return pikepdf.Array([_expand(item, names) for item in value])
    return value


def _inline_colours(value: Any, named: Any) -> Any:
    if isinstance(value, pikepdf.Name) and str(value) in named:
        return named.get(str(value))
    return _expand(value, _INLINE_COLOURS)


def parts(item: Any) -> tuple[Sequence[Any], Any]:
    """Return operands and operator of an instruction, parsed or of our own making."""
    if isinstance(item, tuple):
        return item[0], item[1]
    return list(item.operands), item.operator


# What the names among the operands of an operator are resources of.
TAKES = {
    "Do": "/XObject", "gs": "/ExtGState", "sh": "/Shading", "cs": "/ColorSpace", "CS": "/ColorSpace",
    "scn": "/Pattern", "SCN": "/Pattern", "BDC": "/Properties", "DP": "/Properties", "Tf": "/Font",
}  # fmt: skip


def named(item: Any) -> Iterator[tuple[str, str]]:
    """Yield the category of resources ("" for any) and each name of an instruction."""
    operands, operator = parts(item)
    category = TAKES.get(str(operator), "")
    for operand in operands:
        if isinstance(operand, pikepdf.Name):
            yield category, str(operand)


def dictionary(value: Any) -> Any:
    """Return the value when it is a dictionary, else an empty one."""
    return value if isinstance(value, pikepdf.Dictionary) else pikepdf.Dictionary()


def floats(operands: Sequence[Any], count: int) -> list[float]:
    """Return the first operands as numbers; raise TypeError, ValueError or IndexError."""
    return [float(operands[index]) for index in range(count)]


def matrix_of(value: Any) -> Affine:
    """Return a matrix array as a map; identity for anything else."""
    try:
        return Affine(*(float(v) for v in value)) if len(value) == 6 else Affine()
    except (TypeError, ValueError):
        return Affine()


def tiles(pattern: Any, matrix: Affine, areas: Sequence[Area]) -> list[Affine]:
    """Return the maps of the tiles that meet an area; all of a dense pattern counts as one tile."""
    try:
        x0, y0, x1, y1 = (float(v) for v in pattern["/BBox"])
        step_x, step_y = abs(float(pattern["/XStep"])), abs(float(pattern["/YStep"]))
        back = matrix.inverse()
    except (KeyError, TypeError, ValueError):
        return []
    if not step_x or not step_y:
        return []
    tiles = []
    for area in areas:
        reach = area_box(area, back)
        columns = range(int((reach.x0 - x1) // step_x), int((reach.x1 - x0) // step_x) + 2)
        rows = range(int((reach.y0 - y1) // step_y), int((reach.y1 - y0) // step_y) + 2)
        if len(columns) * len(rows) > _MAX_TILES:
            continue  # the cell is far smaller than the area: a shade or a hatch, no text
        for column in columns:
            for row in rows:
                tile = Affine.translate(column * step_x, row * step_y).then(matrix)
                if area.meets(box_corners((x0, y0, x1, y1), tile)):
                    tiles.append(tile)
    return tiles


def area_box(area: Area, back: Affine) -> BBox:
    """Return the box around an area, mapped into another space."""
    return Polygon(back.apply(p) for p in area.points).bbox


def inline_stream(pdf: pikepdf.Pdf, inline: Any, colours: Any) -> Any:
    """Return an inline image as an image XObject."""
    stream = pdf.make_stream(b"")
    stream["/Subtype"] = pikepdf.Name.Image
    entries = list(inline._image_object)
    values: dict[str, Any] = {}
    for key, value in zip(entries[::2], entries[1::2], strict=False):
        values[_INLINE_KEYS.get(str(key), str(key))] = value
    for key, value in values.items():
        if key == "/ColorSpace":
            value = _inline_colours(value, colours)
        elif key == "/Filter":
            value = _expand(value, _INLINE_FILTERS)
        stream[key] = value
    raw = inline._data._inline_image_raw_bytes()
    coding: Any = stream.get("/Filter")
    parms: Any = stream.get("/DecodeParms")
    stream.write(raw, filter=coding, decode_parms=parms)
    return stream


def plain(value: Any) -> Any:
    """Return instructions as something that can be compared."""
    if value is None or isinstance(value, str | float | int):
        return value
    if isinstance(value, tuple) and not value:
        return ()
    if isinstance(value, tuple) and not isinstance(value[-1], pikepdf.Operator):
        return tuple(plain(item) for item in value)
    operands, operator = parts(value)
    return str(operator), tuple(str(operand) for operand in operands)
