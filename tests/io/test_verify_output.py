"""Outputs are checked from end to end, in the parsing child, and fail closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docharmony.errors import BrokenError, UsageError
from docharmony.geometry import BBox, Polygon
from docharmony.io.base import Source
from docharmony.io.verify import Check, check_output
from docharmony.io.write.edits import apply_edits
from docharmony.model import Edit, EditKind, EditStatus
from tests.io.write.drawn import SECRET, line, new, saved, secret_box


@contextmanager
def opened(path: Path, password: str | None = None) -> Iterator[Source]:
    import docharmony

    with docharmony.open(path, password=password) as source:
        yield source


def edit(number: int, box: Sequence[float], **changes: Any) -> Edit:
    area = BBox(*box).polygon()
    made = Edit(f"p1e{number}", EditKind.ERASE, area, "term", "a given term", SECRET, term=1)
    return replace(made, **changes)


def never(crops: Any, masks: Any) -> list[Any]:
    raise AssertionError("nothing to paint")


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(saved(new(line(50, 200) + line(50, 100))))
    return path


FIRST, SECOND = secret_box(50, 200), secret_box(50, 100)


def failed(checks: Sequence[Check]) -> set[str]:
    return {check.name for check in checks if not check.passed}


def test_applied_and_checked(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    edits = {1: [edit(1, FIRST), edit(2, SECOND)]}
    with opened(letter) as source:
        outcome = apply_edits(source, edits, out, painter=never, terms=[SECRET])
        checks = check_output(out, source=source, edits=edits, terms=[SECRET], moves=outcome.moves)
    assert outcome.applied == ("p1e1", "p1e2")
    assert outcome.removed["glyphs"] == 2 * len(SECRET)
    assert not failed(checks)
    assert not any(word in check.detail for check in checks for word in SECRET.split())


def test_one_occurrence_left_fails(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    edits = {1: [edit(1, FIRST)]}
    with opened(letter) as source:
        apply_edits(source, edits, out, painter=never, terms=[SECRET])
        checks = check_output(out, source=source, edits=edits, terms=[SECRET])
    assert {"text", "strings and streams"} <= failed(checks)


def test_a_rejected_place_may_stand(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    edits = {1: [edit(1, FIRST), edit(2, SECOND, status=EditStatus.REJECTED)]}
    with opened(letter) as source:
        outcome = apply_edits(source, edits, out, painter=never)
        checks = check_output(out, source=source, edits=edits, terms=[SECRET], moves=outcome.moves)
        wrong = {1: [edits[1][0], replace(edits[1][1], polygon=BBox(0, 0, 9, 9).polygon())]}
        elsewhere = check_output(
            out, source=source, edits=wrong, terms=[SECRET], moves=outcome.moves
        )
    assert outcome.applied == ("p1e1",)
    assert not failed(checks)
    assert failed(elsewhere) == {"text"}


def test_the_untouched_file_fails_every_check_of_content(letter: Path) -> None:
    edits = {1: [edit(1, FIRST), edit(2, SECOND)]}
    with opened(letter) as source:
        checks = check_output(letter, source=source, edits=edits, terms=[SECRET])
    assert failed(checks) == {"text", "places", "pixels", "strings and streams", "written anew"}


def test_an_output_that_cannot_be_read_is_no_leak(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    out.write_bytes(b"%PDF-1.7\nnothing")
    with opened(letter) as source, pytest.raises(BrokenError, match="cannot be checked"):
        check_output(out, source=source, edits={})


def test_the_pixels_can_be_read_again(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    edits = {1: [edit(1, FIRST), edit(2, SECOND)]}
    asked = []

    def reread(path: Path, page: int, box: BBox) -> list[str]:
        asked.append((path, page, box))
        return ["zebulon  QUARK"] if len(asked) == 2 else [""]

    with opened(letter) as source:
        moves = apply_edits(source, edits, out, painter=never).moves
        checks = check_output(out, source=source, edits=edits, moves=moves, reread=reread)
    assert failed(checks) == {"re-read pixels"}
    assert len(asked) == 2


def test_an_encrypted_file_stays_encrypted(tmp_path: Path) -> None:
    import pikepdf

    path, out = tmp_path / "in.pdf", tmp_path / "out.pdf"
    encryption = pikepdf.Encryption(owner="owner", user="user", R=6)
    path.write_bytes(saved(new(line()), encryption=encryption))
    edits = {1: [edit(1, FIRST)]}
    with opened(path, "user") as source:
        moves = apply_edits(source, edits, out, painter=never, terms=[SECRET]).moves
        assert not failed(
            check_output(out, source=source, edits=edits, terms=[SECRET], moves=moves)
        )
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(out)


def test_a_page_that_is_not_there_is_refused_and_nothing_written(
    letter: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pdf"
    with opened(letter) as source, pytest.raises(UsageError):
        apply_edits(source, {7: [edit(1, FIRST)]}, out, painter=never)
    assert not out.exists()


def test_an_area_without_extent_still_clears_its_place(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    x0, y0, x1, y1 = FIRST
    thin = Polygon.of(
        [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x0, (y0 + y1) / 2)]
    )
    with opened(letter) as source:
        outcome = apply_edits(source, {1: [edit(1, FIRST, polygon=thin)]}, out, painter=never)
    assert outcome.removed["glyphs"] > 0


def test_images_are_painted_in_the_parent_and_blank_before(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (300, 200), (240, 240, 230))
    ImageDraw.Draw(image).text((40, 80), SECRET, fill=(0, 0, 0), font_size=24)
    path, out = tmp_path / "scan.png", tmp_path / "out.png"
    image.save(path)
    seen = []

    def painter(crops: Any, masks: Any) -> list[Any]:
        done = []
        for crop, mask in zip(crops, masks, strict=True):
            seen.append(int(crop[mask].max()))
            done.append(np.where(mask[..., None], np.uint8(240), crop))
        return done

    edits = {1: [edit(1, (30, 70, 240, 120))]}
    with opened(path) as source:
        outcome = apply_edits(source, edits, out, painter=painter, keep_gaps=True)
        assert not failed(check_output(out, source=source, edits=edits))
        assert {"pixels"} <= failed(check_output(path, source=source, edits=edits))
    assert outcome.painted == 1
    assert seen == [0]
