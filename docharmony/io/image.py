"""ImageSource: PNG, JPEG, TIFF with its pages, WebP and BMP, decoded in a child process."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ..errors import BrokenError, UsageError
from ..geometry import Affine, BBox
from ..model import Page
from .base import Opening, Source, Unseen
from .child import Child

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_CHILD = "docharmony.io.image_child:"


class ImageSource(Source):
    """An image file. Pages measure in pixels, turned upright as EXIF says, on white where transparent."""

    def __init__(self, opening: Opening) -> None:
        self._limits, self._dpi = opening.limits, opening.dpi
        self._child = Child(opening.limits)
        self._file = {
            "path": str(opening.path),
            "media_type": opening.media_type,
            "max_pixels": self._limits.max_pixels,
        }
        try:
            pages, _ = self._child.call(
                _CHILD + "info",
                {**self._file, "max_pages": self._limits.max_pages},
                where=opening.name,
            )
        except BaseException:
            self._child.close()
            raise
        super().__init__(opening, int(pages))

    def page(self, number: int) -> Page:
        """Return the page: its size, its dpi, and one image that covers it."""
        value, _ = self._call("page", number)
        try:
            width, height = map(float, value["size"])
            return Page(
                number,
                width,
                height,
                "px",
                int(value["rotation"]),
                int(value["dpi"] or self._dpi),
                images=(BBox(0.0, 0.0, width, height),),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise self._senseless(number) from error

    def raster(self, number: int, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Return the pixels; see :meth:`.base.Source.raster`."""
        import numpy as np

        if dpi is not None and dpi <= 0:
            raise UsageError("the dpi must be above zero", where=self._where(number))
        scale = 1.0 if dpi is None else dpi / self.page(number).dpi
        value, blobs = self._call("raster", number, scale=scale)
        try:
            (width, height), (pixels,) = value, blobs
            return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        except (ValueError, TypeError) as error:
            raise self._senseless(number) from error

    def unseen(self, number: int, dpi: float, known: Collection[str] = ()) -> tuple[Unseen, ...]:
        """Return the alpha channel, and the colours under it, where there are any."""
        whole = BBox(0.0, 0.0, *map(float, self._page_size(number)))
        return tuple(
            Unseen(kind, Affine(), (whole,), whole=False)
            for kind in ("alpha", "colours")
            if self._call("unseen", number, kind=kind)[0][0]
        )

    def look(self, number: int, picture: Unseen, window: BBox) -> tuple[npt.NDArray[np.uint8], int]:
        """Return the pixels of one of them; see :meth:`.base.Source.look`."""
        import numpy as np

        value, blobs = self._call("unseen", number, kind=picture.key)
        try:
            (width, height), (pixels,) = value, blobs
            return np.frombuffer(pixels, np.uint8).reshape(height, width, 3), 1
        except (ValueError, TypeError) as error:
            raise self._senseless(number) from error

    def _page_size(self, number: int) -> tuple[float, float]:
        page = self.page(number)
        return page.width, page.height

    def close(self) -> None:
        """End the child and remove a private copy."""
        self._child.close()
        super().close()

    def _call(self, function: str, number: int, **args: Any) -> tuple[Any, list[bytearray]]:
        self._check(number)
        return self._child.call(
            _CHILD + function, {**self._file, "number": number, **args}, where=self._where(number)
        )

    def _senseless(self, number: int) -> BrokenError:
        return BrokenError(
            "cannot read the page",
            where=self._where(number),
            why="the parsing process gave a senseless answer",
            hint="Treat the file as hostile.",
        )
