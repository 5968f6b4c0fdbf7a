"""Pages of the assets' PDFs, rendered by pdfium, with the lines found in their text layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .lines import Line, cut

Image = npt.NDArray[np.uint8]
_OPEN = 40  # documents kept open


class TrueLine(NamedTuple):
    """A line of a page: corners (4, 2) in points, text, em in points, and how far to trust it."""

    polygon: npt.NDArray[np.float64]
    text: str
    size: float
    readable: bool
    level: bool


class Pages:
    """The pages of one split of the assets."""

    def __init__(self, assets: Path, split: str) -> None:
        """Read the index; documents are opened when drawn."""
        self._folder = assets / "pdf" / split
        index = self._folder / "pages.json"
        listed = json.loads(index.read_text(encoding="utf-8")) if index.exists() else []
        self._records: list[dict[str, Any]] = listed
        self.index = [
            (d, p) for d, record in enumerate(listed) for p in range(len(record["pages"]))
        ]
        self._documents: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.index)

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Return the key of a page."""
        return self.index[int(rng.integers(len(self.index)))]

    def lines(self, key: tuple[int, int]) -> list[TrueLine]:
        """Return the true lines of a page."""
        return [
            TrueLine(
                np.array(line["polygon"], np.float64).reshape(4, 2),
                line["text"],
                line["size"],
                line["readable"],
                line["level"],
            )
            for line in self._page(key)["lines"]
        ]

    def pictures(self, key: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return the boxes (N, 4) of the pictures of a page, in points: their text is unknown."""
        return np.array(self._page(key)["pictures"], np.float64).reshape(-1, 4)

    def render(self, key: tuple[int, int], dpi: float) -> Image:
        """Return a page as RGB (H, W, 3)."""
        page = self._document(key[0])[key[1]]
        bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
        image = bitmap.to_numpy()[..., :3].copy()
        page.close()
        return image

    def render_pair(self, key: tuple[int, int], dpi: float) -> tuple[Image, Image]:
        """Return a page with and without its text: the truth of erasing."""
        import pypdfium2

        # Not the shared document: what is taken out stays out.
        document = pypdfium2.PdfDocument(self._path(key[0]))
        page = document[key[1]]
        images = []
        for _ in range(2):
            bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
            images.append(bitmap.to_numpy()[..., :3].copy())
            for item in list(page.get_objects(max_depth=1)):
                if item.type == pypdfium2.raw.FPDF_PAGEOBJ_TEXT:
                    page.remove_obj(item)
        page.close()
        document.close()
        return images[0], images[1]

    def close(self) -> None:
        """Close the documents."""
        while self._documents:
            self._documents.popitem()[1].close()

    def _page(self, key: tuple[int, int]) -> dict[str, Any]:
        page: dict[str, Any] = self._records[key[0]]["pages"][key[1]]
        return page

    def _path(self, number: int) -> Path:
        return self._folder / str(self._records[number]["file"])

    def _document(self, number: int) -> Any:
        import pypdfium2

        if number not in self._documents:
            if len(self._documents) >= _OPEN:
                self._documents.pop(next(iter(self._documents))).close()
            self._documents[number] = pypdfium2.PdfDocument(self._path(number))
        return self._documents[number]


def draw_lines(pages: Pages, rng: np.random.Generator, most: int = 60) -> list[Line]:
    """Return readable lines of one page at a random resolution, in random order."""
    key = pages.draw(rng)
    low, high = ((75, 110), (110, 200), (110, 200), (200, 300))[int(rng.integers(4))]
    dpi = rng.uniform(low, high)
    grey = pages.render(key, dpi).astype(np.float32).mean(2).astype(np.uint8)
    found = []
    for line in pages.lines(key):
        if line.readable and line.level:
            (x0, y0), (x1, y1) = line.polygon[0] * dpi / 72, line.polygon[2] * dpi / 72
            ink = cut(grey, (x0, y0, x1, y1), line.text, rng)
            if ink is not None:
                found.append(ink)
    order = rng.permutation(len(found))[:most]
    return [found[i] for i in order]
