"""Puts raster images into a PDF as they are: JPEG bytes untouched, others without loss."""

from __future__ import annotations

import warnings
import zlib
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ...errors import OutputError
from ...geometry import Affine

if TYPE_CHECKING:
    from PIL import Image

    from ..base import Source

# How EXIF orientation 1-8 maps the stored image to the displayed one, both in a unit square, y down.
_ORIENTATIONS = {
    1: Affine(1, 0, 0, 1, 0, 0),
    2: Affine(-1, 0, 0, 1, 1, 0),
    3: Affine(-1, 0, 0, -1, 1, 1),
    4: Affine(1, 0, 0, -1, 0, 1),
    5: Affine(0, 1, 1, 0, 0, 0),
    6: Affine(0, 1, -1, 0, 1, 0),
    7: Affine(0, -1, -1, 0, 1, 1),
    8: Affine(0, -1, 1, 0, 0, 1),
}
_ORIENTATION_TAG = 0x0112
_ICC_SPACES = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}


class ImageEmbedder:
    """Adds one PDF page for each image (frame) of an input. Use it as a context manager."""

    def __init__(self, pdf: Any, source: Source) -> None:
        from PIL import Image

        self._pdf, self._source = pdf, source
        with warnings.catch_warnings():
            # The reader has its own limits for large images, and has let this one pass.
            warnings.simplefilter("ignore")
            try:
                self._image = Image.open(source.path)
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                raise self._broken() from error

    def __enter__(self) -> ImageEmbedder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._image.close()

    def add_page(self, number: int, dpi: int | None) -> Any:
        """Add the page of frame ``number`` (1-based) and return it.

        Args:
            number: the frame.
            dpi: pixels per inch; ``None`` takes the file's own, or 200.

        Raises:
            OutputError: the frame cannot be decoded.
        """
        from pikepdf import Array, Dictionary

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._image.seek(number - 1)
                orientation = self._image.getexif().get(_ORIENTATION_TAG, 1)
                xobject = self._xobject(self._image, number)
        except (OSError, ValueError, EOFError, SyntaxError) as error:
            raise self._broken() from error
        if dpi is None:
            own = self._image.info.get("dpi", (200, 200))[0]
            dpi = round(own) if 10 <= own <= 10000 else 200
        width, height = self._image.size
        turn = _ORIENTATIONS.get(orientation, _ORIENTATIONS[1])
        if orientation in (5, 6, 7, 8):
            width, height = height, width
        w, h = width * 72 / dpi, height * 72 / dpi
        # A PDF image fills the unit square with its first row on top (y up).
        place = Affine(1, 0, 0, -1, 0, 1).then(turn).then(Affine(w, 0, 0, -h, 0, h))
        numbers = " ".join(f"{value:.4f}" for value in place)
        page = self._pdf.add_blank_page(page_size=(max(w, 3), max(h, 3)))
        page.obj.MediaBox = Array([0, 0, round(w, 4), round(h, 4)])
        page.obj.Resources = Dictionary(XObject=Dictionary(Im=xobject))
        page.obj.Contents = self._pdf.make_stream(f"q {numbers} cm /Im Do Q\n".encode("ascii"))
        return page

    def _broken(self) -> OutputError:
        return OutputError(
            "cannot put the image into a PDF",
            where=self._source.info.name,
            why="it cannot be decoded",
            hint="Choose another output format, e.g. -f hocr.",
        )

    def _xobject(self, image: Image.Image, number: int) -> Any:
        if image.format in ("JPEG", "MPO") and number == 1 and image.mode in ("L", "RGB", "CMYK"):
            return self._jpeg(image)
        return self._lossless(image)

    def _jpeg(self, image: Image.Image) -> Any:
        from pikepdf import Array, Name

        channels = {"L": 1, "RGB": 3, "CMYK": 4}[image.mode]
        # CMYK in JPEG is stored inverted, as Adobe does.
        decode = {"Decode": Array([1, 0] * 4)} if channels == 4 else {}
        return self._stream(
            self._source.path.read_bytes(),
            image,
            self._space(image, channels),
            8,
            Filter=Name.DCTDecode,
            **decode,
        )

    def _lossless(self, image: Image.Image) -> Any:
        from pikepdf import Array, Name, String

        mode = image.mode
        if mode == "P" and "transparency" not in image.info:
            palette = image.getpalette("RGB") or [0, 0, 0]
            space = Array(
                [Name.Indexed, Name.DeviceRGB, len(palette) // 3 - 1, String(bytes(palette))]
            )
            return self._flate(image.tobytes(), image, space, 8)
        if mode in ("LA", "La", "RGBA", "RGBa", "PA", "P"):
            mode = "LA" if mode in ("LA", "La") else "RGBA"
            image = image.convert(mode)
            alpha = image.getchannel("A")
            image = image.convert(mode[:-1])
            extrema = alpha.getextrema()
            mask = {}
            if extrema != (255, 255):
                mask = {"SMask": self._flate(alpha.tobytes(), alpha, Name.DeviceGray, 8)}
            space = self._space(image, 1 if mode == "LA" else 3)
            return self._flate(image.tobytes(), image, space, 8, **mask)
        if mode == "1":
            return self._flate(image.tobytes(), image, Name.DeviceGray, 1)
        if mode.startswith("I"):
            import numpy as np

            data = np.asarray(image).astype(np.int64).clip(0, 65535).astype(">u2")
            return self._flate(data.tobytes(), image, Name.DeviceGray, 16)
        if mode not in ("L", "RGB", "CMYK"):
            image = image.convert("L" if mode == "F" else "RGB")
        channels = len(image.getbands())
        return self._flate(image.tobytes(), image, self._space(image, channels), 8)

    def _space(self, image: Image.Image, channels: int) -> Any:
        """Return the colour space, with the image's own profile where it fits."""
        from pikepdf import Array, Name

        device = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}[channels]
        profile = image.info.get("icc_profile") or b""
        if profile[36:40] != b"acsp" or profile[16:20] != _ICC_SPACES[channels]:
            return device
        stream = self._pdf.make_stream(
            zlib.compress(profile, 9), Filter=Name.FlateDecode, N=channels, Alternate=device
        )
        return Array([Name.ICCBased, stream])

    def _flate(self, data: bytes, image: Image.Image, space: Any, bits: int, **more: Any) -> Any:
        from pikepdf import Name

        return self._stream(
            zlib.compress(data, 6), image, space, bits, Filter=Name.FlateDecode, **more
        )

    def _stream(self, data: bytes, image: Image.Image, space: Any, bits: int, **more: Any) -> Any:
        from pikepdf import Name

        return self._pdf.make_stream(
            data,
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=image.width,
            Height=image.height,
            ColorSpace=space,
            BitsPerComponent=bits,
            **more,
        )
