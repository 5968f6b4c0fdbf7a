from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import pikepdf
import pymupdf
import pypdfium2
import pytest
from PIL import Image

from docharmony.errors import OutputError
from docharmony.geometry import Affine, BBox, Point, Polygon
from docharmony.io.write.searchable_pdf import SearchablePdfWriter, to_user_space
from docharmony.model import Line, Page, PageFailure, Word

from .made import MadeSource, line

TEXTS = ("Straße", "naïve", "Ω≠ж", "日本語", "𝒜𝒷", "l.")


def written(source: MadeSource, *items: Page | PageFailure) -> bytes:
    out = io.BytesIO()
    SearchablePdfWriter().write(source, iter(items), out)
    return out.getvalue()


def pdf_file(path: Path, *, rotate: int = 0, crop: bool = False, unit: float = 1.0) -> Path:
    """Draw a PDF page whose own content leaves a changed coordinate system behind."""
    with pymupdf.open() as document:
        page = document.new_page(width=400, height=300)
        image = io.BytesIO()
        Image.effect_noise((80, 60), 50).save(image, "PNG")
        page.insert_image(pymupdf.Rect(0, 0, 400, 300), stream=image.getvalue())
        document.save(path)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        page.contents_add(b"0.5 0 0 0.5 10 10 cm q 2 0 0 2 0 0 cm\n")
        page.obj.Rotate = rotate
        if crop:
            page.obj.CropBox = [30, 20, 370, 290]
            page.obj.MediaBox = [0, 0, 400, 300]
        if unit != 1.0:
            page.obj.UserUnit = unit
        pdf.save(path)
    return path


def shown_size(path: Path) -> tuple[float, float]:
    with pymupdf.open(path) as document:
        return document[0].rect.width, document[0].rect.height


def tilted(name: str, angle: float, at: Point) -> Line:
    """Return a line of words along ``angle`` degrees, clockwise, from its top left."""
    turn = Affine.rotate(angle).then(Affine.translate(*at))
    own, x = [], 0.0
    for text in TEXTS:
        width = 7.0 * len(text)
        quad = BBox(x, 0, x + width, 14).polygon().map(turn)
        own.append(Word(text, quad.bbox, 0.9, "ocr", quad))
        x += width + 4
    quad = BBox(0, 0, x, 14).polygon().map(turn)
    return Line(name, tuple(own), quad.bbox, quad, angle, 12)


def pymupdf_words(data: bytes, unit: float = 1.0) -> dict[str, BBox]:
    with pymupdf.open(stream=data) as document:
        page = document[0]
        found = {}
        for x0, y0, x1, y1, text, *_ in page.get_text("words"):
            # PyMuPDF gives places on the page before its rotation, and its matrix knows no UserUnit.
            turn = page.rotation_matrix
            turn.e, turn.f = turn.e * unit, turn.f * unit
            found[text] = pymupdf.Rect(x0, y0, x1, y1) * turn
        return {text: BBox(*box) for text, box in found.items()}


def pdfium_boxes(data: bytes, text: str, to_user: Affine) -> BBox:
    """Return the box of a text as PDFium gives it, on the displayed page."""
    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        layer = page.get_textpage()
        searcher = layer.search(text, match_case=True)
        found = searcher.get_next()
        assert found is not None, text
        start, count = found
        back = to_user.inverse()
        boxes = []
        for index in range(start, start + count):
            left, bottom, right, top = layer.get_charbox(index)
            polygon = Polygon.of([(left, bottom), (right, bottom), (right, top), (left, top)])
            boxes.append(polygon.map(back).bbox)
        return BBox.around(boxes)


def far(a: BBox, b: BBox) -> float:
    return max(abs(p - q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(("crop", "unit"), [(False, 1.0), (True, 1.0), (True, 2.0)])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_words_land_on_their_boxes(
    tmp_path: Path, rotate: int, crop: bool, unit: float, angle: int
) -> None:
    path = pdf_file(tmp_path / "a.pdf", rotate=rotate, crop=crop, unit=unit)
    width, height = shown_size(path)
    start = {0: (40, 60), 90: (120, 20), 180: (width - 30, 80), 270: (90, height - 20)}[angle]
    page = Page(1, width, height, lines=(tilted("p1l1", angle, Point(*start)),))
    data = written(MadeSource(path), page)
    found = pymupdf_words(data, unit)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        to_user = to_user_space(page, pdf.pages[0])
    for word in page.lines[0].words:
        assert far(found[word.text], word.bbox) < 1, word.text
        if word.text.isascii() or len(word.text.encode()) < 4 * len(word.text):
            # PDFium's search does not know characters beyond the first plane.
            assert far(pdfium_boxes(data, word.text, to_user), word.bbox) < 1, word.text


@pytest.mark.parametrize("angle", [-4.0, 3.0, 47.0])
def test_tilted_words_land_on_their_boxes(tmp_path: Path, angle: float) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    page = Page(1, 400, 300, lines=(tilted("p1l1", angle, Point(60, 80)),))
    found = pymupdf_words(written(MadeSource(path), page))
    for word in page.lines[0].words:
        assert far(found[word.text], word.bbox) < 1, word.text


def test_characters_land_where_their_bounds_say(tmp_path: Path) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    word = Word("Wil", BBox(50, 50, 90, 64), 0.9, "ocr", bounds=(0.0, 0.6, 0.8, 1.0))
    page = Page(1, 400, 300, lines=(Line("p1l1", (word,), word.bbox),))
    with pymupdf.open(stream=written(MadeSource(path), page)) as document:
        spans = document[0].get_text("rawdict")["blocks"][0]["lines"][0]["spans"]
        starts = [char["bbox"][0] for span in spans for char in span["chars"]]
    assert starts == pytest.approx([50, 74, 82], abs=0.5)


def test_text_reads_as_lines_of_words(tmp_path: Path) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    lines = (
        line("p1l1", "Every word of the first line", 40, 40, origin="ocr"),
        line("p1l2", "and of the second", 40, 54, origin="ocr"),
    )
    data = written(MadeSource(path), Page(1, 400, 300, lines=lines))
    expected = "Every word of the first line\nand of the second"
    with pymupdf.open(stream=data) as document:
        assert document[0].get_text().strip() == expected
    with pypdfium2.PdfDocument(data) as document:
        text = document[0].get_textpage().get_text_range()
        assert text.strip().replace("\r\n", "\n") == expected


def streams(data: bytes, password: str = "") -> set[str]:
    with pikepdf.open(io.BytesIO(data), password=password) as pdf:
        return {
            hashlib.sha256(item.read_raw_bytes()).hexdigest()
            for item in pdf.objects
            if isinstance(item, pikepdf.Stream)
        }


def test_all_streams_of_the_input_stay_as_they_are(tmp_path: Path) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    before = path.read_bytes()
    page = Page(1, 400, 300, lines=(line("p1l1", "Some text", 40, 40, origin="ocr"),))
    data = written(MadeSource(path), page)
    assert streams(before) <= streams(data)
    assert path.read_bytes() == before
    for_eyes = [pymupdf.open(stream=item)[0].get_pixmap().samples for item in (before, data)]
    assert for_eyes[0] == for_eyes[1]


def test_lines_of_the_text_layer_are_not_written_again(tmp_path: Path) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    data = written(MadeSource(path), Page(1, 400, 300, lines=(line("p1l1", "Old text", 40, 40),)))
    with pymupdf.open(stream=data) as document:
        assert document[0].get_text().strip() == ""


def test_an_encrypted_input_stays_encrypted(tmp_path: Path) -> None:
    path = pdf_file(tmp_path / "a.pdf")
    before = streams(path.read_bytes())
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="boss", user="guest"))
    page = Page(1, 400, 300, lines=(line("p1l1", "Hidden text", 40, 40, origin="ocr"),))
    data = written(MadeSource(path, password="guest"), page)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(data))
    with pymupdf.open(stream=data) as document:
        assert document.authenticate("guest")
        assert document[0].get_text().strip() == "Hidden text"
    assert before <= streams(data, "guest")


def test_a_stream_that_cannot_seek_will_do(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += bytes(data)  # type: ignore[call-overload]
            return len(bytes(data))  # type: ignore[call-overload]

    path, pipe = pdf_file(tmp_path / "a.pdf"), Pipe()
    page = Page(1, 400, 300, lines=(line("p1l1", "Some text", 40, 40, origin="ocr"),))
    SearchablePdfWriter().write(MadeSource(path), iter([page]), pipe)  # type: ignore[arg-type]
    with pymupdf.open(stream=pipe.data) as document:
        assert document[0].get_text().strip() == "Some text"


def test_damage_is_an_output_error(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4\nnothing follows\n")
    with pytest.raises(OutputError, match="searchable"):
        written(MadeSource(path))


# --- images ---------------------------------------------------------------------------------


def picture(mode: str, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Return an image whose corners differ, so that a turn shows."""
    image = Image.linear_gradient("L").resize(size)
    image.paste(255, (0, 0, 20, 10))
    if mode == "1":
        return image.point(lambda value: 255 * (value > 128), "1")
    if mode == "I;16":
        return image.convert("I").point(lambda value: value * 257).convert("I;16")
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").rotate(90).resize(size))
        return image
    return image.convert("RGB").convert(mode)


def page_of(image: Image.Image, dpi: int = 144) -> Page:
    lines = (line("p1l1", "ab", 20, 12, origin="ocr"),)
    return Page(1, image.width, image.height, unit="px", dpi=dpi, lines=lines)


def rendered(data: bytes, dpi: int = 144) -> Image.Image:
    with pypdfium2.PdfDocument(data) as document:
        return document[0].render(scale=dpi / 72).to_pil().convert("RGB")


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "RGBA", "LA", "I;16"])
def test_images_come_out_pixel_for_pixel(tmp_path: Path, mode: str) -> None:
    path, image = tmp_path / "a.png", picture(mode)
    image.save(path)
    data = written(MadeSource(path, "image/png"), page_of(image))
    flat = Image.new("RGB", image.size, "white")
    if mode == "I;16":
        flat = image.convert("I").point(lambda value: value / 257).convert("L").convert("RGB")
    elif "A" in mode:
        flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
    else:
        flat = image.convert("RGB")
    shown = rendered(data)
    assert shown.size == image.size
    difference = [abs(a - b) for a, b in zip(shown.tobytes(), flat.tobytes(), strict=True)]
    assert max(difference) <= 2
    with pikepdf.open(io.BytesIO(data)) as pdf:
        stored = pdf.pages[0].obj.Resources.XObject.Im
        assert stored.BitsPerComponent == {"1": 1, "I;16": 16}.get(mode, 8)
    with pymupdf.open(stream=data) as document:
        assert document[0].rect.width == pytest.approx(image.width / 2, abs=0.01)
        word = document[0].get_text("words")[0]
        assert word[4] == "ab"
        assert far(BBox(*word[:4]), BBox(10, 6, 15, 11)) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_bytes_are_embedded_and_turned(tmp_path: Path, mode: str, orientation: int) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture(mode).save(path, exif=exif, quality=95)
    with Image.open(path) as stored:
        from PIL import ImageOps

        shown = ImageOps.exif_transpose(stored).convert("RGB")
    data = written(MadeSource(path, "image/jpeg"), page_of(shown))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert pdf.pages[0].obj.Resources.XObject.Im.read_raw_bytes() == path.read_bytes()
    result = rendered(data)
    assert result.size == shown.size
    small = [item.resize((6, 6), Image.Resampling.BOX) for item in (result, shown)]
    pairs = zip(small[0].tobytes(), small[1].tobytes(), strict=True)
    # CMYK goes through another conversion in each program.
    assert max(abs(a - b) for a, b in pairs) < (60 if mode == "CMYK" else 12)


def test_each_frame_is_a_page_and_a_failed_one_has_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    frames = [picture("1"), picture("L", (40, 60))]
    frames[0].save(path, save_all=True, append_images=frames[1:], dpi=(100, 100))
    source = MadeSource(path, "image/tiff", page_count=2)
    data = written(source, page_of(frames[0]), PageFailure(2, "ocr", "failed"))
    with pymupdf.open(stream=data) as document:
        assert [page.get_text().strip() for page in document] == ["ab", ""]
        assert document[1].rect.width == pytest.approx(28.8, abs=0.1)
    assert math.isclose(rendered(data).width, 60)
