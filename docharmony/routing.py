"""Which route a page takes by default: by its text layer, its pictures, and whether to trust them."""

from __future__ import annotations

from typing import Literal

from .model import Page

Route = Literal["digital", "scan", "mixed"]

# A picture smaller than this (points) cannot hold text that a person reads.
_LEAST_WIDTH, _LEAST_HEIGHT = 20.0, 8.0

# Share of the page that pictures cover on a scan whose text layer came from a reader.
_SCAN_SHARE = 0.5


def classify(page: Page) -> Route:
    """Return the route that reads everything a person sees on the page.

    - ``"digital"``: the text layer says it all.
    - ``"scan"``: there is no text layer to rely on. Either none at all, or one of a broken font, or
      one that nobody sees over a picture of the page: that is some reader's guess at the pixels, and
      what hides in it need not be what the page shows.
    - ``"mixed"``: a text layer, and pictures that may hold text of their own.

    A page with neither text nor pictures is a ``"scan"``: its text may be drawn as paths.
    """
    if page.unit == "px" or "untrusted_text" in page.has:
        return "scan"
    if not any(line.visible for line in page.lines) and (
        not page.lines or picture_share(page) >= _SCAN_SHARE
    ):
        return "scan"
    if any(box.width >= _LEAST_WIDTH and box.height >= _LEAST_HEIGHT for box in page.images):
        return "mixed"
    return "digital"


def picture_share(page: Page) -> float:
    """Return how much of the page pictures cover, 0.0-1.0; those that overlap count twice.

    >>> from docharmony.geometry import BBox
    >>> picture_share(Page(1, 100, 200, images=(BBox(0, 0, 100, 50), BBox(0, 100, 100, 150))))
    0.5
    """
    area = page.width * page.height
    return min(1.0, sum(box.area for box in page.images) / area) if area > 0 else 0.0
