"""Where a secret can still be found in a file: an attacker that shares no code with the checks."""

from __future__ import annotations

import base64
import contextlib
import html
import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pikepdf
import pymupdf
import pypdfium2
from PIL import Image

_ALIKE = str.maketrans("аеорсухіАЕОРСХВКМНТ", "aeopcyxiAEOPCXBKMHT")
_FOUND = 0.75  # correlation with the picture of the secret


def plain(text: str) -> str:
    """Return a text as an attacker compares it: letters and digits only."""
    folded = unicodedata.normalize("NFKD", text.translate(_ALIKE)).casefold()
    return "".join(c for c in folded if c.isalnum())


def leaks(path: Path, secret: str, pictures: Sequence[Any] = ()) -> list[str]:
    """Return each place of a PDF in which the secret can be found."""
    wanted = plain(secret)
    forms = list(_forms(secret))
    found: set[str] = set()
    data = path.read_bytes()
    if _in_bytes(data, forms):
        found.add("raw bytes")
    with pymupdf.open(path) as document:
        if wanted in plain("".join(page.get_text() for page in document)):
            found.add("text by MuPDF")
        for page in document:
            if wanted in plain(_mupdf(page)):
                found.add("text by MuPDF")
        for text in (*map(str, document.metadata.values()), str(document.get_toc())):
            if wanted in plain(text):
                found.add("metadata by MuPDF")
    other = pypdfium2.PdfDocument(path)
    for sheet in other:
        text_page = sheet.get_textpage()
        if wanted in plain(text_page.get_text_range()):
            found.add("text by PDFium")
        text_page.close()
    other.close()
    with pikepdf.open(path) as pdf:
        maps = _maps(pdf)
        for item in [*pdf.objects, pdf.trailer]:
            for value in _strings(item):
                if wanted in plain(value) or wanted in plain(re.sub(r"<[^>]*>", "", value)):
                    found.add("string or name")
            if not isinstance(item, pikepdf.Stream):
                continue
            if item.get("/Subtype") == "/Image":
                if pictures and _pictured(item, pictures):
                    found.add("pixels of an image")
                if _in_bytes(item.read_raw_bytes(), forms):
                    found.add("bytes of an image")
                continue
            body = _body(item)
            if _in_bytes(body, forms) or wanted in plain(body.decode("latin-1")):
                found.add("stream")
            if b"begincmap" in body and _listed(_cmap(body), secret):
                found.add("order of a ToUnicode map")
            if body.startswith(b"PK\x03\x04") and _in_bytes(_unpacked(body), forms):
                found.add("archive")
            if body.startswith(b"%PDF"):
                with pikepdf.open(io.BytesIO(body)) as inner:
                    values = [v for part in inner.objects for v in _strings(part)]
                    found.update("attached PDF" for v in values if wanted in plain(v))
            shown, inline = _shown(body)
            if any(_pictured(picture, pictures) for picture in inline if pictures):
                found.add("pixels of an inline image")
            if any(wanted in plain(_decoded(shown, codes)) for codes in maps):
                found.add("shown text")
    return sorted(found)


def leaks_of_picture(path: Path, secret: str, crop: Any) -> list[str]:
    """Return where the secret can be found in an image file."""
    found: set[str] = set()
    data = path.read_bytes()
    forms = list(_forms(secret))
    blobs = [data]
    for match in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        with contextlib.suppress(zlib.error):
            blobs.append(zlib.decompressobj().decompress(data[match.start() :]))
    if any(_in_bytes(blob, forms) for blob in blobs):
        found.add("bytes")
    with Image.open(path) as image:
        for value in (*image.info.values(), *image.getexif().values()):
            if plain(secret) in plain(str(value)):
                found.add("metadata")
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            deep = image.mode.startswith("I")  # 16 bits
            grey = (np.asarray(image) / 257).astype(np.uint8) if deep else None
            whole = (image if grey is None else Image.fromarray(grey)).convert("RGBA")
            for plane in whole.split():
                values = np.asarray(plane).astype(float)
                spread = max(1.0, values.max() - values.min())
                stretched = ((values - values.min()) / spread * 255).astype(np.uint8)
                if shows(stretched, crop):
                    found.add(f"pixels of frame {number + 1}")
    return sorted(found)


def _listed(codes: dict[bytes, str], secret: str) -> bool:
    """Return whether a map names the letters of the secret in the order of their first use."""
    said = plain("".join(value for _, value in sorted(codes.items())))
    return plain(secret) in said or plain("".join(dict.fromkeys(secret))) in said


def _mupdf(page: Any) -> str:
    parts = [page.get_text(clip=pymupdf.INFINITE_RECT())]
    for annotation in page.annots() or ():
        parts += [str(v) for v in annotation.info.values()]
        parts.append(annotation.get_text(clip=pymupdf.INFINITE_RECT()) or "")
    for widget in page.widgets() or ():
        parts += [str(widget.field_value), str(widget.field_label), str(widget.field_name)]
    parts += [str(link.get("uri", "")) for link in page.get_links()]
    return "\n".join(parts)


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > 40:
        return
    if isinstance(value, pikepdf.String):
        raw = bytes(value)
        yield str(value)
        yield _unescaped(str(value))
        yield raw.decode("latin-1")
        yield raw.decode("utf-8", "ignore")
        yield raw.decode("utf-16-be", "ignore")
        yield raw.decode("utf-16-le", "ignore")
    elif isinstance(value, pikepdf.Name):
        yield str(value)
    elif isinstance(value, pikepdf.Array):
        for item in value:
            yield from _direct(item, depth)
    elif isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        for key, item in value.items():
            yield key
            yield from _direct(item, depth)


def _unescaped(text: str) -> str:
    """Return a text with the escapes of scripts and of addresses undone."""
    return re.sub(
        r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|%([0-9a-fA-F]{2})",
        lambda match: chr(int(match[1] or match[2] or match[3], 16)),
        text,
    )


def _direct(item: Any, depth: int) -> Iterator[str]:
    if isinstance(item, pikepdf.Object) and not item.is_indirect:
        yield from _strings(item, depth + 1)


def _forms(secret: str) -> Iterator[bytes]:
    for codec in ("utf-8", "latin-1", "utf-16-be", "utf-16-le"):
        form = secret.encode(codec, "ignore").lower()
        yield form
        yield secret.encode(codec, "ignore").hex().encode()
    yield quote(secret).lower().encode()
    yield "".join(f"%{b:02x}" for b in secret.encode()).encode()
    yield "".join(f"&#{ord(c)};" for c in secret).encode()
    yield "".join(f"&#x{ord(c):x};" for c in secret).encode()
    yield "".join(f"\\u{ord(c):04x}" for c in secret).encode()
    yield "".join(f"\\x{ord(c):02x}" for c in secret).encode()
    yield "".join(f"\\{ord(c):03o}" for c in secret).encode()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + secret.encode())
        yield coded[4 if shift else 0 : -4].lower()


def _in_bytes(data: bytes, forms: Sequence[bytes]) -> bool:
    readings = [data.lower()]
    if b"\0" in data:
        data = data.replace(b"\0", b"")  # UTF-16, of letters written as numbers, too
        readings.append(data.lower())
    readings.append(b"".join(readings[0].split()))
    if b"&" in data:
        readings.append(html.unescape(data.decode("latin-1")).lower().encode("utf-8"))
        readings.append(re.sub(rb"<[^>]*>", b"", data).lower())
    return any(form and form in reading for form in forms for reading in readings)


def _body(stream: Any) -> bytes:
    try:
        return bytes(stream.read_bytes())
    except (pikepdf.PdfError, NotImplementedError):
        raw = bytes(stream.read_raw_bytes())
        try:
            return zlib.decompressobj().decompress(raw)
        except zlib.error:
            return raw


def _cmap(body: bytes) -> dict[bytes, str]:
    """Return what codes mean by the bfchar and simple bfrange lines of a ToUnicode map."""
    result: dict[bytes, str] = {}

    def text(digits: bytes) -> str:
        return bytes.fromhex(digits.decode()).decode("utf-16-be", "ignore")

    for block in re.findall(rb"beginbfchar(.*?)endbfchar", body, re.S):
        for code, value in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]*)>", block):
            result[bytes.fromhex(code.decode())] = text(value)
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", body, re.S):
        for low, high, value in re.findall(
            rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block
        ):
            first, size = int(low, 16), len(low) // 2
            for code in range(first, min(int(high, 16), first + 500) + 1):
                result[code.to_bytes(size, "big")] = chr(int(value[-4:], 16) + code - first)
    return result


def _maps(pdf: pikepdf.Pdf) -> list[dict[bytes, str]]:
    """Return each font's map; and that of Vera's glyph numbers, which an attacker has at home."""
    from .book import vera

    home = {
        vera().has_glyph(code).to_bytes(2, "big"): chr(code)
        for code in (*range(33, 127), *range(192, 256))
        if vera().has_glyph(code)
    }
    latin = {bytes((code,)): chr(code) for code in range(33, 256)}
    maps = [home, latin]
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font":
            stream = item.get("/ToUnicode")
            if isinstance(stream, pikepdf.Stream):
                maps.append(_cmap(_body(stream)))
    return maps


def _unpacked(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def _shown(body: bytes) -> tuple[list[bytes], list[Any]]:
    """Return the strings of a content stream, in their order, and its inline images."""
    if not re.search(rb"T[jJ]|'|\"|\bEI\b", body):
        return [], []
    pdf = pikepdf.new()  # must outlive its streams
    try:
        instructions = list(pikepdf.parse_content_stream(pdf.make_stream(body)))
    except (pikepdf.PdfError, TypeError):
        return [], []
    strings, images = [], []
    for instruction in instructions:
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            with contextlib.suppress(Exception):
                images.append(instruction.iimage.as_pil_image())
            continue
        for operand in instruction.operands:
            for item in operand if isinstance(operand, pikepdf.Array) else [operand]:
                if isinstance(item, pikepdf.String):
                    strings.append(bytes(item))
    return strings, images


def _decoded(strings: Sequence[bytes], codes: dict[bytes, str]) -> str:
    size = max((len(code) for code in codes), default=1)
    return "".join(
        codes.get(raw[at : at + size], " ") for raw in strings for at in range(0, len(raw), size)
    )


def _pictured(image: Any, pictures: Sequence[Any]) -> bool:
    picture = image if isinstance(image, Image.Image) else _picture(image)
    if picture is None:
        return False
    planes = [np.asarray(plane.convert("L")) for plane in picture.split()]
    return any(shows(plane, crop) for plane in planes for crop in pictures)


def _picture(image: Any) -> Any:
    with contextlib.suppress(Exception):
        return pikepdf.PdfImage(image).as_pil_image()
    with contextlib.suppress(Exception):
        return Image.open(io.BytesIO(pymupdf.Pixmap(image.read_raw_bytes()).tobytes("png")))
    return None


def shows(grey: Any, crop: Any) -> bool:
    """Return whether a grey picture shows a crop somewhere, dark on light or light on dark."""
    if grey.shape[0] < crop.shape[0] or grey.shape[1] < crop.shape[1]:
        return False
    grey = np.ascontiguousarray(grey)
    match = np.abs(cv2.matchTemplate(grey, crop, cv2.TM_CCOEFF_NORMED))
    values = grey.astype(np.float64)
    size = crop.shape[::-1]
    options: Any = {"ddepth": -1, "ksize": size, "anchor": (0, 0), "borderType": cv2.BORDER_REFLECT}
    spread = cv2.boxFilter(values**2, **options) - cv2.boxFilter(values, **options) ** 2
    # Of a flat window the correlation is noise.
    inked = spread[: match.shape[0], : match.shape[1]] > 100
    return bool((match[inked] > _FOUND).any())
