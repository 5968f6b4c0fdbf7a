"""Lines of pictures that lose words: the rest is set anew, and nothing tells how long the word was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pikepdf
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from docharmony.geometry import Affine
from docharmony.io.moves import Move
from docharmony.io.write import image as writer
from docharmony.io.write import pdf as pdf_writer

from ...fuzz.book import VERA

FONT = ImageFont.truetype(str(VERA), 26)
LEFT = 60
ABOVE = (
    "The report that the others had",
    "asked for was made by two of its",
    "members, and nobody has seen it",
)
NAMES = ("Li", "Roe", "Kowalski", "Vanlandingham")
Grey = npt.NDArray[np.int16]
Place = tuple[float, float, float, float]


def sheet(
    name: str, before: str = "the witness ", after: str = " said so on Monday", align: str = "left"
) -> tuple[Image.Image, Place]:
    """Return a page with the name on its last line, and where that stands."""
    picture = Image.new("L", (760, 260), 240)
    pen = ImageDraw.Draw(picture)
    lines = [*ABOVE, before + name + after]
    place = (0.0, 0.0, 0.0, 0.0)
    for row, line in enumerate(lines):
        width = FONT.getlength(line)
        x = {"left": LEFT, "right": 700 - width, "centre": 380 - width / 2}[align]
        y = 30 + 50 * row
        pen.text((x, y), line, fill=20, font=FONT)
        start = x + FONT.getlength(before)
        place = (start - 1, y - 2, start + FONT.getlength(name) + 1, y + 34)
    return picture, place


def redacted(
    picture: Image.Image, place: Place, folder: Path, fill: str = "box", **more: Any
) -> tuple[Grey, dict[str, Any]]:
    x0, y0, x1, y1 = place
    polygon = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    source, out = folder / "in.png", folder / "out.png"
    picture.save(source)
    value, _ = writer.erase(
        [],
        path=str(source),
        password=None,
        edits={"1": [{"id": "e1", "polygon": polygon, "rule": "term", "original": "x"}]},
        fill=fill,
        profile="minimal",
        terms=[],
        whole_words=False,
        out=str(out),
        **more,
    )
    return np.asarray(Image.open(out).convert("L")).astype(np.int16), value


@pytest.mark.parametrize("align", ["left", "right", "centre"])
def test_names_of_all_lengths_leave_the_same_line(align: str, tmp_path: Path) -> None:
    lines = []
    for name in NAMES:
        picture, place = sheet(name, align=align)
        after, value = redacted(picture, place, tmp_path)
        assert value["gaps"] == []
        (move,) = value["moves"]["1"]
        lines.append((after, [v for pair in [*move["gaps"], *move["words"]] for v in pair]))
    first, places = lines[0]
    for other, others in lines[1:]:
        assert len(others) == len(places)
        assert max(abs(a - b) for a, b in zip(places, others, strict=True)) <= 2.0
        # Letters end beside their places by chance: what is left is their rims.
        assert (np.abs(first - other) > 150).sum() < 0.01 * first.size
        # What stands above is as it was.
        assert (first[:175] == other[:175]).all()


def test_the_paper_of_a_line_follows_the_shadow_at_its_edge(tmp_path: Path) -> None:
    picture, place = sheet("Vanlandingham")
    end = int(LEFT + FONT.getlength("the witness Vanlandingham said so on Monday"))
    shadow = np.minimum(30.0, 24 * np.exp((np.arange(760) - end) / 40))
    picture = Image.fromarray((np.asarray(picture) * (1 - shadow / 240)).astype(np.uint8))
    after, value = redacted(picture, place, tmp_path)
    assert value["moves"]
    paper = after[185:215, end - 60 : end - 5].mean(axis=0)
    assert np.abs(paper - (240 - shadow)[end - 60 : end - 5]).max() <= 5


def test_the_move_of_a_short_line_knows_all_paper_that_was_drawn_anew(tmp_path: Path) -> None:
    picture, place = sheet("Roe", before="", after="")
    noise = np.random.default_rng(1).normal(0, 3, (260, 760))
    picture = Image.fromarray((np.asarray(picture) * 0.9 + noise).clip(0, 255).astype(np.uint8))
    after, value = redacted(picture, place, tmp_path, fill="erase")
    changed = np.abs(after - np.asarray(picture)) > 0
    (move,) = value["moves"]["1"]
    area = Move.from_json(move).area.grow(6)
    changed[int(area.y0) : int(area.y1) + 1, int(area.x0) : int(area.x1) + 1] = False
    assert area.x1 > place[2] + 100  # the column is wider than its last line
    assert not changed.any()


def test_all_of_the_removed_word_is_gone(tmp_path: Path) -> None:
    picture, place = sheet("Vanlandingham", after="")
    after, value = redacted(picture, place, tmp_path, fill="box")
    (move,) = value["moves"]["1"]
    box = Move.from_json(move).boxes()[0].bbox
    after[int(box.y0) : int(box.y1) + 2, int(box.x0) : int(box.x1) + 2] = 240
    assert after[176:, int(place[0]) - 3 :].min() > 200


@pytest.mark.parametrize("mark", [",", ".", ";"])
def test_no_mark_stays_where_the_line_ended(mark: str, tmp_path: Path) -> None:
    picture, font = Image.new("L", (1240, 200), 240), ImageFont.truetype(str(VERA), 42)
    pen = ImageDraw.Draw(picture)
    pen.text((60, 30), "the report that they asked for", fill=20, font=font)
    pen.text((60, 110), "one Vanlandingham said so on a Monday" + mark, fill=20, font=font)
    start, end = (60 + font.getlength(text) for text in ("one ", "one Vanlandingham"))
    after, value = redacted(picture, (start - 1, 106, end + 1, 160), tmp_path, fill="erase")
    (move,) = value["moves"]["1"]
    new_end = max(new for _, new in move["words"])
    assert after[90:, int(new_end) + 6 :].min() > 225


def darkness(grey: npt.NDArray[Any]) -> float:
    return float((240.0 - grey.astype(np.float64)).clip(8).sum() - 8.0 * grey.size)


def close(names: tuple[str, str], pitch: int = 30) -> tuple[Image.Image, list[Place]]:
    """Return a page of lines set solid, two of which hold a name, and where these stand."""
    picture = Image.new("L", (900, 300), 240)
    pen = ImageDraw.Draw(picture)
    parts = [
        ("    In her typography, they say, by ", "", "the joy_of gaps is happily"),
        ("shown, as is ", names[0], "_by_laying type by_type, quickly"),
        ("and by ", names[1], "_jumping over_every gap, joyfully,"),
        ("from page to page. Nobody objected, or not many.", "", ""),
    ]
    places = []
    for row, (before, name, after) in enumerate(parts):
        y = 40 + pitch * row
        pen.text((60, y), before + name + after, fill=20, font=FONT)
        if name:
            start = 60 + FONT.getlength(before)
            places.append((start, y + 3, start + FONT.getlength(name) - 1, y + 27))
    return picture, places


def test_lines_that_stand_close_keep_all_of_their_letters(tmp_path: Path) -> None:
    picture, places = close(("Vanlandingham", "Kowalski"))
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    picture.save(source)
    edits = [
        {"id": f"e{i}", "polygon": [[a, b], [c, b], [c, d], [a, d]], "rule": "x", "original": "x"}
        for i, (a, b, c, d) in enumerate(places)
    ]
    value, _ = writer.erase(
        [],
        path=str(source),
        password=None,
        edits={"1": edits},
        fill="erase",
        profile="minimal",
        terms=[],
        whole_words=False,
        out=str(out),
    )
    assert value["gaps"] == []
    assert [len(move["gaps"]) for move in value["moves"]["1"]] == [1, 1]
    blank = np.asarray(picture).copy()
    for a, b, c, d in places:
        blank[int(b) - 3 : int(d) + 4, int(a) : int(c) + 1] = 240
    after = darkness(np.asarray(Image.open(out).convert("L")))
    assert after == pytest.approx(darkness(blank), rel=0.03)


def test_the_first_line_of_a_justified_paragraph_keeps_its_indent(tmp_path: Path) -> None:
    picture = Image.new("L", (760, 300), 240)
    pen = ImageDraw.Draw(picture)
    place = (0.0, 0.0, 0.0, 0.0)
    rows = [
        (60, "the others had said so by then and"),
        (100, "that Vanlandingham went to see"),
        (60, "the house, and nobody had seen it"),
        (100, "was all that could be said by them"),
    ]
    for row, (left, line) in enumerate(rows):
        words = line.split()
        space = (700 - left - sum(map(FONT.getlength, words))) / (len(words) - 1)
        x, y = float(left), 30 + 50 * row
        for word in words:
            pen.text((x, y), word, fill=20, font=FONT)
            if word == "Vanlandingham":
                place = (x - 1, y - 2, x + FONT.getlength(word) + 1, y + 34)
            x += FONT.getlength(word) + space
    after, value = redacted(picture, place, tmp_path, fill="erase")
    assert value["gaps"] == []
    line = after[82:120]
    assert abs(int(np.nonzero((line < 150).any(axis=0))[0][0]) - 100) <= 4


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_lines_that_run_otherwise(turn: int, tmp_path: Path) -> None:
    outs = []
    for name in NAMES[:2]:
        picture, (x0, y0, x1, y1) = sheet(name)
        width, height = picture.size
        to = {
            90: Affine(0, -1, 1, 0, 0, width),
            180: Affine(-1, 0, 0, -1, width, height),
            270: Affine(0, 1, -1, 0, height, 0),
        }[turn]
        corners = [to.apply(p) for p in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        source, out = tmp_path / "in.png", tmp_path / "out.png"
        picture.rotate(turn, expand=True).save(source)
        item = {"id": "e1", "polygon": [list(p) for p in corners], "rule": "term", "original": "x"}
        value, _ = writer.erase(
            [],
            path=str(source),
            password=None,
            edits={"1": [item]},
            fill="box",
            profile="minimal",
            terms=[],
            whole_words=False,
            out=str(out),
        )
        assert value["gaps"] == []
        assert len(value["moves"]["1"]) == 1
        outs.append(np.asarray(Image.open(out)).astype(np.int16))
    assert (np.abs(outs[0] - outs[1]) > 150).sum() < 0.01 * outs[0].size


def test_keep_gaps_leaves_all_where_it_stood(tmp_path: Path) -> None:
    picture, (x0, y0, x1, y1) = sheet("Kowalski")
    after, value = redacted(picture, (x0, y0, x1, y1), tmp_path, keep_gaps=True)
    assert value["moves"] == {}
    outside = np.ones(after.shape, bool)
    outside[int(y0) - 3 : int(y1) + 4, int(x0) - 3 : int(x1) + 4] = False
    assert (after == np.asarray(picture))[outside].all()


def ruled(picture: Image.Image) -> None:
    ImageDraw.Draw(picture).line((50, 214, 740, 214), fill=60, width=2)


def striped(picture: Image.Image) -> None:
    pixels = np.asarray(picture).astype(np.int16)
    pixels[:, :] -= (20 * (np.arange(pixels.shape[1]) // 7 % 2)).astype(np.int16)
    picture.paste(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


@pytest.mark.parametrize("spoil", [ruled, striped])
def test_where_it_cannot_be_done_rightly_the_report_says_so(spoil: Any, tmp_path: Path) -> None:
    picture, (x0, y0, x1, y1) = sheet("Kowalski")
    spoil(picture)
    after, value = redacted(picture, (x0, y0, x1, y1), tmp_path)
    assert value["moves"] == {}
    ((page, edit, why),) = value["gaps"]
    assert (page, edit) == ("1", "e1")
    assert why
    outside = np.ones(after.shape, bool)
    outside[int(y0) - 3 : int(y1) + 4, int(x0) - 3 : int(x1) + 4] = False
    assert (after == np.asarray(picture))[outside].all()


def test_cells_of_a_table_stay_in_their_columns(tmp_path: Path) -> None:
    picture = Image.new("L", (760, 260), 240)
    pen = ImageDraw.Draw(picture)
    for row in range(4):
        for x, text in ((60, "Anna Kowalski"), (360, "paid in full"), (600, "12.50")):
            pen.text((x, 30 + 50 * row), text, fill=20, font=FONT)
    start = 60 + FONT.getlength("Anna ")
    place = (start - 1, 178.0, start + FONT.getlength("Kowalski") + 1, 214.0)
    after, value = redacted(picture, place, tmp_path)
    assert len(value["moves"]["1"]) == 1
    assert (after[:, 340:] == np.asarray(picture)[:, 340:]).all()


def test_a_justified_line_does_not_tell_by_its_right_edge(tmp_path: Path) -> None:
    ends = []
    for name in ("Roe", "Kowalskis"):
        picture = Image.new("L", (760, 260), 240)
        pen = ImageDraw.Draw(picture)
        place = (0.0, 0.0, 0.0, 0.0)
        for row, line in enumerate([*ABOVE, f"the witness {name} was there too"]):
            words = line.split()
            spare = 560 - sum(FONT.getlength(w) for w in words)
            x, y = float(LEFT), 30 + 50 * row
            for word in words:
                pen.text((x, y), word, fill=20, font=FONT)
                if word == name:
                    place = (x - 1, y - 2, x + FONT.getlength(word) + 1, y + 34)
                x += FONT.getlength(word) + spare / (len(words) - 1)
        _, value = redacted(picture, place, tmp_path)
        assert value["gaps"] == []
        ends.append([v for pair in value["moves"]["1"][0]["words"] for v in pair])
    assert max(abs(a - b) for a, b in zip(*ends, strict=True)) <= 1.5


def scanned(name: str, path: Path) -> Place:
    """Write a page that shows the sheet, with a text layer of words, at half a point a pixel."""
    picture, place = sheet(name)
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(380, 130))
        image = pdf.make_stream(picture.tobytes())
        image.Type, image.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
        image.Width, image.Height = picture.size
        image.ColorSpace, image.BitsPerComponent = pikepdf.Name.DeviceGray, 8
        face = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(
            XObject=pikepdf.Dictionary(I=image), Font=pikepdf.Dictionary(F=face)
        )
        ops, x = ["q 380 0 0 130 0 0 cm /I Do Q BT /F 12 Tf 3 Tr"], float(LEFT)
        for word in f"the witness {name} said so on Monday".split():
            ops.append(f"1 0 0 1 {x / 2:.3f} {130 - 206 / 2:.3f} Tm ({word}) Tj")
            x += FONT.getlength(word + " ")
        page.Contents = pdf.make_stream(" ".join([*ops, "ET"]).encode())
        pdf.save(path)
    x0, y0, x1, y1 = place
    return x0 / 2, y0 / 2, x1 / 2, y1 / 2


def test_the_text_layer_goes_along_with_its_pixels(tmp_path: Path) -> None:
    found = []
    for name in NAMES:
        x0, y0, x1, y1 = scanned(name, tmp_path / "in.pdf")
        item = {
            "id": "e1",
            "polygon": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
            "rule": "term",
            "original": name,
        }
        value, _ = pdf_writer.erase(
            [],
            path=str(tmp_path / "in.pdf"),
            password=None,
            edits={"1": [item]},
            fill="box",
            profile="minimal",
            terms=[],
            whole_words=False,
            out=str(tmp_path / "out.pdf"),
        )
        assert value["gaps"] == []
        (move,) = [Move.from_json(m) for m in value["moves"]["1"]]
        with pymupdf.open(tmp_path / "out.pdf") as document:
            page = document[0]
            words = {w[4]: w[0] for w in page.get_text("words")}
            pixels = page.get_pixmap(dpi=144, colorspace=pymupdf.csGRAY)
        assert set(words) == {"the", "witness", "said", "so", "on", "Monday"}
        grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride)
        columns = np.nonzero((grey[180:212, 2 * int(words["said"]) - 6 :] < 128).any(axis=0))[0]
        begin = 2 * int(words["said"]) - 6 + columns[0]
        assert abs(begin / 2 - words["said"]) <= 1.5  # the ink stands where its text does
        found.append([words["said"], words["Monday"], *move.gaps[0]])
    for other in found[1:]:
        assert max(abs(a - b) for a, b in zip(found[0], other, strict=True)) <= 1.0
