"""The translator ``glossary``: files, exact and near segments, terms, case."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from docharmony import ConfigError, Plugins, RunConfig, UsageError
from docharmony.context import RunContext
from docharmony.translators import glossary
from docharmony.translators.glossary import GlossaryTranslator, read

CSV = """en,es,note
invoice,factura,n.
invoice number,número de factura,
Please sign here.,Firme aquí.,
Page 3 of 10,Página 3 de 10,
Berlin,Berlín,
"""
TMX = """<?xml version="1.0"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header/><body>
<tu><tuv xml:lang="EN-US"><seg>Total <bpt i="1">{\\b</bpt>amount<ept i="1">}</ept></seg></tuv>
<tuv xml:lang="de-DE"><seg>Gesamtbetrag</seg></tuv><tuv xml:lang="fr"><seg>Montant total</seg></tuv></tu>
</body></tmx>
"""


def translator(
    tmp_path: Path, text: str = CSV, name: str = "g.csv", **options: object
) -> GlossaryTranslator:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return GlossaryTranslator(GlossaryTranslator.Config(file=(str(path),), **options))


@pytest.mark.parametrize(
    ("text", "expected", "flags"),
    [
        ("invoice number", "número de factura", ()),
        ("INVOICE NUMBER:", "NÚMERO DE FACTURA:", ()),
        ("Invoice", "Factura", ()),
        ("berlin", "berlín", ()),
        ("Please sign here!", "Firme aquí!", ()),
        ("Please sing here.", "Firme aquí.", ("fuzzy",)),
        ("Page 7 of 12", "Página 7 de 12", ("fuzzy",)),
        ("The invoice number is 4711", "The número de factura is 4711", ("partial",)),
        ("Please sign here. The invoice!", "Firme aquí. The factura!", ("partial",)),
        ("Something else", None, ("not in the glossary",)),
    ],
)
def test_texts(tmp_path: Path, text: str, expected: str | None, flags: tuple[str, ...]) -> None:
    found = translator(tmp_path).translate([text], "en", "es")[0]
    assert (found.text, found.flags) == (expected, flags)
    assert 0 <= found.confidence <= 1
    assert (found.confidence == 1) == (not flags)


def test_the_other_direction_and_switches(tmp_path: Path) -> None:
    own = translator(tmp_path, partial=False, fuzzy=1.0)
    assert own.translate(["Factura", "una factura"], "es-MX", "en")[0].text == "Invoice"
    assert own.translate(["una factura"], "es", "en")[0].text is None
    assert own.translate(["Please sing here."], "en", "es")[0].text is None


def test_german_nouns_keep_their_capital(tmp_path: Path) -> None:
    own = translator(tmp_path, "en,de\nInvoice,Rechnung\n")
    assert own.translate(["the invoice"], "en", "de")[0].text == "the Rechnung"


@pytest.mark.parametrize(
    ("text", "name"),
    [("source;target\na;b\n", "g.csv"), ("a\tb\n", "g.tsv"), ("\ufeffen,de\na,b\n", "g.csv")],
)
def test_kinds_of_csv(tmp_path: Path, text: str, name: str) -> None:
    assert translator(tmp_path, text, name).translate(["a"], "en", "de")[0].text == "b"


def test_tmx(tmp_path: Path) -> None:
    own = translator(tmp_path, TMX, "m.tmx")
    own.check("en", "de")
    own.check("", "fr")
    assert own.translate(["total amount"], "en", "de")[0].text == "Gesamtbetrag"
    assert own.translate(["TOTAL AMOUNT"], "en", "fr")[0].text == "MONTANT TOTAL"


def test_chinese_terms_need_no_spaces(tmp_path: Path) -> None:
    own = translator(tmp_path, "zh,en\n发票,invoice\n发票号码,invoice number\n")
    assert own.translate(["此发票号码"], "zh", "en")[0].text == "此invoice number"


def test_a_file_is_needed_and_has_to_know_the_languages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a file"):
        GlossaryTranslator().check("en", "es")
    with pytest.raises(UsageError, match="nothing for en to fr") as caught:
        translator(tmp_path).check("en", "fr")
    assert "en, es" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"\xff\xfe\x00", "UTF-8"),
        ("a.csv", b"one\ntwo\n", "one column"),
        ("a.csv", b'"open,b\n', "not CSV"),
        ("a.tmx", b"<tmx><tu>", "not TMX"),
    ],
)
def test_bad_files_are_named_without_their_text(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=why) as caught:
        read(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none.csv")


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    path = tmp_path / "bomb.tmx"
    path.write_text(bomb + "]><tmx><tu><tuv xml:lang='en'><seg>&i;</seg></tuv></tu></tmx>")
    with pytest.raises(ConfigError, match="not TMX"):
        read(path)


def test_options_come_from_the_configuration() -> None:
    config = RunConfig.from_mapping({"translators": {"glossary": {"fuzzy": 0.5}}})
    made = RunContext(config, Plugins(allow=())).translator("glossary")
    assert made.config.fuzzy == 0.5
    wrong = RunConfig.from_mapping({"translators": {"glossary": {"fuzy": 1}}})
    bad = RunContext(wrong, Plugins(allow=()))
    with pytest.raises(ConfigError, match="fuzy"):
        bad.translator("glossary")
    with pytest.raises(UsageError, match="unknown translator"):
        bad.translator("glosary")


def test_examples() -> None:
    assert doctest.testmod(glossary).failed == 0
