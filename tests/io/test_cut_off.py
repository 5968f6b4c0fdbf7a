"""Files whose end is missing are told from those that lost no more than their table of objects."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pymupdf
import pytest

from docharmony import Pipeline, RunConfig, redact
from docharmony.errors import BrokenError
from docharmony.io.cut_off import is_cut_off
from docharmony.io.verify import verify_pdf

SECRET = "Tremaine"


def written(tmp_path: Path, *, streams: bool = False) -> bytes:
    path = tmp_path / "whole.pdf"
    with pymupdf.open() as document:
        for number in range(3):
            document.new_page().insert_text((72, 100), f"page {number}: Alice {SECRET}")
        document.save(path)
    if streams:
        with pikepdf.open(path, allow_overwriting_input=True) as pdf:
            pdf.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.4, 0.6, 0.75])
def test_nothing_is_removed_from_a_part_of_a_file(tmp_path: Path, share: float) -> None:
    data = written(tmp_path)
    path, out = tmp_path / "part.pdf", tmp_path / "out.pdf"
    path.write_bytes(data[: int(share * data.rfind(b"xref\n0"))])
    assert is_cut_off(path)
    with pytest.raises(BrokenError, match=r"cut off|beyond repair"):
        redact(path, out, terms=[SECRET], pipeline=Pipeline(RunConfig()))
    assert not out.exists()
    with pytest.raises(BrokenError):
        verify_pdf(path, terms=[SECRET])


def test_a_file_without_its_table_is_whole(tmp_path: Path) -> None:
    data = written(tmp_path)
    path, out = tmp_path / "part.pdf", tmp_path / "out.pdf"
    path.write_bytes(data[: data.rfind(b"startxref")])
    assert not is_cut_off(path)
    report = redact(path, out, terms=[SECRET], pipeline=Pipeline(RunConfig()))
    assert report.count == 3


def test_what_streams_of_objects_held_is_not_known(tmp_path: Path) -> None:
    data = written(tmp_path, streams=True)
    path = tmp_path / "part.pdf"
    path.write_bytes(data)
    assert not is_cut_off(path)
    path.write_bytes(data[:-30])
    assert is_cut_off(path)
