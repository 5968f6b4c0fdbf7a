"""Pixels of PDF images under areas: decoded, blanked, painted, and put back in the same kind of image.

Samples stay in the image's own colour space and depth; RGB is only what the painter is shown. A colour
space that RGB cannot be turned back into takes the nearest colour that stands around the gap.
"""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pikepdf

from ...errors import LimitExceededError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.generic]  # (height, width, components), values 0 .. 2**depth - 1
    Rgb = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]

_CODECS = ("/DCTDecode", "/JPXDecode", "/JBIG2Decode", "/CCITTFaxDecode", "/DCT", "/CCF")
# Samples of one image, decoded; an image over it is refused before anything is allocated.
_MAX_SAMPLES = 400_000_000
# A JPEG is kept exact (as Flate) as long as the file does not grow more than this.
_EXACT_BYTES, _EXACT_FACTOR = 256 << 10, 1.5
# Entries that describe the old coding, or could hold what was removed.
_DROPPED = frozenset(
    {"/Length", "/Filter", "/DecodeParms", "/DL", "/Metadata", "/PieceInfo", "/OPI"}
    | {"/Alternates", "/ID", "/SMaskInData", "/LastModified", "/Thumb", "/AF", "/F", "/FFilter"}
)


@dataclass
class Picture:
    """A decoded image.

    Attributes:
        samples: (height, width, components).
        depth: bits a component.
        codec: the filter that it was coded with, "" for the lossless ones of PDF.
        colours: how samples relate to RGB: "gray", "rgb", "cmyk", "indexed" or "other".
        palette: (n, 3) RGB for "indexed".
        inverted: whether /Decode turns the values round.
        alpha: (height, width) that JPEG 2000 carries inside, or None.
        jpeg: quantisation tables and subsampling for coding it again, or None.
    """

    samples: Samples
    depth: int
    codec: str
    colours: str
    palette: Rgb | None = None
    inverted: bool = False
    alpha: Rgb | None = None
    jpeg: dict[str, Any] | None = None

    def rgb(self, window: tuple[slice, slice]) -> Rgb:
        """Return a window as RGB, good enough to paint by."""
        part = self.samples[window]
        top = (1 << self.depth) - 1
        if self.palette is not None:
            return np.asarray(self.palette[np.minimum(part[..., 0], len(self.palette) - 1)])
        level = (part.astype(np.float32) * (255.0 / top)).round()
        if self.inverted:
            level = 255.0 - level
        if self.colours == "rgb":
            return level.astype(np.uint8)
        if self.colours == "cmyk":
            light = (255.0 - level[..., :3]) * (255.0 - level[..., 3:]) / 255.0
            return light.astype(np.uint8)
        if self.colours == "other":
            level = 255.0 - level.mean(axis=2, keepdims=True)
        return np.repeat(level[..., :1], 3, axis=2).astype(np.uint8)

    def put(self, window: tuple[slice, slice], painted: Rgb, mask: Mask) -> None:
        """Write painted RGB back where the mask is True."""
        part = self.samples[window]
        top = (1 << self.depth) - 1
        if self.colours in ("gray", "rgb"):
            level = painted.astype(np.float32)
            if self.colours == "gray":
                level = level.mean(axis=2, keepdims=True)
            if self.inverted:
                level = 255.0 - level
            part[mask] = (level[mask] * (top / 255.0)).round().astype(part.dtype)
            return
        around = part[~mask]
        if not len(around):
            return
        seen, first = np.unique(around, axis=0, return_index=True)
        colours = self.rgb(window)[~mask][first]
        if len(seen) > 4096:
            step = len(seen) // 4096 + 1
            seen, colours = seen[::step], colours[::step]
        from scipy.spatial import cKDTree

        _, nearest = cKDTree(colours.astype(np.float32)).query(painted[mask].astype(np.float32))
        part[mask] = seen[nearest]

    def paint(self, window: tuple[slice, slice], painted: Rgb, mask: Mask) -> None:
        """Write RGB where the mask is True, in any colours that the samples can have."""
        part = self.samples[window]
        wanted = painted[mask].astype(np.float32)
        if self.colours in ("gray", "rgb"):
            self.put(window, painted, mask)
        elif self.palette is not None:
            from scipy.spatial import cKDTree

            _, nearest = cKDTree(self.palette.astype(np.float32)).query(wanted)
            part[mask] = nearest[:, None].astype(part.dtype)
        elif self.colours == "cmyk":
            level = wanted / 255.0
            key = 1.0 - level.max(axis=1, keepdims=True)
            inks = (1.0 - level - key) / np.maximum(1e-6, 1.0 - key)
            values = np.concatenate([inks, key], axis=1)
            values = 1.0 - values if self.inverted else values
            part[mask] = (values * ((1 << self.depth) - 1)).round().astype(part.dtype)
        else:  # one ink, or several of unknown colours: their amount makes it dark
            level = 1.0 - wanted.mean(axis=1, keepdims=True) / 255.0
            level = 1.0 - level if self.inverted else level
            part[mask] = (level * ((1 << self.depth) - 1)).round().astype(part.dtype)


def decode(image: Any) -> Picture:
    """Decode an image XObject to its own samples.

    Raises:
        LimitExceededError: the image is too large to decode.
        ValueError, pikepdf.PdfError, RuntimeError: its data is broken.
    """
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    stencil = bool(image.get("/ImageMask", False))
    depth = 1 if stencil else int(image.get("/BitsPerComponent", 8))
    names = _filters(image)
    codec = names[-1] if names and names[-1] in _CODECS else ""
    colours, count, palette = _colour_space(image.get("/ColorSpace"), stencil)
    if width <= 0 or height <= 0 or width * height * max(1, count) > _MAX_SAMPLES:
        raise LimitExceededError("cannot redact an image", why=f"it is {width} by {height} pixels")
    inverted = _inverted(image, count)
    if not codec:
        samples = _unpack(image.read_bytes(), width, height, count, depth)
        return Picture(samples, depth, "", colours, _scaled(palette, image, depth), inverted)
    pixels, alpha = _decode_by_viewer(image, codec)
    jpeg = _jpeg_settings(image) if codec in ("/DCTDecode", "/DCT") and len(names) == 1 else None
    if codec in ("/JBIG2Decode", "/CCITTFaxDecode", "/CCF"):
        bits = (pixels[..., :1] > 127).astype(np.uint8)
        return Picture(bits, 1, codec, colours, palette, inverted)
    if palette is None or pixels.shape[2] != 1:
        colours = {1: "gray", 3: "rgb", 4: "cmyk"}.get(pixels.shape[2], "other")
        palette = None
    return Picture(pixels, 8, codec, colours, palette, inverted, alpha, jpeg)


def encode(pdf: pikepdf.Pdf, image: Any, picture: Picture, old_size: int) -> Any:
    """Return a new image XObject with the picture's samples, else as the old one said."""
    stream = pdf.make_stream(b"")
    for key, value in image.items():
        if key not in _DROPPED:
            stream[key] = value
    height, width, count = picture.samples.shape
    stream["/Width"], stream["/Height"] = width, height
    if not image.get("/ImageMask", False):
        stream["/BitsPerComponent"] = picture.depth
    if picture.codec == "/JPXDecode" and picture.palette is None:
        names = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
        said = image.get("/ColorSpace")  # JPEG 2000 may say it itself
        if count in names and (said is None or _colour_space(said, False)[1] != count):
            stream["/ColorSpace"] = pikepdf.Name(names[count])
    if picture.depth == 1 and picture.codec:
        data = _fax(picture.samples[..., 0])
        if data is not None:
            parms = pikepdf.Dictionary(K=-1, Columns=width, Rows=height, BlackIs1=True)
            stream.write(data, filter=pikepdf.Name.CCITTFaxDecode, decode_parms=parms)
            return stream
    packed = _pack(picture.samples, picture.depth)
    data = _predicted(packed)
    if picture.jpeg is not None and len(data) > max(_EXACT_BYTES, old_size * _EXACT_FACTOR):
        coded = _jpeg(picture)
        if coded is not None:
            stream.write(coded, filter=pikepdf.Name.DCTDecode)
            return stream
    parms = pikepdf.Dictionary(
        Predictor=12, Colors=count, BitsPerComponent=picture.depth, Columns=width
    )
    stream.write(data, filter=pikepdf.Name.FlateDecode, decode_parms=parms)
    return stream


def cover(shape: tuple[int, int], polygons: Sequence[Sequence[Sequence[float]]]) -> Mask:
    """Return the pixels that polygons touch, (height, width).

    Args:
        shape: height and width.
        polygons: corners in fractions of width and height, y down. One that is narrower than two
            pixels covers none: so coarse an image cannot show what stands there.
    """
    from PIL import Image, ImageDraw
    from scipy.ndimage import binary_dilation

    height, width = shape
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for polygon in polygons:
        spots = [(x * width - 0.5, y * height - 0.5) for x, y in polygon]
        extents = [max(v) - min(v) for v in zip(*spots, strict=True)]
        if min(extents) >= 2:
            draw.polygon(spots, fill=1, outline=1)
    mask = np.asarray(canvas, dtype=bool)
    return np.asarray(binary_dilation(mask, np.ones((3, 3), bool))) if mask.any() else mask


def letters(
    picture: Picture,
    polygon: Sequence[Sequence[float]],
    inks: Sequence[tuple[int, int, int]],
    blur: float,
) -> Mask:
    """Return the pixels of the letters in a polygon; where they cannot be told, all of it.

    Args:
        picture: what is looked at.
        polygon: corners in fractions of width and height, y down.
        inks: colours of the letters and of what they wear.
        blur: standard deviation of their edges in pixels.
    """
    from .strokes import strokes

    whole = cover(picture.samples.shape[:2], [polygon])
    result = np.zeros_like(whole)
    for window in windows(whole):
        for ink in inks:
            result[window] |= strokes(picture.rgb(window), whole[window], ink, blur)
    return result


def crop(
    picture: Picture,
    hidden: Mask,
    window: tuple[slice, slice],
    part: Mask,
    ink: tuple[int, int, int] | None,
) -> tuple[Rgb, npt.NDArray[np.uint8]]:
    """Return a window to be painted: RGB, blank where it is hidden, and its mask.

    Args:
        picture: what is painted.
        hidden: (height, width) of the picture, what is to be painted.
        window: rows and columns.
        part: what of the window is this crop's to paint.
        ink: colour of letters that may stand beside, None not to look for them.

    The mask is 1 where it is to be painted, 2 where nothing is said about the ground: under other
    crops' parts, and under letters beside this one.
    """
    from .strokes import neighbours

    own = hidden[window]
    mask = np.where(part & own, 1, np.where(own, 2, 0)).astype(np.uint8)
    rgb = picture.rgb(window).copy()
    rgb[own] = 0
    if ink is not None:
        mask[neighbours(rgb, own, ink)] = 2
    return rgb, np.ascontiguousarray(mask)


def ink_of(
    written: Sequence[tuple[Mask, tuple[int, int, int]]], window: tuple[slice, slice], part: Mask
) -> tuple[int, int, int] | None:
    """Return the colour of the letters in a part of a window; None where there are none."""
    return next((ink for own, ink in written if (own[window] & part).any()), None)


def windows(mask: Mask) -> list[tuple[slice, slice]]:
    """Return one window a connected masked part, with enough around it to paint by."""
    return [window for window, _ in zones(mask)]


def zones(mask: Mask, share: float = 0.75) -> list[tuple[tuple[slice, slice], Mask]]:
    """Return one window a connected masked part, and the part in it.

    Args:
        mask: (height, width).
        share: how much is around, as a share of the part's height.
    """
    from scipy.ndimage import find_objects, label

    height, width = mask.shape
    result = []
    parts = label(mask)[0]
    for number, (rows, columns) in enumerate(find_objects(parts), 1):
        margin = int(min(64 if share < 1 else 96, max(12, share * (rows.stop - rows.start))))
        window = (
            slice(max(0, rows.start - margin), min(height, rows.stop + margin)),
            slice(max(0, columns.start - margin), min(width, columns.stop + margin)),
        )
        result.append((window, np.asarray(parts[window] == number)))
    return result


def flat_fill(picture: Picture, mask: Mask) -> None:
    """Fill the masked samples with the commonest sample around each part."""
    for window in windows(mask):
        part, hidden = picture.samples[window], mask[window]
        around = part[~hidden]
        if len(around):
            values, counts = np.unique(around, axis=0, return_counts=True)
            part[hidden] = values[counts.argmax()]


def _filters(image: Any) -> list[str]:
    value = image.get("/Filter")
    if isinstance(value, pikepdf.Name):
        return [str(value)]
    return [str(item) for item in value] if isinstance(value, pikepdf.Array) else []


def _colour_space(space: Any, stencil: bool) -> tuple[str, int, Rgb | None]:
    """Return the kind, the number of components and the palette of a colour space."""
    simple = {"/DeviceGray": "gray", "/CalGray": "gray", "/DeviceRGB": "rgb", "/CalRGB": "rgb"}
    simple |= {"/DeviceCMYK": "cmyk", "/G": "gray", "/RGB": "rgb", "/CMYK": "cmyk"}
    counts = {"gray": 1, "rgb": 3, "cmyk": 4}
    if stencil or space is None:
        return "gray", 1, None
    if isinstance(space, pikepdf.Name):
        kind = simple.get(str(space), "other")
        return kind, counts.get(kind, 1), None
    if not isinstance(space, pikepdf.Array) or not len(space):
        return "other", 1, None
    family = str(space[0])
    if family in simple:
        return simple[family], counts[simple[family]], None
    if family == "/ICCBased":
        count = int(space[1].get("/N", 3))
        return {1: "gray", 3: "rgb", 4: "cmyk"}.get(count, "other"), count, None
    if family in ("/Indexed", "/I"):
        return "indexed", 1, _palette(space)
    if family == "/DeviceN":
        return "other", len(space[1]), None
    return "other", 3 if family == "/Lab" else 1, None


def _palette(space: Any) -> Rgb:
    kind, count, _ = _colour_space(space[1], False)
    table = space[3]
    data = table.read_bytes() if isinstance(table, pikepdf.Stream) else bytes(table)
    entries = int(space[2]) + 1
    values = np.zeros((entries, count), np.uint8)
    flat = np.frombuffer(data[: entries * count], np.uint8)
    values.reshape(-1)[: len(flat)] = flat
    return np.asarray(Picture(values[None], 8, "", kind).rgb((slice(None), slice(None)))[0])


def _scaled(palette: Rgb | None, image: Any, depth: int) -> Rgb | None:
    """Apply a /Decode array of an indexed image by reordering the palette."""
    decode_array = image.get("/Decode")
    if palette is None or not isinstance(decode_array, pikepdf.Array) or len(decode_array) < 2:
        return palette
    low, high = float(decode_array[0]), float(decode_array[1])
    order = low + np.arange(1 << depth) * (high - low) / ((1 << depth) - 1)
    return np.asarray(palette[np.clip(order.round().astype(int), 0, len(palette) - 1)])


def _inverted(image: Any, count: int) -> bool:
    value = image.get("/Decode")
    if not isinstance(value, pikepdf.Array) or len(value) < 2 * count:
        return False
    return all(float(value[2 * i]) > float(value[2 * i + 1]) for i in range(count))


def _unpack(data: bytes, width: int, height: int, count: int, depth: int) -> Samples:
    """Return samples of any depth as an array; rows are padded to whole bytes, short data to 0."""
    row = (width * count * depth + 7) // 8
    flat = np.zeros(row * height, np.uint8)
    given = np.frombuffer(data[: row * height], np.uint8)
    flat[: len(given)] = given
    rows = flat.reshape(height, row)
    if depth == 8:
        return rows.reshape(height, width, count).copy()
    if depth == 16:
        return rows.view(">u2").reshape(height, width, count).astype(np.uint16)
    if depth not in (1, 2, 4):
        raise ValueError("no such depth")
    bits = np.unpackbits(rows, axis=1)[:, : width * count * depth]
    weights = 1 << np.arange(depth - 1, -1, -1, dtype=np.uint8)
    values = bits.reshape(height, width, count, depth) @ weights
    return np.asarray(values, np.uint8)


def _pack(samples: Samples, depth: int) -> npt.NDArray[np.uint8]:
    """Return rows of bytes, (height, bytes a row)."""
    height = samples.shape[0]
    flat = samples.reshape(height, -1)
    if depth == 8:
        return np.ascontiguousarray(flat, np.uint8)
    if depth == 16:
        return np.ascontiguousarray(flat.astype(">u2")).view(np.uint8)
    shifts = np.arange(depth - 1, -1, -1, dtype=np.uint8)
    bits = (flat[..., None].astype(np.uint8) >> shifts) & 1
    return np.asarray(np.packbits(bits.reshape(height, -1), axis=1))


def _predicted(rows: npt.NDArray[np.uint8]) -> bytes:
    """Deflate rows with PNG's "up" predictor."""
    tagged = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    tagged[:, 0] = 2
    tagged[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=tagged[1:, 1:])
    return zlib.compress(tagged.tobytes(), 6)


def _decode_by_viewer(image: Any, codec: str) -> tuple[npt.NDArray[np.uint8], Rgb | None]:
    """Decode with MuPDF, with the colour space taken away: its own components, as coded."""
    import pymupdf

    with pikepdf.new() as scratch:
        stream = scratch.make_stream(image.read_raw_bytes())
        for key in ("/Filter", "/Width", "/Height", "/BitsPerComponent"):
            if key in image:
                stream[key] = _foreign(scratch, image[key])
        parms = image.get("/DecodeParms")
        if parms is not None:
            stream["/DecodeParms"] = _foreign(scratch, parms)
        stream["/Type"], stream["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Image
        if codec in ("/JBIG2Decode", "/CCITTFaxDecode", "/CCF"):
            stream["/BitsPerComponent"] = 1
            stream["/ColorSpace"] = pikepdf.Name.DeviceGray
        elif codec != "/JPXDecode":
            names = {1: "/DeviceGray", 3: "/DeviceRGB", 4: "/DeviceCMYK"}
            count = _jpeg_components(image)
            stream["/BitsPerComponent"] = 8
            stream["/ColorSpace"] = pikepdf.Name(names.get(count, "/DeviceRGB"))
        else:
            # Let the file's own colour specification speak.
            if "/BitsPerComponent" in stream:
                del stream["/BitsPerComponent"]
        page = scratch.add_blank_page(page_size=(72, 72))
        page.obj["/Resources"] = pikepdf.Dictionary(
            XObject=pikepdf.Dictionary(I=scratch.make_indirect(stream))
        )
        buffer = io.BytesIO()
        scratch.save(buffer)
    with pymupdf.open(stream=buffer.getvalue(), filetype="pdf") as document:
        found = document.get_page_images(0)
        pixmap = pymupdf.Pixmap(document, found[0][0])
        array = np.frombuffer(pixmap.samples, np.uint8)
        array = array.reshape(pixmap.height, pixmap.stride)[:, : pixmap.width * pixmap.n]
        array = array.reshape(pixmap.height, pixmap.width, pixmap.n).copy()
        if pixmap.alpha:
            return array[..., :-1].copy(), array[..., -1].copy()
    return array, None


def _foreign(target: pikepdf.Pdf, value: Any) -> Any:
    """Copy decode parameters, with their JBIG2 globals, into another document."""
    if isinstance(value, pikepdf.Array):
        return pikepdf.Array([_foreign(target, item) for item in value])
    if not isinstance(value, pikepdf.Dictionary):
        return value
    copy = pikepdf.Dictionary()
    for key, item in value.items():
        if isinstance(item, pikepdf.Stream):
            copy[key] = target.make_stream(item.read_bytes())
        else:
            copy[key] = _foreign(target, item)
    return copy


def _jpeg_components(image: Any) -> int:
    """Return the number of components that the JPEG's frame header declares."""
    data = _before_codec(image)
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return data[at + 9]
        if marker == 0xFF or marker == 0 or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return 3


def _before_codec(image: Any) -> bytes:
    """Return the coded JPEG itself, with lossless filters around it undone."""
    names = _filters(image)
    if len(names) == 1:
        return bytes(image.read_raw_bytes())
    with pikepdf.new() as scratch:
        stream = scratch.make_stream(image.read_raw_bytes())
        stream["/Filter"] = pikepdf.Array([pikepdf.Name(name) for name in names[:-1]])
        return bytes(stream.read_bytes())


def _jpeg_settings(image: Any) -> dict[str, Any] | None:
    """Return what coding the picture again with the same loss needs; None where Pillow cannot."""
    from PIL import Image, JpegImagePlugin

    try:
        with Image.open(io.BytesIO(image.read_raw_bytes())) as opened:
            if not isinstance(opened, JpegImagePlugin.JpegImageFile):
                return None
            if opened.mode not in ("L", "RGB"):
                return None
            tables = {key: list(table) for key, table in opened.quantization.items()}
            return {"tables": tables, "subsampling": JpegImagePlugin.get_sampling(opened)}
    except (OSError, ValueError, SyntaxError):
        return None


def _jpeg(picture: Picture) -> bytes | None:
    from PIL import Image

    settings = picture.jpeg or {}
    count = picture.samples.shape[2]
    if count not in (1, 3):
        return None
    pixels = picture.samples[..., 0] if count == 1 else picture.samples
    buffer = io.BytesIO()
    tables = {int(key): table for key, table in settings["tables"].items()}
    sampling = settings["subsampling"]
    options = {"subsampling": sampling} if count == 3 and sampling >= 0 else {}
    Image.fromarray(np.ascontiguousarray(pixels, np.uint8)).save(
        buffer, "JPEG", qtables=[tables[key] for key in sorted(tables)], optimize=True, **options
    )
    return buffer.getvalue()


def _fax(bits: Samples) -> bytes | None:
    """Code 1-bit rows as CCITT group 4; None where this Pillow has no libtiff."""
    from PIL import Image, features

    if not features.check("libtiff"):
        return None
    # Pillow codes a bit of 0 as a white run, whatever it looks like: hence BlackIs1 in encode().
    picture = Image.fromarray(bits.astype(bool))
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF", compression="group4", tiffinfo={278: bits.shape[0]})
    with Image.open(io.BytesIO(buffer.getvalue())) as coded:
        offsets, counts = coded.tag_v2[273], coded.tag_v2[279]  # type: ignore[attr-defined]
        photometric = coded.tag_v2[262]  # type: ignore[attr-defined]
        if len(offsets) != 1 or photometric != 1:
            return None
    data = buffer.getvalue()
    return data[offsets[0] : offsets[0] + counts[0]]
