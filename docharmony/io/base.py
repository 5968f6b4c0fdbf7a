"""Source, an opened input, and Opening, what a reader gets to open it."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import InputError
from ..geometry import Affine, BBox, Point
from ..model import Page, PageFailure, SourceInfo
from ..stage import Glyph, Graphics, Span
from . import private
from .limits import Limits

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


Claim = tuple[str, str]
"""What a font says of a glyph: the digest of its picture, and the text it is said to mean."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """A line of glyphs drawn black on white, for a reader to judge what they are.

    Attributes:
        image: uint8 (48, width, 3).
        claims: of each glyph from left to right; ``("", " ")`` for the spaces between words.
    """

    image: npt.NDArray[np.uint8]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A picture that a page does not show as it is: covered, cut off, or too small to be read.

    Attributes:
        key: what the file calls it.
        to_page: from its pixels to the page as displayed.
        windows: where it may hold letters, in its pixels.
        whole: whether these are all there is, not only letters that were too small.
    """

    key: str
    to_page: Affine
    windows: tuple[BBox, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What :func:`.source.open_source` knows of an input when it hands it to a reader.

    Attributes:
        path: a readable file with the bytes. Never write to it: it may be the user's own.
        name: what messages and results call it; no folder in it.
        sha256: of the bytes, in hexadecimal.
        media_type: found from the content.
        password: to open it with, if it is encrypted.
        dpi: resolution for rasters of its pages, where the file itself has none.
        limits: what it may cost.
        folder: the private folder of a copy, which the source removes; ``None`` when ``path`` is the
            user's file.
    """

    path: Path
    name: str
    sha256: str
    media_type: str
    password: str | None = field(default=None, repr=False)
    dpi: int = 200
    limits: Limits = field(default_factory=Limits)
    folder: Path | None = None


class Source(ABC):
    """An opened input: its pages as data and as pixels. Not thread-safe; open one a worker.

    A reader subclasses it, opens the file in ``__init__(opening)`` and raises an InputError where it
    cannot.

    Attributes:
        info: name, sha256, media type and number of pages.
        path: a readable file that holds the bytes; never altered.
        password: what it was opened with.
        damaged: whether it had to be repaired to be read.
        cut_off: whether its end is missing, and with it something that its pages need.
    """

    damaged = False
    cut_off = False

    def __init__(self, opening: Opening, page_count: int) -> None:
        self.info = SourceInfo(opening.name, opening.sha256, opening.media_type, page_count)
        self.path = opening.path
        self.password = opening.password
        self._remove: Callable[[], object] = lambda: None
        if opening.folder is not None:
            # Also at interpreter exit, when nobody closed the source.
            self._remove = weakref.finalize(self, private.remove, opening.folder)

    @abstractmethod
    def page(self, number: int) -> Page:
        """Return the page (1-based) with the lines of its text layer and the boxes of its images.

        Raises:
            InputError: there is no such page, or it is broken or over a limit.
        """

    @abstractmethod
    def raster(self, number: int, dpi: int | None = None) -> npt.NDArray[np.uint8]:
        """Render the page as displayed, annotations too: uint8 array (height, width, 3), RGB.

        Args:
            number: 1-based.
            dpi: resolution; ``None`` takes the page's own. Images come at their own pixels at their
                own dpi, else scaled by dpi / own dpi.

        Raises:
            InputError: as for :meth:`page`; LimitExceededError when the raster would be too large.
        """

    def graphics(self, number: int) -> Graphics:
        """Return the drawn rules and boxes of the page; empty for kinds of files that have none."""
        self._check(number)
        return Graphics()

    def glyphs(self, number: int) -> tuple[Glyph, ...]:
        """Return every character of the text layer but white space, hidden ones too, with its box."""
        self._check(number)
        return ()

    def writing(self, number: int) -> tuple[BBox, ...]:
        """Return boxes in which letters may be drawn otherwise than as text; see ``Page.drawn``."""
        self._check(number)
        return ()

    def unseen(self, number: int, dpi: float, known: Collection[str] = ()) -> tuple[Unseen, ...]:
        """Return pictures that the page, read at so many dpi, does not show as they are.

        Args:
            number: 1-based.
            dpi: of the raster.
            known: keys of pictures that were looked at as a whole.
        """
        self._check(number)
        return ()

    def look(self, number: int, picture: Unseen, window: BBox) -> tuple[npt.NDArray[np.uint8], int]:
        """Return a window of such a picture, RGB, and by how much it was reduced."""
        raise NotImplementedError

    def claims(self, number: int) -> tuple[frozenset[Claim], bool]:
        """Return what the fonts of the page say of their glyphs; empty for files without fonts.

        And whether marked content says that some glyphs mean something else (ActualText).
        """
        self._check(number)
        return frozenset(), False

    def specimens(self, number: int, claims: Sequence[Claim], samples: int) -> list[Specimen]:
        """Return lines that show the glyphs of these claims, each in up to so many words."""
        self._check(number)
        return []

    def spelt(
        self, number: int, letters: Mapping[Claim, str]
    ) -> tuple[list[list[tuple[str, BBox]]], list[Point]]:
        """Return the words of lines in which these claims stand, spelt with the letters given.

        And those that marked content gives another text. And the middles of the glyphs that claim
        so. All on the page as displayed.
        """
        self._check(number)
        return [], []

    def spans(self, number: int) -> tuple[Span, ...]:
        """Return the text layer in runs of one style; empty for kinds of files that have none."""
        self._check(number)
        return ()

    def pages(self, numbers: Sequence[int] | None = None) -> Iterator[Page | PageFailure]:
        """Yield pages in the order asked for, all by default; a page that fails comes as data."""
        for number in self._numbers(numbers):
            try:
                yield self.page(number)
            except InputError as error:
                yield PageFailure(number, "read", str(error))

    def close(self) -> None:
        """Let go of the file and remove a private copy. May be called twice."""
        self._remove()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _numbers(self, numbers: Sequence[int] | None) -> Sequence[int]:
        return range(1, self.info.page_count + 1) if numbers is None else numbers

    def _where(self, number: int) -> str:
        return f"{self.info.name}, page {number}"

    def _check(self, number: int) -> None:
        """Raise InputError when there is no such page."""
        if not 1 <= number <= self.info.page_count:
            raise InputError(
                "no such page",
                where=self._where(number),
                why=f"the document has {self.info.page_count}",
                hint="Page numbers start at 1.",
            )


Reader = Callable[[Opening], Source]
"""Opens a file: what a plugin registers for a media type. A Source subclass is one."""
