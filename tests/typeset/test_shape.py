"""Faces and shaping: every script in its order, with what is installed or built in."""

from __future__ import annotations

import pytest

from docharmony.typeset.faces import chain, classify, is_bold, is_italic
from docharmony.typeset.shape import clusters, is_rtl, shape


@pytest.fixture
def built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only the faces that come with MuPDF."""
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")


def test_a_bare_machine_can_set_latin_greek_cyrillic_and_ideographs(built_in: None) -> None:
    for family in ("sans", "serif", "mono", "hand"):
        faces = chain(family, bold=True)  # type: ignore[arg-type]
        assert faces.missing("Größe ½ Ωμέγα Жук 中文") == ""
        line = shape("Größe", faces)
        assert line.width > 2
        assert len(line.runs) == 1
    assert chain("sans").missing("\u0915 क") == "\u0915"


def test_weights_differ(built_in: None) -> None:
    regular, bold = (shape("Hamburg", chain("sans", bold=b)).width for b in (False, True))
    assert bold > regular


def test_names_tell_classes() -> None:
    told = {name: classify(name) for name in ("ArialMT", "CMR10", "CMTT9", "Comic Sans MS", "X")}
    assert told == {
        "ArialMT": "sans",
        "CMR10": "serif",
        "CMTT9": "mono",
        "Comic Sans MS": "hand",
        "X": "sans",
    }


def test_right_to_left_and_numbers_in_it() -> None:
    text = "\u05e9\u05dc\u05d5\u05dd 123 abc"
    line = shape(text, chain("sans"))
    order = [glyph.start for run in line.runs for glyph in run.glyphs]
    assert is_rtl(text)
    # Read from the left: the Latin word, the number, then the Hebrew word backwards.
    assert order.index(9) < order.index(5) < order.index(3) < order.index(0)


def test_every_character_belongs_to_one_glyph() -> None:
    for text in ("office", "a\u0301b", "नमस्ते", "ab \u0645\u0631\u062d\u0628\u0627"):
        line = shape(text, chain("sans"))
        spans = sorted((g.start, g.end) for run in line.runs for g in run.glyphs if g.end > g.start)
        assert "".join(text[a:b] for a, b in spans) == text
        assert line.width == pytest.approx(sum(g.advance for run in line.runs for g in run.glyphs))


def test_marks_stay_with_their_letters() -> None:
    assert list(clusters("a\u0301b\u200dc")) == [(0, 2), (2, 5)]


def test_a_column_of_ideographs_goes_down() -> None:
    line = shape("中文字", chain("sans", language="zh"), direction="ttb")
    places = [glyph.x for run in line.runs for glyph in run.glyphs]
    assert places == sorted(places)
    assert line.width == pytest.approx(3, abs=0.4)


def test_letters_of_other_scripts_lie_on_their_side_in_a_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCHARMONY_FONTS", "none")
    line = shape("中12文", chain("sans", language="zh"), direction="ttb")
    assert [run.turned for run in line.runs] == [False, True, False]
    # Droid Sans Fallback says that its letters hang 1.6 em below where they begin.
    (first,), _, (last,) = (run.glyphs for run in line.runs)
    assert 0.7 <= first.x <= 1.1
    assert last.x - first.x == pytest.approx(1 + 2 * 0.556, abs=0.05)


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        ("CMBX12", (True, False)),
        ("ABCDEF+SFTI1000", (False, True)),
        ("CMTT10", (False, False)),
        ("Arial-BoldItalicMT", (True, True)),
    ],
)
def test_names_of_fonts_tell_weight_and_slant(name: str, looks: tuple[bool, bool]) -> None:
    assert (is_bold(name), is_italic(name)) == looks


def test_a_word_is_set_in_one_face() -> None:
    faces = chain("serif")
    text = "Những quyết định đã được thông qua"
    own = faces.suited(text)
    if faces.missing(text):
        pytest.skip("no face here has the letters of Vietnamese")
    used = {run.face.info.name for run in shape(text, own).runs}
    assert len(used) == 1
    assert faces.suited("plain") is faces
