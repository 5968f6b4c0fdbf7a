"""Images of PDFs, decoded to their own samples and coded again in the same kind of image."""

# mypy: disallow-untyped-calls=False
# PyMuPDF ships annotations for a part of its functions only.

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pikepdf

from ...errors import BrokenError, LimitExceededError

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[np.generic]  # (height, width, components), values 0 .. 2**depth - 1
    Rgb = npt.NDArray[np.uint8]
    Mask = npt.NDArray[np.bool_]
from .pdf_images import Picture

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


# What a stream of damaged data raises on the way to its samples.
BROKEN = (ValueError, RuntimeError, TypeError, KeyError, pikepdf.PdfError)


def decoded(image: Any) -> Picture:
    """Return what :func:`decode` does; raise BrokenError where the data is broken."""
    try:
        return decode(image)
    except BROKEN as error:
        raise BrokenError(
            "cannot redact an image",
            why="its data cannot be decoded",
            hint="Open the file in a viewer, save it again and retry.",
        ) from error


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
    if depth == 1:
        return np.ascontiguousarray(bits).reshape(height, width, count)
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
    if depth == 1:
        return np.asarray(np.packbits(np.asarray(flat, np.uint8), axis=1))
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
