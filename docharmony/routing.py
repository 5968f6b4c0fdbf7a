"""Which route a page takes by default: by its text layer, its pictures, and whether to trust them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from .model import Line, Page

Route = Literal["digital", "scan", "mixed"]

# A picture smaller than this (points) cannot hold text that a person reads.
_LEAST_WIDTH, _LEAST_HEIGHT = 20.0, 8.0

# Share of the page that pictures cover on a scan whose text layer came from a reader.
_SCAN_SHARE = 0.5

# Share of the visible lines that lie at which the whole page is read, not these lines alone.
_LYING_SHARE = 0.5

# Characters that no text is made of: where there are none, no line is garbled.
_JUNK = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")

# Letters in which the share of vowels is looked at, and what it is in written languages.
_BULLET = 2
_ENOUGH, _VOWELS = 120, (0.27, 0.56)


def classify(page: Page) -> Route:
    """Return the route that reads everything a person sees on the page.

    - ``"digital"``: the text layer says it all.
    - ``"scan"``: there is no text layer to rely on. Either none at all, or one of a broken font, or
      one that nobody sees over a picture of the page: that is some reader's guess at the pixels, and
      what hides in it need not be what the page shows.
    - ``"mixed"``: a text layer, and pictures or drawings that may hold text of their own, or single
      lines whose letters cannot be believed.

    A page with neither text nor pictures is a ``"scan"``: its text may be drawn as paths.
    """
    if page.unit == "px" or "untrusted_text" in page.has:
        return "scan"
    seen = [line for line in page.lines if line.visible]
    lying = sum(not line.trusted for line in seen)
    if lying > _LYING_SHARE * len(seen):
        return "scan"
    if not any(line.visible for line in page.lines) and (
        not page.lines or picture_share(page) >= _SCAN_SHARE
    ):
        return "scan"
    if lying or page.drawn or _any_garbled(seen):
        return "mixed"
    if any(box.width >= _LEAST_WIDTH and box.height >= _LEAST_HEIGHT for box in page.images):
        return "mixed"
    return "digital"


def is_garbled(text: str, share: float = 0.2) -> bool:
    """Return whether text of a text layer cannot be what the page shows.

    True where more than a share of the characters are replacement, private-use, control or unassigned
    ones: the marks of a font without a map to Unicode.

    >>> is_garbled("Invoice 17"), is_garbled("\\ufffd\\ufffd\\x03\\ue012 7")
    (False, True)
    """
    signs = [c for c in text if not c.isspace()]
    bad = sum(c == "\ufffd" or unicodedata.category(c) in ("Co", "Cn", "Cc", "Cs") for c in signs)
    return bad > share * len(signs)


def _any_garbled(lines: Sequence[Line]) -> bool:
    """Return whether a line is garbled and long enough to be more than a bullet of a symbol font."""
    if not _JUNK.search("".join([word.text for line in lines for word in line.words])):
        return False
    return any(len(line.text) > _BULLET and is_garbled(line.text) for line in lines)


def picture_share(page: Page) -> float:
    """Return how much of the page pictures cover, 0.0-1.0; those that overlap count twice.

    >>> from docharmony.geometry import BBox
    >>> picture_share(Page(1, 100, 200, images=(BBox(0, 0, 100, 50), BBox(0, 100, 100, 150))))
    0.5
    """
    area = page.width * page.height
    return min(1.0, sum(box.area for box in page.images) / area) if area > 0 else 0.0


def implausible(page: Page) -> bool:
    """Return whether the text layer does not look like words, so that its fonts are to be checked.

    Looks at the share of vowels among the letters a to z: a font that lies about every letter shifts
    it. Short texts and other scripts pass.

    >>> from docharmony.geometry import BBox
    >>> from docharmony.model import Line, Word
    >>> def page(text):
    ...     box = BBox(0, 0, 9, 9)
    ...     return Page(1, 100, 100, lines=(Line("p1l1", (Word(text, box),), box),))
    >>> implausible(page("somethingreadable" * 9)), implausible(page("vrphwklqjuhdgdeoh" * 9))
    (False, True)
    """
    text = "".join([word.text for line in page.lines if line.visible for word in line.words])
    letters = re.sub("[^a-z]", "", text.lower())
    if len(letters) < _ENOUGH:
        return False
    vowels = len(re.sub("[^aeiouy]", "", letters)) / len(letters)
    return not _VOWELS[0] <= vowels <= _VOWELS[1]
