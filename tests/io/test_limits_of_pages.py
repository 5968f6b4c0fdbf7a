"""Pages that cost far more than they show: told in a line, or done in proportion."""

from __future__ import annotations

import zlib
from pathlib import Path
from time import process_time

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from docharmony.errors import LimitExceededError
from docharmony.io import pdf_child
from docharmony.io.write import pdf_annots, pdf_images
from docharmony.io.write.pdf_area import Area, page_matrix
from docharmony.io.write.pdf_content import Eraser


def test_content_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_child, "_MAX_CONTENT", 1 << 20)
    for size, refused in ((1 << 19, False), (1 << 21, True)):
        with pikepdf.new() as pdf:
            pdf.add_blank_page(page_size=(300, 200))
            content = pdf.make_stream(b"")
            content.write(
                zlib.compress(zlib.compress(b" " * size)), filter=Array([Name.FlateDecode] * 2)
            )
            pdf.pages[0].obj.Contents = content
            pdf.save(tmp_path / f"{size}.pdf", compress_streams=False)
        ask = {
            "path": str(tmp_path / f"{size}.pdf"),
            "password": None,
            "number": 1,
            "max_points": 9e3,
        }
        if refused:
            with pytest.raises(LimitExceededError, match="unpacked"):
                pdf_child.page([], **ask)  # type: ignore[arg-type]
        else:
            pdf_child.page([], **ask)  # type: ignore[arg-type]


def test_thousands_of_notes_under_one_area_take_no_square_of_their_number(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        with pikepdf.new() as pdf:
            pdf.add_blank_page(page_size=(400, 300))
            note = {"Type": Name.Annot, "Subtype": Name.Text, "Rect": Array([40, 40, 48, 48])}
            notes = [pdf.make_indirect(Dictionary(**note)) for _ in range(count)]
            page = pdf.pages[0]
            page.obj.Annots = Array(notes)
            matrix, box = page_matrix(page)
            started = process_time()
            eraser = Eraser(pdf, lambda image, ctm, areas: image)
            assert len(pdf_annots.clear(eraser, page, matrix, [Area(box.polygon())])) == count
            return process_time() - started

    assert seconds(4000) < 8 * max(seconds(1000), 0.05)


def test_zones_of_a_large_mask() -> None:
    mask = np.zeros((3000, 4000), bool)
    mask[1000:1010, 2000:2030] = mask[1500:1520, 100:140] = True
    (one, part), (other, _) = pdf_images.zones(mask)
    assert one == (slice(988, 1022), slice(1988, 2042))
    assert other == (slice(1485, 1535), slice(85, 155))
    assert part.sum() == 300
    assert part[12:22, 12:42].all()
    assert pdf_images.zones(np.zeros((5, 5), bool)) == []


def test_what_a_polygon_covers_does_not_depend_on_the_size_of_the_picture() -> None:
    polygon = [(0.5, 0.5), (0.51, 0.5), (0.51, 0.51), (0.5, 0.51)]
    rows, columns = np.nonzero(pdf_images.cover((1000, 2000), [polygon]))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (498, 510, 998, 1020)
    assert not pdf_images.cover((100, 100), [[(0.5, 0.5), (0.51, 0.5), (0.51, 0.9)]]).any()
    assert pdf_images.cover((10, 10), [[(-1, -1), (2, -1), (2, 2), (-1, 2)]]).all()
