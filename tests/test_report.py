"""The HTML report: all that a person wants to know, and nothing of what was removed."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from docharmony import open as open_source
from docharmony import redact
from docharmony.report import to_html

from .test_redaction import pipeline

SECRETS = ("Jane", "Roe", "jane.roe", "example.org")


def pictures(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_tells_everything_but_the_secret(letter: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pdf"
    report = redact(letter, out, terms=["Jane Roe"], pii=["email"], pipeline=pipeline())
    with open_source(out) as output:
        page = to_html(report, output)
    assert report.input_sha256 in page
    assert report.output_sha256 in page
    for check in report.checks:
        assert check.name in page
    assert page.count("<figure>") == 6
    words = re.sub(r'src="[^"]+"', "", page)
    for secret in (*SECRETS, "letter.pdf", "paragraph that goes"):
        assert secret not in words
    # Self-contained: nothing is fetched from anywhere.
    assert not re.findall(r'(?:src|href|url\()=?["\']?(?!data:)\w+:', words)
    assert "http:" not in words
    assert "https:" not in words


def test_pictures_hold_nothing_of_the_input(letter: Path, tmp_path: Path) -> None:
    """What the pictures show between the hatches is a picture of the output, to the pixel."""
    out = tmp_path / "out.pdf"
    report = redact(letter, out, regions=["1:0,0,595,400"], pipeline=pipeline())
    with open_source(out) as output:
        before, after = pictures(to_html(report, output))
    with pymupdf.open(out) as document:
        pixmap = document[0].get_pixmap(dpi=90, colorspace=pymupdf.csRGB)
    drawn = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples).resize(after.size)
    assert np.abs(np.asarray(drawn).astype(int) - np.asarray(after.convert("RGB"))).mean() < 2
    half = after.height * 380 // 842
    assert np.asarray(after.convert("L"))[:half].min() > 240
    # Below the hatched field both are the same.
    low = [np.asarray(image.convert("L")).astype(int)[half + 32 :] for image in (before, after)]
    assert np.abs(low[0] - low[1]).max() < 12


def test_hatches_do_not_tell_the_width(tmp_path: Path) -> None:
    """Names of different width in one place give the same picture, up to the grid."""
    seen = []
    for name in ("Ill", "Ian"):
        path = tmp_path / f"{name}.pdf"
        with pymupdf.open() as document:
            document.new_page(width=300, height=200).insert_text(
                (30, 50), f"{name} Smith", fontsize=11
            )
            document.save(path)
        report = redact(path, tmp_path / "out.pdf", terms=[name], pipeline=pipeline())
        with open_source(tmp_path / "out.pdf") as output:
            before, _ = pictures(to_html(report, output))
        seen.append(np.asarray(before.convert("L"))[:, :48].tobytes())
    assert seen[0] == seen[1]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_reports_of_images(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (400, 200), "white").save(path, dpi=(100, 100))
    out = tmp_path / f"out.{suffix}"
    report = redact(path, out, regions=["1:10,10,100,50"], pipeline=pipeline())
    with open_source(out) as output:
        page = to_html(report, output)
    assert len(pictures(page)) == 2
