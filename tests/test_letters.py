"""Fonts that lie: what a text layer claims, against what the glyphs are."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pymupdf
import pytest
from pikepdf import Name

from docharmony import Pipeline, RunConfig, redact
from docharmony import open as open_source

from .fuzz.book import composite, helvetica

FILLER = "the quick brown fox jumps over a lazy dog while my black sphinx of quartz judges vows"
CIPHER = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "nopqrstuvwxyzabcdefghijklmXYZABCDEFGHIJKLMNOPQRSTUVW",
)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline()


def draw(
    path: Path, lines: list[tuple[str, str]], *, mode: int = 0, cover: bool = False, plain: str = ""
) -> Path:
    """Write a page of lines (what is shown, what the font claims) and one honest line."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        page = pdf.pages[0].obj
        fonts = pikepdf.Dictionary(F0=pdf.make_indirect(helvetica()))
        content = [f"BT /F0 12 Tf 30 260 Td ({plain or FILLER[:50]}) Tj ET"]
        for index, (shown, says) in enumerate(lines):
            font, codes = composite(pdf, shown, lie=says)
            fonts[f"/L{index}"] = font
            y = 220 - 30 * index
            content.append(f"BT {mode} Tr /L{index} 12 Tf 30 {y} Td <{codes.hex()}> Tj ET")
            if cover:
                content.append(f"0 g 25 {y - 5} 400 20 re f")
        page[Name.Resources] = pikepdf.Dictionary(Font=fonts)
        page[Name.Contents] = pdf.make_stream("\n".join(content).encode())
        pdf.save(path)
    return path


def shown(path: Path, dpi: int = 100) -> bytes:
    with pymupdf.open(path) as document:
        return bytes(document[0].get_pixmap(dpi=dpi).samples)


def glyphs_left(path: Path) -> int:
    """Return how many characters stand on the page, whatever they claim to be."""
    with pymupdf.open(path) as document:
        return sum(not chr(c[0]).isspace() for s in document[0].get_texttrace() for c in s["chars"])


def count(text: str) -> int:
    return sum(not c.isspace() for c in text)


def test_lines_of_a_lying_font_are_read_from_pixels(tmp_path: Path, pipeline: Pipeline) -> None:
    secret = "Margaret Quillfeather lives in Oakham"
    path = draw(tmp_path / "a.pdf", [(secret, secret.translate(CIPHER))])
    out = tmp_path / "out.pdf"
    report = redact(path, out, terms=["Quillfeather"], pipeline=pipeline)
    assert report.count
    before = count(FILLER[:50]) + count(secret)
    assert glyphs_left(out) in range(before - 14, before - 10)


def test_a_single_lying_letter_is_noticed(tmp_path: Path, pipeline: Pipeline) -> None:
    """Every e is said to be a c: neither junk nor an odd share of vowels gives it away."""
    secret = "Peter Reed met several secret agents here"
    path = draw(tmp_path / "a.pdf", [(secret, secret.replace("e", "c"))])
    with open_source(path) as source:
        page = pipeline.letters.mark(source, source.page(1), strict=True)
    assert [line.trusted for line in page.lines] == [True, False]
    report = redact(path, tmp_path / "out.pdf", terms=["Reed"], pipeline=pipeline)
    assert report.count


@pytest.mark.parametrize("how", ["invisible", "covered"])
def test_lying_text_that_nobody_sees_goes_too(how: str, tmp_path: Path, pipeline: Pipeline) -> None:
    secret = "Quillfeather"
    path = draw(
        tmp_path / "a.pdf",
        [(secret, secret.translate(CIPHER))],
        mode=3 if how == "invisible" else 0,
        cover=how == "covered",
    )
    out = tmp_path / "out.pdf"
    redact(path, out, terms=[secret], pipeline=pipeline)
    assert glyphs_left(out) == count(FILLER[:50])


def test_what_a_lying_font_claims_goes_as_well(tmp_path: Path, pipeline: Pipeline) -> None:
    """Whoever copies the line gets the secret, although the page shows another word."""
    path = draw(tmp_path / "a.pdf", [("Quillfeather".translate(CIPHER), "Quillfeather")])
    out = tmp_path / "out.pdf"
    redact(path, out, terms=["Quillfeather"], pipeline=pipeline)
    assert glyphs_left(out) == count(FILLER[:50])


@pytest.mark.parametrize(
    "says", ["\u4e2d\u6587\u5b57\u5178", "\u2022\u2192\u2208\u221e", " \u00a0\u2002\u200b"]
)
def test_letters_cannot_hide_behind_signs(says: str, tmp_path: Path, pipeline: Pipeline) -> None:
    """Letters said to be Chinese, symbols or white space."""
    letters = dict.fromkeys("Quillfeather")
    means = {c: says[n % len(says)] for n, c in enumerate(letters)}
    path = draw(tmp_path / "a.pdf", [("Quillfeather", "".join(means[c] for c in "Quillfeather"))])
    out = tmp_path / "out.pdf"
    redact(path, out, terms=["Quillfeather"], pipeline=pipeline)
    assert glyphs_left(out) == count(FILLER[:50])


@pytest.mark.parametrize("says", ["\ufffd", "\u2022", "\uf06c"])
def test_round_letters_cannot_pass_for_marks_where_nobody_sees_them(
    says: str, tmp_path: Path, pipeline: Pipeline
) -> None:
    """Each o and x may be a bullet by its looks; hidden, nothing else tells the word."""
    secret = "Moguvokroxq"
    path = draw(tmp_path / "a.pdf", [(secret, says * len(secret))], mode=3)
    out = tmp_path / "out.pdf"
    redact(path, out, terms=[secret], pipeline=pipeline)
    assert glyphs_left(out) == count(FILLER[:50])


def test_glyphs_without_ink_do_not_break_a_word(tmp_path: Path, pipeline: Pipeline) -> None:
    """Blank glyphs that claim to be letters stand between those of the secret."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        page = pdf.pages[0].obj
        font, codes = composite(pdf, "Quillfeather\u00a0", lie="Quillfeatherx")
        pairs = [codes[i : i + 2] for i in range(0, len(codes) - 2, 2)]
        blank = codes[-2:]
        body = b"".join(pair + blank for pair in pairs).hex()
        page[Name.Resources] = pikepdf.Dictionary(Font=pikepdf.Dictionary(L=font))
        page[Name.Contents] = pdf.make_stream(
            f"BT /L 12 Tf -3.5 Tc 30 220 Td <{body}> Tj ET".encode()
        )
        pdf.save(tmp_path / "a.pdf")
    out = tmp_path / "out.pdf"
    report = redact(tmp_path / "a.pdf", out, terms=["Quillfeather"], pipeline=pipeline)
    assert report.count
    with pymupdf.open(out) as document:
        seen = document[0].get_pixmap(dpi=100, colorspace=pymupdf.csGRAY).samples
    assert min(seen) > 200


def test_actual_text_that_lies(tmp_path: Path, pipeline: Pipeline) -> None:
    """Marked content says that its glyphs mean something harmless."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        page = pdf.pages[0].obj
        font, codes = composite(pdf, "Quillfeather")
        page[Name.Resources] = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page[Name.Contents] = pdf.make_stream(
            b"/Span <</ActualText (harmless)>> BDC BT /F 12 Tf 30 220 Td <%s> Tj ET EMC"
            % codes.hex().encode()
        )
        pdf.save(tmp_path / "a.pdf")
    out = tmp_path / "out.pdf"
    redact(tmp_path / "a.pdf", out, terms=["Quillfeather"], pipeline=pipeline)
    assert glyphs_left(out) == 0


def test_honest_fonts_pass_with_few_lines_read(letter: Path) -> None:
    read = []
    pipeline = Pipeline(RunConfig(text_layer="check"))
    engine = pipeline.context.engine
    pipeline.letters._read = lambda crops: read.extend(crops) or engine.read(crops)  # type: ignore[func-returns-value]
    document = pipeline.run(open_source(letter))
    assert [page.route for page in document.pages] == ["digital"] * 3
    assert 0 < len(read) < 8


def test_reading_asks_only_where_the_text_looks_odd(
    tmp_path: Path, letter: Path, pipeline: Pipeline
) -> None:
    text = [FILLER, FILLER[::-1]]
    odd = draw(tmp_path / "odd.pdf", [(t, t.translate(CIPHER)) for t in text], plain="xx")
    with open_source(odd) as source:
        page = pipeline.run(source).pages[0]
    assert page.route == "scan"
    assert "quick brown fox" in page.text
    with open_source(letter) as source:
        assert pipeline.run(source).pages[0].route == "digital"


def test_trust_and_pixels_are_what_they_say(tmp_path: Path) -> None:
    path = draw(
        tmp_path / "a.pdf", [("Margaret Quillfeather", "Margaret Quillfeather".translate(CIPHER))]
    )
    routes = {}
    for how in ("trust", "pixels"):
        with open_source(path) as source:
            pipeline = Pipeline(RunConfig.from_mapping({"text_layer": how}))
            routes[how] = pipeline.run(source).pages[0]
    assert routes["trust"].route == "digital"
    assert "Margaret" not in routes["trust"].text
    assert routes["pixels"].route == "scan"
    assert "Quillfeather" in routes["pixels"].text


def test_specimens_come_from_the_child_as_pictures(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.pdf", [("Wombat", "Kitten")])
    with open_source(io.BytesIO(path.read_bytes()), name="a.pdf") as source:
        claims, _ = source.claims(1)
        lines = source.specimens(1, sorted(claims), 1)
    assert {text for _, text in claims} >= set("Kitten")
    assert all(line.image.shape[0] == 48 and line.image.min() < 50 for line in lines)


def test_a_page_whose_fonts_cannot_be_looked_at_fails_alone(
    letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from docharmony import InputError
    from docharmony.io.pdf import PdfSource

    claims = PdfSource.claims

    def broken(source: PdfSource, number: int) -> object:
        if number == 2:
            raise InputError("cannot read", where="page 2")
        return claims(source, number)

    monkeypatch.setattr(PdfSource, "claims", broken)
    pipeline = Pipeline(RunConfig(text_layer="check"))
    with open_source(letter) as source:
        document = pipeline.run(source, keep_going=True)
        assert [failure.page for failure in document.failures] == [2]
        with pytest.raises(InputError):
            pipeline.run(source)
    with pytest.raises(InputError):
        redact(letter, letter.with_name("never.pdf"), terms=["Jane Roe"])
    assert not letter.with_name("never.pdf").exists()


def test_a_glyph_that_draws_a_word_and_claims_to_be_a_letter(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    """Below a box, so that no reading of the page could find it."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        page = pdf.pages[0].obj
        fonts = pikepdf.Dictionary(F=pdf.make_indirect(helvetica()))
        glyph = pdf.make_stream(b"64 0 d0 BT /F 10 Tf (Quillfeather) Tj ET")
        font = pikepdf.Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=pikepdf.Array([0, 0, 64, 10]),
            FontMatrix=pikepdf.Array([0.1, 0, 0, 0.1, 0, 0]),
            FirstChar=65,
            LastChar=65,
            Widths=pikepdf.Array([64]),
            CharProcs=pikepdf.Dictionary(A=glyph),
            Encoding=pikepdf.Dictionary(Differences=pikepdf.Array([65, Name.A])),
            Resources=pikepdf.Dictionary(Font=fonts),
        )
        page[Name.Resources] = pikepdf.Dictionary(
            Font=pikepdf.Dictionary(F=fonts.F, T=pdf.make_indirect(font))
        )
        page[Name.Contents] = pdf.make_stream(
            b"BT /F 12 Tf 30 260 Td (An honest line) Tj ET "
            b"BT /T 12 Tf 30 220 Td (A) Tj ET 0 g 20 215 120 20 re f"
        )
        pdf.save(tmp_path / "a.pdf")
    out = tmp_path / "out.pdf"
    redact(tmp_path / "a.pdf", out, terms=["Quillfeather"], pipeline=pipeline)
    with pikepdf.open(out) as pdf:
        streams = [item.read_bytes() for item in pdf.objects if isinstance(item, pikepdf.Stream)]
    assert not any(b"Quillfeather" in stream for stream in streams)


def test_lying_text_in_a_layer_that_is_off(tmp_path: Path, pipeline: Pipeline) -> None:
    secret = "Quillfeather"
    draw(tmp_path / "b.pdf", [(secret, secret.translate(CIPHER))])
    with pikepdf.open(tmp_path / "b.pdf") as pdf:
        layer = pdf.make_indirect(pikepdf.Dictionary(Type=Name.OCG, Name="Draft"))
        off = pikepdf.Dictionary(OFF=pikepdf.Array([layer]))
        pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([layer]), D=off)
        page = pdf.pages[0].obj
        page.Resources.Properties = pikepdf.Dictionary(O=layer)
        first, second = page.Contents.read_bytes().split(b"\n")
        page.Contents = pdf.make_stream(first + b"\n/OC /O BDC " + second + b" EMC")
        pdf.save(tmp_path / "a.pdf")
    out = tmp_path / "out.pdf"
    redact(tmp_path / "a.pdf", out, terms=[secret], pipeline=pipeline)
    with pikepdf.open(out, allow_overwriting_input=True) as pdf:
        if "/OCProperties" in pdf.Root:
            del pdf.Root.OCProperties
        pdf.save(out)
    assert glyphs_left(out) == count(FILLER[:50])


def test_a_font_that_is_upside_down_and_drawn_so_tells_the_truth(
    tmp_path: Path, pipeline: Pipeline
) -> None:
    """As dvips embeds bitmaps: the matrix of the text turns round what stands on its head in the font."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(500, 300))
        fonts = pikepdf.Dictionary(F=pdf.make_indirect(helvetica()))
        letters = sorted({*FILLER} - {" "})
        procs = {
            f"/c{ord(c)}": pdf.make_stream(
                b"6 0 d0 1 0 0 -1 0 0 cm BT /F 10 Tf (%s) Tj ET" % c.encode()
            )
            for c in letters
        }
        named = [item for c in letters for item in (ord(c), Name(f"/c{ord(c)}"))]
        meant = "".join(f"<{ord(c):02X}> <{ord(c):04X}>\n" for c in letters)
        meaning = f"begincmap {len(letters)} beginbfchar\n{meant}endbfchar endcmap"
        font = pikepdf.Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=pikepdf.Array([0, -10, 8, 4]),
            FontMatrix=pikepdf.Array([0.1, 0, 0, 0.1, 0, 0]),
            FirstChar=32,
            LastChar=122,
            Widths=pikepdf.Array([6] * 91),
            CharProcs=pikepdf.Dictionary(procs),
            Encoding=pikepdf.Dictionary(Differences=pikepdf.Array(named)),
            Resources=pikepdf.Dictionary(Font=fonts),
            ToUnicode=pdf.make_stream(meaning.encode()),
        )
        page = pdf.pages[0].obj
        page[Name.Resources] = pikepdf.Dictionary(Font=pikepdf.Dictionary(T=font))
        rows = [FILLER[:45], FILLER[45:]]
        shown = [
            f"BT /T 12 Tf 1 0 0 -1 30 {220 - 30 * row} Tm ({text}) Tj ET"
            for row, text in enumerate(rows)
        ]
        page[Name.Contents] = pdf.make_stream("\n".join(shown).encode())
        pdf.save(tmp_path / "a.pdf")
    with open_source(tmp_path / "a.pdf") as source:
        read = source.page(1)
        assert "quick brown fox" in " ".join(line.text for line in read.lines)
        assert list(pipeline.letters.misleading(source, read)) == []
        assert all(line.trusted for line in pipeline.letters.mark(source, read, strict=True).lines)
