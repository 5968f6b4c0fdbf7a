"""Secrets hidden at random, redacted, and looked for by the attacker of :mod:`.oracle`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from docharmony import DocharmonyError, Pipeline
from docharmony.redaction import redact

from . import runner
from .book import word
from .oracle import leaks, leaks_of_picture
from .pictures import PICTURES, REGION, crop
from .places import PLACES
from .recipes import Recipe

REPRODUCERS = [
    line
    for line in (Path(__file__).parent / "reproducers.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
pytestmark = pytest.mark.filterwarnings("ignore:Unexpected end of stream")


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with runner.direct():
        yield runner.blind_pipeline()


def check(result: runner.Result) -> None:
    assert result.outcome == runner.CLEAN, f"{result.recipe}: {result.outcome}: {result.detail}"


@pytest.mark.parametrize("seed", range(25))
def test_a_few_documents(seed: int, pipeline: Pipeline, tmp_path: Path) -> None:
    check(runner.attack(Recipe.random(seed), tmp_path, pipeline))


@pytest.mark.parametrize("line", REPRODUCERS)
def test_what_was_found_once(line: str, pipeline: Pipeline, tmp_path: Path) -> None:
    expected, profile, recipe = line.split(maxsplit=2)
    result = runner.attack(Recipe.parse(recipe), tmp_path, pipeline, profile)
    assert result.outcome == expected, result.detail


def test_a_recipe_is_what_it_says() -> None:
    for seed in range(40):
        recipe = Recipe.random(seed, damaged=seed % 2 == 0)
        assert Recipe.parse(str(recipe)) == recipe
        assert recipe.file(recipe.book()) == recipe.file(recipe.book())


def test_recipes_shrink_to_what_matters() -> None:
    recipe = Recipe.random(3, ("kerned", "hexadecimal", "bookmark"), damaged=True)
    recipe = replace(recipe, options=frozenset({"turned", "linear"}), blows=(0, 1, 2, 3))

    def fails(other: Recipe) -> bool:
        return "hexadecimal" in other.places and 2 in other.blows and "turned" in other.options

    assert str(runner.shrink(recipe, fails)) == "3 hexadecimal turned blows=2"


def test_a_leak_is_found_and_shrunk(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A sanitizer that forgets bookmarks, and checks that look at nothing.
    monkeypatch.setattr("docharmony.io.sanitize.CARRIERS", {})
    monkeypatch.setattr("docharmony.redaction.audit", lambda *_: [])
    recipe = Recipe.random("shrink", ("kerned", "bookmark", "turned"))

    def leak(other: Recipe) -> bool:
        return runner.attack(other, tmp_path, pipeline).outcome == runner.LEAK

    assert leak(recipe)
    assert runner.shrink(recipe, leak).places == ("bookmark",)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_hundreds_of_documents(hundred: int, pipeline: Pipeline, tmp_path: Path) -> None:
    for seed in range(100 * hundred + 25, 100 * hundred + 125):
        check(runner.attack(Recipe.random(seed), tmp_path, pipeline))
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_what_is_published(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    result = runner.attack(Recipe.random(name, (name,)), tmp_path, pipeline, "publish")
    assert result.outcome in (runner.CLEAN, runner.LOST), result.detail


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    secret = word(random.Random(name))
    file, data = PICTURES[name](secret)
    source, out = tmp_path / file, tmp_path / f"out-{file}"
    source.write_bytes(data)
    look = crop(secret)
    assert leaks_of_picture(source, secret, look), "the attacker must find it in the input"
    redact(source, out, terms=[secret], regions=[REGION], pipeline=pipeline)
    assert leaks_of_picture(out, secret, look) == []
    if file.endswith(".tiff"):
        with Image.open(source) as before, Image.open(out) as after:
            assert after.n_frames == before.n_frames
            for number in range(1, before.n_frames):
                before.seek(number)
                after.seek(number)
                assert after.mode == before.mode
                assert after.tobytes() == before.tobytes()


def test_the_attacker_finds_every_secret(tmp_path: Path) -> None:
    missed = []
    for name in PLACES:
        book = Recipe.random(name, (name,)).book()
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(book.data())
        if not leaks(path, book.secret, book.pictures):
            missed.append(name)
    # Boxes in the place of letters: what they say is compared nowhere else.
    assert missed == ["outlines_of_letters"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("DAMAGED", "15"))))
def test_damaged_documents_in_processes_of_their_own(seed: int, tmp_path: Path) -> None:
    """Whatever comes in: an error of ours or a file without the secret, in good time."""
    ready = runner.blind_pipeline()
    recipe = Recipe.random(f"damaged-{seed}", damaged=True)
    book = recipe.book()
    source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(recipe.file(book))
    message = ""
    try:
        redact(source, out, terms=[book.secret], regions=book.regions, pipeline=ready)
    except DocharmonyError as error:
        message = f"{error} {error.hint}"
    assert book.secret not in message
    assert out.exists() == (not message)
    assert not out.exists() or leaks(out, book.secret, book.pictures) == []
