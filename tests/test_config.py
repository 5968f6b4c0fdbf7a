"""Configuration: files, settings, and errors that help."""

from __future__ import annotations

import doctest
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from docharmony import ConfigError, RunConfig, config
from docharmony.config import build, page_numbers


def test_doctests() -> None:
    assert doctest.testmod(config).attempted >= 1
    assert doctest.testmod(config).failed == 0


def test_file_then_settings(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'dpi = 300\n[routes]\nscan = ["ocr.mine", "layout"]\n[stages.ocr.mine]\nlanguages = ["de"]\n'
    )
    loaded = RunConfig.load(file, ["dpi=150", "stages.ocr.min_confidence=0.3", "device=cpu"])
    assert (loaded.dpi, loaded.device) == (150, "cpu")
    assert loaded.routes["scan"] == ("ocr.mine", "layout")
    assert loaded.routes["digital"] == ("layout",)
    assert loaded.stages == {"ocr.mine": {"languages": ["de"]}, "ocr": {"min_confidence": 0.3}}


def test_the_file_of_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunConfig.load() == RunConfig()
    (tmp_path / "docharmony.toml").write_text("dpi = 96")
    assert RunConfig.load().dpi == 96


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("dppi = 3", [], "unknown key 'dppi'"),
        ("dpi = '3'", [], "wrong type"),
        ("dpi = true", [], "wrong type"),
        ("dpi = 5", [], "out of range"),
        ("jobs = 0", [], "above 0"),
        ("timeout = 0.0", [], "out of range"),
        ("timeout = nan", [], "out of range"),
        ("timeout = inf", [], "out of range"),
        ("dpi = ", [], "cannot read"),
        ("routes = {scan = 'ocr'}", [], "not a list"),
        ("", ["dpi"], "needs KEY=VALUE"),
        ("", ["dpi.x=1"], "wrong type"),
        ("dpi = 5", ["dpi.x=1"], "below a value"),
    ],
)
def test_errors_say_what_where_and_what_next(
    tmp_path: Path, text: str, settings: list[str], expected: str
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=expected) as caught:
        RunConfig.load(file, settings)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_wrong_types_are_named_in_words() -> None:
    for text, expected in [
        ("dpi='3'", "It must be a whole number."),
        ("timeout='3'", "It must be a number."),
        ("keep_going=1", "It must be true or false."),
        ("stages=['ocr']", "It must be a table."),
        ("formats=3", "It must be a list of texts."),
    ]:
        with pytest.raises(ConfigError) as caught:
            RunConfig.load(None, [text])
        assert caught.value.hint == expected


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration"):
        RunConfig.load(tmp_path / "none.toml")


def test_near_keys_are_suggested() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_mapping({"check_point": "x"})
    assert "checkpoint" in caught.value.hint


@dataclass(frozen=True)
class Options:
    names: tuple[str, ...] = ()
    mode: Literal["a", "b"] = "a"
    share: float = 0.5
    box: tuple[int, int] | None = None


def test_build_converts_plain_data() -> None:
    made = build(Options, {"names": ["x"], "share": 1, "box": [1, 2]}, where="stages.x")
    assert made == Options(("x",), "a", 1.0, (1, 2))


@pytest.mark.parametrize("data", [{"mode": "c"}, {"box": [1]}, {"share": "1"}, {"names": [1]}])
def test_build_refuses_what_does_not_fit(data: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        build(Options, data, where="stages.x")


@pytest.mark.parametrize("pages", ["0", "3-2", "a", "-", "1,,2", "11", "5-12"])
def test_bad_page_lists(pages: str) -> None:
    with pytest.raises(ConfigError):
        page_numbers(pages, 10)


def test_page_lists() -> None:
    assert page_numbers("", 3) == [1, 2, 3]
    assert page_numbers("2-", 3) == [2, 3]
    assert page_numbers("-2, 2", 3) == [1, 2]
