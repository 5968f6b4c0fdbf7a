"""Damaged at random: every file is read, or refused with an InputError; nothing else may happen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from docharmony.errors import InputError
from docharmony.io.limits import MIB, Limits
from docharmony.io.source import open_source
from tests.resources import bad

DEMO = Path(__file__).parents[1] / "resources" / "demo"
LIMITS = Limits(timeout_s=10, max_memory=512 * MIB)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Overwrite, cut out, repeat or exchange a few pieces behind the first bytes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(12, len(out))
        size = rng.choice((1, 1, 2, 8, 64, 400))
        kind = rng.randrange(4)
        if kind == 0:
            out[at : at + size] = rng.randbytes(len(out[at : at + size]))
        elif kind == 1:
            del out[at : at + size]
        elif kind == 2:
            out[at:at] = out[at : at + size]
        else:
            out[at : at + 1] = rng.choice((b"0", b"-", b"99999999", b"/", b"<<", b"R", b"\xff"))
    return bytes(out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "name", ["report.pdf", "scan.pdf", "photo.jpg", "drawn.pdf", "pages.tiff", "alpha.png"]
)
def test_damaged_files(name: str, seed: int) -> None:
    drawn = {
        "drawn.pdf": lambda: bad.good_pdf(3),
        "pages.tiff": lambda: bad.tiff_pages(3),
        "alpha.png": lambda: bad.image("RGBA", "PNG", (300, 300)),
    }
    whole = drawn[name]() if name in drawn else (DEMO / name).read_bytes()
    data = damage(whole, random.Random(f"{name} {seed}"))
    message = ""
    try:
        with open_source(data, name=name, limits=LIMITS) as source:
            for _ in source.pages(range(1, min(4, source.info.page_count) + 1)):
                pass
            source.raster(1, 40)
            source.glyphs(1)
            source.graphics(1)
            claims, _ = source.claims(1)
            source.specimens(1, sorted(claims), 2)
            source.spelt(1, dict.fromkeys(claims, "x"))
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    assert "senseless" not in message
