"""Secrets hidden at random, redacted, and looked for by the attacker of :mod:`.oracle`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from docharmony import DocharmonyError, Pipeline
from docharmony.redaction import redact

from . import runner
from .book import word
from .oracle import leaks, leaks_of_picture
from .pictures import PICTURES, REGION, crop
from .places import PLACES

pytestmark = pytest.mark.filterwarnings("ignore:Unexpected end of stream")


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with runner.direct():
        yield runner.blind_pipeline()


def check(result: runner.Result) -> None:
    assert result.outcome in (runner.CLEAN, runner.WITHHELD), (
        f"{'+'.join(result.places)}: {result.outcome}: {result.detail}"
    )


@pytest.mark.parametrize("seed", range(25))
def test_a_few_documents(seed: int, pipeline: Pipeline, tmp_path: Path) -> None:
    check(runner.attack(seed, tmp_path, pipeline))


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_hundreds_of_documents(hundred: int, pipeline: Pipeline, tmp_path: Path) -> None:
    for seed in range(100 * hundred + 25, 100 * hundred + 125):
        check(runner.attack(seed, tmp_path, pipeline))
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_what_is_published(name: str, pipeline: Pipeline, tmp_path: Path) -> None:
    result = runner.attack(name, tmp_path, pipeline, (name,), "publish")
    assert result.outcome in (runner.CLEAN, runner.WITHHELD, runner.LOST), result.detail


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


def test_the_attacker_finds_every_secret(tmp_path: Path) -> None:
    missed = []
    for name in PLACES:
        book, _ = runner.write(name, (name,))
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(book.data())
        if not leaks(path, book.secret, book.pictures):
            missed.append(name)
    # Boxes in the place of letters: what they say is compared nowhere else.
    assert missed == ["outlines_of_letters"]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut the end off, or exchange, repeat and overwrite pieces."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 10)):
        at, size = rng.randrange(12, len(out) - 1), rng.choice((1, 2, 8, 64, 400))
        kind = rng.randrange(5)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at : at + size] = rng.randbytes(len(out[at : at + size]))
        elif kind == 2:
            del out[at : at + size]
        elif kind == 3:
            other = rng.randrange(12, len(out) - 1)
            piece = bytes(out[other : other + size])
            out[at : at + size] = piece
        elif len(out) > 400 and rng.random() < 0.3:
            del out[-rng.randrange(1, 300) :]
    return bytes(out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(int(os.environ.get("DAMAGED", "15"))))
def test_damaged_documents_in_processes_of_their_own(seed: int, tmp_path: Path) -> None:
    """Whatever comes in: an error of ours or a file without the secret, in good time."""
    ready = runner.blind_pipeline()
    book, _ = runner.write(f"damaged {seed}")
    source, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(damaged(book.data(), random.Random(f"damaged {seed}")))
    message = ""
    try:
        redact(source, out, terms=[book.secret], regions=book.regions, pipeline=ready)
    except DocharmonyError as error:
        message = f"{error} {error.hint}"
    assert book.secret not in message
    assert out.exists() == (not message)
    assert not out.exists() or leaks(out, book.secret, book.pictures) == []
