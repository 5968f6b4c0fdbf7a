"""Translator ``apertium``: the programs where they are installed, clear words where they are not."""

from __future__ import annotations

import doctest
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from docharmony_apertium import pairs, stream
from docharmony_apertium.translator import ApertiumConfig, ApertiumTranslator

from docharmony import DocharmonyError, EngineError, ExitCode, MissingExtraError, Plugins
from docharmony.translators import markup
from docharmony.translators.guard import Guard


def _has(mode: str) -> bool:
    if shutil.which("apertium") is None:
        return False
    listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False)
    return mode in listed.stdout.split()


needs_pair = pytest.mark.skipif(
    not _has("eng-spa"), reason="apt-get install apertium apertium-eng-spa"
)


def test_the_plugin_registers_its_translator_by_name() -> None:
    entry = Plugins(("docharmony_apertium",), allow=()).translators.entry("apertium")
    assert entry.distribution == "docharmony_apertium"
    assert entry.load() is ApertiumTranslator


@needs_pair
def test_texts_are_translated_in_one_batch() -> None:
    texts = ["Invoice number", "The house is red.", "zorgblat"]
    found = ApertiumTranslator().translate(texts, "en", "es")
    assert [result.text for result in found] == [
        "Número de factura",
        "La casa es roja.",
        "zorgblat",
    ]
    assert [result.flags for result in found] == [(), (), ("unknown words",)]
    assert found[0].confidence > found[2].confidence == 0


@needs_pair
def test_tags_go_with_their_words() -> None:
    text = "The <s1>red</s1> house is near the <s2>big black dog</s2> <abc> [Ann]."
    (found,) = ApertiumTranslator().translate([text], "en", "es")
    plain, parts = markup.untagged(found.text or "")
    assert plain.startswith("La casa roja")
    words = {part.number: plain[part.start : part.end] for part in parts}
    assert words[0] == "roja"
    assert len(words[1].split()) == 3
    assert "<abc> [Ann]" in plain


@needs_pair
@pytest.mark.parametrize(
    "text",
    [
        "C# and *bold* #tag ~x a^b $5 100% [y] {z w} <q> \\ / @home",
        "See https://x.org/a?b=1 and <b>quickly</b> write to a@b.org.",
        "One.\u27e6 Two] [Three .[]",
    ],
)
def test_signs_of_the_stream_pass_through(text: str) -> None:
    found = Guard(ApertiumTranslator(), "en", "es").translate([text, "The red house"])
    assert found[1].text == "La casa roja"
    assert found[0].text is not None
    for sign in "#*~^$[]{}<>\\@":
        assert found[0].text.count(sign) == text.count(sign), sign
    assert "*" not in (found[0].text if "*" not in text else "")


@needs_pair
def test_texts_do_not_run_into_each_other() -> None:
    texts = ["Apr", "Mar", "Feb.", "Jan", "4", "of June"]
    found = ApertiumTranslator().translate(texts, "en", "es")
    alone = [ApertiumTranslator().translate([text], "en", "es")[0] for text in texts]
    assert [result.text for result in found] == [result.text for result in alone]


@needs_pair
def test_marks_keep_their_place() -> None:
    found = Guard(ApertiumTranslator(), "en", "es").translate(["Send {file} to {name} today."])[0]
    assert found.text == "Envía {file} a {name} hoy."


@needs_pair
def test_a_missing_pair_names_its_package() -> None:
    own = ApertiumTranslator()
    own.check("en", "es-MX")
    own.check("", "es")
    with pytest.raises(MissingExtraError, match="from ur to hi") as caught:
        own.check("ur", "hi")
    assert "apt-get install apertium-urd-hin" in caught.value.hint
    assert "eng-spa" in str(caught.value)
    with pytest.raises(MissingExtraError) as caught:
        own.check("en", "ja")
    assert "Debian has no such pair" in caught.value.hint


def test_a_missing_program_says_what_to_install() -> None:
    own = ApertiumTranslator(ApertiumConfig(program="no-such-apertium"))
    with pytest.raises(MissingExtraError, match="no-such-apertium") as caught:
        own.check("en", "es")
    assert "apt-get install apertium apertium-eng-spa" in caught.value.hint
    assert caught.value.exit_code is ExitCode.MISSING_EXTRA


def script(folder: Path, body: str) -> ApertiumTranslator:
    """A stand-in for the program, so that failures can be had at will."""
    path = folder / "apertium"
    path.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then echo eng-spa; exit 0; fi\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return ApertiumTranslator(ApertiumConfig(program=str(path), timeout=0.5))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("cat >/dev/null; echo 'the secret'; echo 'the secret' >&2; exit 3", "exit code 3"),
        ("echo 'the secret'; exec sleep 60", "takes too long"),
    ],
)
def test_failures_are_one_clear_line_without_the_text(tmp_path: Path, body: str, why: str) -> None:
    with pytest.raises(EngineError, match=why) as caught:
        script(tmp_path, body).translate(["the secret"], "en", "es")
    assert caught.value.__cause__ is None
    assert isinstance(caught.value, DocharmonyError)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_texts_that_do_not_come_back_stay(tmp_path: Path) -> None:
    own = script(tmp_path, r"cat >/dev/null; printf 'uno\000dos'")
    found = own.translate(["a.", "b."], "en", "es")
    assert [result.text for result in found] == ["uno", None]


def test_marks_of_apertium_are_told_from_signs_of_the_text() -> None:
    assert stream.write(["a * b #c"]) == "a [*] b [#]c.[]\0"
    back = "un [*] *b [#]@c.[]\0\0"
    assert stream.read(back, ["a * b #c"]) == [stream.Read("un * b #c", 2)]


@pytest.mark.parametrize("module", [pairs, stream])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
