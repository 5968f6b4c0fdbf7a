"""The outer face as an acceptance check calls it: kinds of input, formats, names, fields of JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from lxml import etree
from PIL import Image, ImageDraw

from docharmony.cli import main

Read = Callable[[], Any]


def picture(number: int) -> Image.Image:
    image = Image.new("RGB", (420, 70), "white")
    ImageDraw.Draw(image).text((20, 18), f"Picture {number} says hello", fill=0, font_size=28)
    return image


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pages, turned by 0, 90, 180 and 270 degrees, the last one cropped."""
    from reportlab.pdfgen.canvas import Canvas

    folder = tmp_path_factory.mktemp("pdf")
    canvas = Canvas(str(folder / "a.pdf"), pagesize=(400, 300), invariant=True)
    for number in range(1, 5):
        canvas.setFont("Helvetica-Bold", 18)
        canvas.drawString(60, 240, f"Title {number}")
        canvas.setFont("Helvetica", 10)
        canvas.drawString(60, 200, "Some <running> text & more of it.")
        canvas.showPage()
    canvas.save()
    with pikepdf.open(folder / "a.pdf", allow_overwriting_input=True) as file:
        for turn, page in zip((0, 90, 180, 270), file.pages, strict=True):
            page.obj["/Rotate"] = turn
        file.pages[3].obj["/CropBox"] = pikepdf.Array([40, 100, 390, 290])
        file.save()
    return folder / "a.pdf"


@pytest.fixture
def stdout(capsys: pytest.CaptureFixture[str]) -> Read:
    return lambda: json.loads(capsys.readouterr().out)


def test_kinds_of_input_are_told_by_content(tmp_path: Path, pdf: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name, number in ("PNG", 1), ("JPEG", 2), ("WEBP", 3), ("BMP", 4):
        picture(number).save(folder / f"{name}.dat", format=name)
    pages = [picture(number) for number in (5, 6)]
    pages[0].save(folder / "TIFF.png", format="TIFF", save_all=True, append_images=pages[1:])
    shutil.copy(pdf, folder / "PDF.jpg")
    (folder / "notes.pdf").write_text("no document")
    assert main(["-q", "ocr", str(folder), "-o", str(out)]) == 0
    found = {}
    for path in out.iterdir():
        data = json.loads(path.read_text())
        units = {page["unit"] for page in data["pages"]}
        found[path.name] = data["source"]["media_type"], len(data["pages"]), units.pop()
        if data["source"]["media_type"] != "application/pdf":
            first = data["pages"][0]
            assert (first["width"], first["height"]) == (420, 70)
            assert re.fullmatch(r"Picture \d says hello", first["lines"][0]["text"])
    assert found == {
        "PNG.json": ("image/png", 1, "px"),
        "JPEG.json": ("image/jpeg", 1, "px"),
        "WEBP.json": ("image/webp", 1, "px"),
        "BMP.json": ("image/bmp", 1, "px"),
        "TIFF.json": ("image/tiff", 2, "px"),
        "PDF.json": ("application/pdf", 4, "pt"),
    }


def within(box: list[float], page: dict[str, Any]) -> bool:
    x0, y0, x1, y1 = box
    return -0.5 <= x0 <= x1 <= page["width"] + 0.5 and -0.5 <= y0 <= y1 <= page["height"] + 0.5


@pytest.mark.parametrize("command", ["ocr", "layout"])
def test_the_document_holds_what_schema_1_promises(pdf: Path, stdout: Read, command: str) -> None:
    assert main([command, str(pdf), "-f", "json"]) == 0
    data = stdout()
    assert set(data) == {"schema", "source", "pages", "failures"}
    assert (data["schema"], data["failures"]) == (1, [])
    assert {"name": "a.pdf", "media_type": "application/pdf"}.items() <= data["source"].items()
    assert re.fullmatch("[0-9a-f]{64}", data["source"]["sha256"])
    sizes = [(400, 300, 0), (300, 400, 90), (400, 300, 180), (190, 350, 270)]
    for number, (page, size) in enumerate(zip(data["pages"], sizes, strict=True), 1):
        assert page["number"] == number
        assert (page["width"], page["height"], page["rotation"]) == size
        assert (page["unit"], page["dpi"], page["route"]) == ("pt", 200, "digital")
        assert (page["answers"], page["edits"]) == ([], [])
        assert [line["text"] for line in page["lines"]] == [
            f"Title {number}",
            "Some <running> text & more of it.",
        ]
        known = {line["id"] for line in page["lines"]}
        assert len(known) == 2
        assert [block["kind"] for block in page["blocks"]] == ["title", "paragraph"]
        for block in page["blocks"]:
            assert block["id"].startswith(f"p{number}b")
            assert within(block["bbox"], page)
            assert known.issuperset(block["lines"])
        for line in page["lines"]:
            assert within(line["bbox"], page)
            assert all(within([x, y, x, y], page) for x, y in line["polygon"])
            assert (line["origin"], line["confidence"]) == ("pdf", 1.0)
            assert " ".join(word["text"] for word in line["words"]) == line["text"]
            assert all(within(word["bbox"], page) for word in line["words"])


def test_formats_say_the_same_in_the_same_places(pdf: Path, tmp_path: Path) -> None:
    out = {}
    for form, ending in (
        ("json", "json"), ("text", "txt"), ("markdown", "md"), ("hocr", "hocr"), ("alto", "xml"),
        ("pdf", "pdf"),
    ):  # fmt: skip
        assert main(["-q", "ocr", str(pdf), "-f", form, "-o", f"{tmp_path}/"]) == 0
        out[form] = tmp_path / f"a.{ending}"
    pages = json.loads(out["json"].read_text())["pages"]
    words = [[(w["text"], w["bbox"]) for x in p["lines"] for w in x["words"]] for p in pages]
    said = [[text for text, _ in page] for page in words]

    assert [page.split() for page in out["text"].read_text().split("\f")] == said
    markdown = out["markdown"].read_text()
    assert [f"Title {n}" in markdown for n in range(1, 5)] == [True] * 4

    hocr = etree.parse(out["hocr"], etree.HTMLParser())
    alto = etree.parse(out["alto"])
    space = {"a": "http://www.loc.gov/standards/alto/ns-v4#"}
    for kind in ("ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word"):
        assert hocr.xpath(f"//*[@class='{kind}']"), kind
    drawn = hocr.xpath("//*[@class='ocr_page']")
    printed = alto.findall(".//a:Page", space)
    for page, own, html, xml in zip(pages, words, drawn, printed, strict=True):
        scale = page["dpi"] / 72
        assert f"scan_res {page['dpi']} {page['dpi']}" in html.get("title")
        boxes = [
            [int(n) / scale for n in re.findall(r"bbox ([\d ]+)", word.get("title"))[0].split()]
            for word in html.xpath(".//*[@class='ocrx_word']")
        ]
        strings = xml.findall(".//a:String", space)
        assert [string.get("CONTENT") for string in strings] == [text for text, _ in own]
        ratio = float(xml.get("WIDTH")) / page["width"]
        for (_, box), seen, string in zip(own, boxes, strings, strict=True):
            assert seen == pytest.approx(box, abs=1 / scale)
            assert float(string.get("HPOS")) / ratio == pytest.approx(box[0], abs=0.1)
            assert float(string.get("VPOS")) / ratio == pytest.approx(box[1], abs=0.1)

    with pypdfium2.PdfDocument(out["pdf"]) as document:
        for page, own in zip(document, said, strict=True):
            # This parser has an order of its own on pages that are turned.
            assert sorted(page.get_textpage().get_text_bounded().split()) == sorted(own)


def test_a_searchable_pdf_has_its_words_where_they_are_seen(tmp_path: Path) -> None:
    """Read by a parser that did not write it, on a page that is turned."""
    from reportlab.pdfgen.canvas import Canvas

    scan, out = tmp_path / "scan.pdf", tmp_path / "out.pdf"
    canvas = Canvas(str(scan), pagesize=(420, 70))
    canvas.drawInlineImage(picture(7), 0, 0, 420, 70)
    canvas.save()
    with pikepdf.open(scan, allow_overwriting_input=True) as file:
        file.pages[0].obj["/Rotate"] = 90
        file.save()
    assert main(["-q", "ocr", str(scan), "-f", "pdf", "-o", str(out)]) == 0
    with pypdfium2.PdfDocument(out) as document:
        text = document[0].get_textpage()
        assert text.get_text_bounded().strip() == "Picture 7 says hello"
        left, bottom, right, top = text.get_charbox(0)
    assert (left, right) == pytest.approx((23, 39), abs=4)
    assert 15 < bottom < top < 55


def test_layout_draws_a_picture(pdf: Path, tmp_path: Path) -> None:
    out = tmp_path / "blocks.png"
    assert main(["-q", "layout", str(pdf), "-f", "png", "--pages", "2", "-o", str(out)]) == 0
    with Image.open(out) as image:
        image.load()
        assert image.format == "PNG"
        assert image.height > image.width
        colours = {c for _, c in image.convert("RGB").getcolors(1 << 20) if max(c) - min(c) > 60}
    assert colours, "no coloured box is drawn"


def test_ids_of_evidence_are_those_of_the_lines(pdf: Path, stdout: Read) -> None:
    assert main(["ocr", str(pdf)]) == 0
    lines = {line["id"]: line for page in stdout()["pages"] for line in page["lines"]}
    assert main(["ask", str(pdf), "What is the title?", "Who is the king of France?"]) == 0
    found, silent = stdout()
    assert {"question", "answer", "confidence", "page", "bbox", "evidence"} <= set(found)
    assert silent["answer"] is None
    if found["answer"] is not None:
        assert found["answer"] in lines[found["evidence"][0]]["text"]
        assert found["evidence"][0].startswith(f"p{found['page']}l")


def test_a_folder_gives_a_folder_even_with_one_document(tmp_path: Path, pdf: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(pdf, folder / "only.pdf")
    assert main(["-q", "ocr", str(folder), "-f", "text", "-o", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["only.txt"]


@pytest.mark.parametrize(
    "args",
    [
        ["ocr", "{pdf}", "-o", ""],
        ["ocr", "{pdf}", "-o", "-"],
        ["ocr", ""],
        ["redact", "{pdf}", "-o", "-", "--term", "Title"],
        ["redact", "{pdf}", "-o", "{tmp}/o.png", "--term", "Title"],
        ["redact", "{pdf}", "-o", "{tmp}/o.pdf", "--report", "{tmp}/o.pdf", "--term", "Title"],
        ["replace", "{pdf}", "-o", "{tmp}/o.jpg", "--map", "Title=Head"],
        ["replace", "{pdf}", "-o", "{tmp}/o.pdf", "--map-file", "{tmp}/list.json"],
        ["replace", "{pdf}", "-o", "{tmp}/o.pdf", "--map-file", "{tmp}/half.json"],
    ],
)
def test_names_that_promise_something_else_are_refused(
    args: list[str], pdf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "half.json").write_text('[{"old": "a"}]')
    before = sorted(tmp_path.iterdir())
    assert main([arg.format(pdf=pdf, tmp=tmp_path) for arg in args]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line[:12] for line in captured.err.splitlines()] == ["docharmony: "] * 2
    assert sorted(tmp_path.iterdir()) == before


def test_an_unexpected_error_is_1_and_quotes_nothing(
    pdf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from docharmony import hookimpl\ndef run(args):\n    raise KeyError('secret' + ' text')\n\n\n"
        "@hookimpl\ndef register_commands(subparsers):\n"
        "    subparsers.add_parser('boom').set_defaults(run=run)\n"
    )
    assert main(["--plugin", str(plugin), "boom"]) == 1
    assert main(["-v", "--plugin", str(plugin), "boom"]) == 1
    quiet, loud = capsys.readouterr().err.split("Run it again", 1)
    assert quiet.startswith("docharmony: unexpected error: KeyError")
    assert "broken.py" in loud
    assert "secret text" not in quiet + loud


@pytest.mark.parametrize(
    ("code", "why"), [("ENOSPC", "No space left on device"), ("EFBIG", "File too large")]
)
def test_a_full_folder_for_intermediate_files_is_4(
    code: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "full.py"
    plugin.write_text(
        "import errno\nfrom docharmony import hookimpl\n\n\ndef run(args):\n"
        f"    raise OSError(errno.{code}, {why!r}, 'secret text')\n\n\n"
        "@hookimpl\ndef register_commands(subparsers):\n"
        "    subparsers.add_parser('boom').set_defaults(run=run)\n"
    )
    assert main(["--plugin", str(plugin), "boom"]) == 4
    told = capsys.readouterr().err
    assert why in told
    assert "TMPDIR" in told
    assert "secret text" not in told


@pytest.mark.skipif(
    shutil.which("script") is None, reason="needs script(1), which makes a terminal"
)
@pytest.mark.parametrize(("options", "bar"), [([], True), (["-q"], False), (["--json-log"], False)])
def test_a_progress_bar_appears_on_a_terminal_only(
    pdf: Path, tmp_path: Path, options: list[str], bar: bool
) -> None:
    command = [sys.executable, "-m", "docharmony", *options, "ocr", str(pdf), "-o", "a.json"]
    done = subprocess.run(
        ["script", "-qec", " ".join(command), "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert ("\x1b" in done.stdout) is bar
    if options == ["--json-log"]:
        assert all(json.loads(line)["event"] for line in done.stdout.splitlines())
