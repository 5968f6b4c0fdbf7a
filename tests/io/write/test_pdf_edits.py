"""Text, drawings and annotations under edits are gone for good; all else stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pymupdf
import pypdfium2
import pytest

from docharmony.io import verify_child
from docharmony.io.moves import Move
from docharmony.io.write import pdf as writer
from tests.io.write.drawn import CASES, SECRET, Drawn


def erase(tmp_path: Path, drawn: Drawn, fill: str = "erase", **changes: Any) -> Path:
    """Apply the areas of a drawn PDF with a painter that fills with the median of the crop."""
    source, blank, out = tmp_path / "in.pdf", tmp_path / "blank.pdf", tmp_path / "out.pdf"
    source.write_bytes(drawn.data)
    secret = drawn.notes.get("secret", SECRET)
    edits = {
        str(page): [
            {"polygon": polygon, "rule": "term", "original": secret} for polygon in polygons
        ]
        for page, polygons in drawn.areas.items()
    }
    options: dict[str, Any] = {"profile": "minimal", "policies": {}, "terms": []}
    options |= {"whole_words": False} | changes
    value, blobs = writer.erase(
        [],
        path=str(source),
        password=drawn.password,
        edits=edits,
        fill=fill,
        out=str(blank),
        **options,
    )
    (tmp_path / "moves.json").write_text(json.dumps(value["moves"]))
    filled: list[bytes] = []
    for index, (height, width) in enumerate(value["crops"]):
        crop = np.frombuffer(blobs[2 * index], np.uint8).reshape(height, width, 3).copy()
        mask = np.frombuffer(blobs[2 * index + 1], np.uint8).reshape(height, width).astype(bool)
        assert not crop[mask].any(), "a crop must be blank before it is painted"
        crop[mask] = np.median(crop[~mask], axis=0)
        filled += [crop.tobytes(), bytes(blobs[2 * index + 1])]
    if not value["crops"]:
        blank.rename(out)
    else:
        writer.finish(
            filled, path=str(blank), password=drawn.password, crops=value["crops"], out=str(out)
        )
    return out


def moves_of(tmp_path: Path, number: int) -> list[dict[str, Any]]:
    """Return the lines that :func:`erase` set anew on a page."""
    moves: list[dict[str, Any]] = json.loads((tmp_path / "moves.json").read_text()).get(
        str(number), []
    )
    return moves


def lines_of(tmp_path: Path, number: int) -> list[Any]:
    """Return the areas of the page in which text was moved."""
    return [Move.from_json(move).area.grow(2.0).polygon() for move in moves_of(tmp_path, number)]


def text_of(path: Path, password: str | None) -> tuple[str, str]:
    """Return all text by MuPDF and by PDFium, white space removed."""
    document = pymupdf.open(path)
    if password:
        document.authenticate(password)
    first = "".join(page.get_text(clip=pymupdf.INFINITE_RECT()) for page in document)
    other = pypdfium2.PdfDocument(path, password=password)
    second = "".join(page.get_textpage().get_text_range() for page in other)
    return "".join(first.split()), "".join(second.split())


def streams_of(path: Path, password: str | None) -> bytes:
    """Return every decoded stream and every string of a file."""
    with pikepdf.open(path, password=password or "") as pdf:
        parts = [path.read_bytes()]
        for item in pdf.objects:
            parts.append(item.unparse(resolved=True))
            if isinstance(item, pikepdf.Stream):
                parts.append(item.read_raw_bytes())
                if item.get("/Subtype") != "/Image":
                    parts.append(item.read_bytes())
    return b"\n".join(parts)


def pictures(path: Path, password: str | None = None) -> list[np.ndarray[Any, Any]]:
    document = pymupdf.open(path)
    if password:
        document.authenticate(password)
    result = []
    for page in document:
        pixmap = page.get_pixmap(dpi=144)
        flat = np.frombuffer(pixmap.samples, np.uint8)
        result.append(flat.reshape(pixmap.height, pixmap.width, 3))
    return result


def outside(
    shape: tuple[int, ...], polygons: list[Any], scale: float = 2.0, margin: int = 2
) -> np.ndarray[Any, Any]:
    """Return where a page must not change: True away from the polygons by more than the margin."""
    mask = np.ones(shape[:2], bool)
    for polygon in polygons:
        xs, ys = [p[0] * scale for p in polygon], [p[1] * scale for p in polygon]
        mask[
            max(0, int(min(ys)) - margin) : int(max(ys)) + margin + 1,
            max(0, int(min(xs)) - margin) : int(max(xs)) + margin + 1,
        ] = False
    return mask


@pytest.mark.parametrize("keep_gaps", [True, False], ids=["gaps", "moved"])
@pytest.mark.parametrize("name", CASES)
def test_removed_for_good_and_nothing_else(name: str, keep_gaps: bool, tmp_path: Path) -> None:
    drawn = CASES[name]()
    secret = drawn.notes.get("secret", SECRET)
    out = erase(tmp_path, drawn, keep_gaps=keep_gaps)
    for text in text_of(out, drawn.password):
        assert "".join(secret.split()) not in text
        for part in secret.split():
            assert part not in text
    kept = text_of(out, drawn.password)
    for survivor in drawn.survivors:
        assert any("".join(survivor.split()) in text for text in kept), survivor
    data = streams_of(out, drawn.password)
    for form in (secret.encode("utf-8"), secret.encode("utf-16-be"), secret.encode("utf-16-le")):
        assert form not in data
        assert form.hex().encode() not in data.lower()
    before, after = pictures(tmp_path / "in.pdf", drawn.password), pictures(out, drawn.password)
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        assert old.shape == new.shape
        if drawn.exact:
            mask = outside(old.shape, [*drawn.areas.get(number, []), *lines_of(tmp_path, number)])
            assert not (old != new).any(axis=2)[mask].any()


@pytest.mark.parametrize("name", CASES)
def test_the_check_agrees(name: str, tmp_path: Path) -> None:
    drawn = CASES[name]()
    secret = drawn.notes.get("secret", SECRET)
    out = erase(tmp_path, drawn)
    source = tmp_path / "in.pdf"
    failed = []
    for path in (out, source):
        checks, _ = verify_child.check_document(
            [],
            path=str(path),
            password=drawn.password,
            source=str(source),
            needles=[secret],
            terms=[],
            whole_words=False,
        )
        for number, polygons in drawn.areas.items():
            checks += verify_child.check_page(
                [],
                path=str(path),
                password=drawn.password,
                source=str(source),
                number=number,
                polygons=polygons,
                labels=[],
                allowed=[],
                needles=[secret],
                terms=[],
                whole_words=False,
                fill="erase",
                moves=moves_of(tmp_path, number),
            )[0]
        failed.append([check for check in checks if not check[1]])
    assert not failed[0]
    assert failed[1], "the untouched file must not pass"
