"""``docharmony verify`` from outside: exit codes, formats, and no secret unless asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pymupdf
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.io.write.drawn import CASES, SECRET, line, new, saved


def verify(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docharmony", "verify", *map(str, args)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DOCHARMONY_PLUGINS": ""},
    )


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    path = tmp_path / "clean.pdf"
    path.write_bytes(saved(new(line(text="ordinary"))))
    return path


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    path = tmp_path / "leaking.pdf"
    path.write_bytes(CASES["below_a_rectangle"]().data)
    return path


def test_a_clean_file(clean: Path) -> None:
    done = verify(clean, "-f", "json")
    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert data["schema"] == 1
    assert data["source"]["media_type"] == "application/pdf"
    assert data["findings"] == []
    assert "nothing found" in verify(clean).stdout


def test_a_bad_redaction(leaking: Path) -> None:
    done = verify(leaking, "-f", "json")
    assert done.returncode == 10
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["kind"] == "bad_redaction"
    assert finding["page"] == 1
    assert len(finding["bbox"]) == 4
    assert "Zebulon" not in done.stdout + done.stderr
    shown = verify(leaking, "--show-text")
    assert shown.returncode == 10
    assert "ZebulonQuark" in shown.stdout


def test_terms_and_several_files(clean: Path, leaking: Path, tmp_path: Path) -> None:
    assert verify(clean, "--term", "ordinary").returncode == 10
    terms = tmp_path / "terms.txt"
    terms.write_text(f"nobody\n\n{SECRET}\n")
    assert verify(clean, "--terms-file", terms).returncode == 0
    done = verify(clean, leaking, "--terms-file", terms, "-f", "json", "-o", tmp_path / "found/")
    assert done.returncode == 10
    kinds = {
        path.stem: [f["kind"] for f in json.loads(path.read_text())["findings"]]
        for path in (tmp_path / "found").iterdir()
    }
    assert kinds["clean"] == []
    assert set(kinds["leaking"]) == {"bad_redaction", "term"}


def test_strict_counts_every_finding(tmp_path: Path) -> None:
    path = tmp_path / "white.pdf"
    path.write_bytes(CASES["white_on_white"]().data)
    assert verify(path).returncode == 0
    assert verify(path, "--strict").returncode == 10


@pytest.fixture(scope="module")
def shot() -> Image.Image:
    page = pymupdf.open().new_page(width=300, height=120)
    page.insert_text((20, 60), "Received from Jane Roe today", fontsize=14)
    picture = page.get_pixmap(dpi=150)
    return Image.frombytes("RGB", (picture.width, picture.height), picture.samples)


def test_terms_are_read_from_pixels(tmp_path: Path, shot: Image.Image) -> None:
    for name in ("scan.pdf", "scan.png"):
        shot.copy().save(tmp_path / name, resolution=150)
        told = verify(tmp_path / name, "--term", "Jane Roe", "-f", "json")
        assert told.returncode == 10
        (found,) = (f for f in json.loads(told.stdout)["findings"] if f["kind"] == "term")
        assert (found["page"], found["where"], found["text"]) == (1, "seen on the page", "")
        assert found["bbox"][2] > found["bbox"][0]
        assert verify(tmp_path / name, "--term", "John Doe").returncode == 0


def test_terms_are_sought_in_what_an_image_carries(tmp_path: Path, shot: Image.Image) -> None:
    blank = Image.new("RGB", (40, 40), "white")
    exif = Image.Exif()
    exif[0x010E] = "taken by Jane Roe"
    texts = PngInfo()
    texts.add_itxt("Comment", "for Jane Roe", zip=True)
    blank.save(tmp_path / "a.jpg", exif=exif)
    blank.save(tmp_path / "b.png", pnginfo=texts)
    blank.save(tmp_path / "c.tif", save_all=True, append_images=[shot.copy()])
    for name, where in [("a.jpg", "exif"), ("b.png", "Comment"), ("c.tif", "seen on the page")]:
        told = verify(tmp_path / name, "--term", "Jane Roe", "-f", "json")
        assert told.returncode == 10, name
        findings = json.loads(told.stdout)["findings"]
        assert where in {f["where"] for f in findings if f["kind"] == "term"}
        assert verify(tmp_path / name, "--term", "John Doe").returncode == 0
        # What it carries is told in any case.
        assert verify(tmp_path / name, "--strict").returncode == (0 if name == "c.tif" else 10)


def test_what_cannot_be_audited(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Jane Roe")
    done = verify(text)
    assert done.returncode == 3
    assert done.stdout == ""
    assert verify(text, "--terms-file", tmp_path / "none").returncode == 2
