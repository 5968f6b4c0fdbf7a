"""Outputs are whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docharmony import OutputError
from docharmony.io.output import atomic, reachable, release


def test_a_finished_block_writes_with_usual_permissions(tmp_path: Path) -> None:
    with atomic(tmp_path / "a") as stream:
        stream.write(b"x")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"x"
    plain = tmp_path / "b"
    plain.write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


def test_a_mode_can_be_asked_for(tmp_path: Path) -> None:
    with atomic(tmp_path / "a", mode=0o600) as stream:
        stream.write(b"secret")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_block_leaves_things_as_they_were(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with pytest.raises(error), atomic(target) as stream:
        stream.write(b"new")
        raise error
    assert os.listdir(tmp_path) == ["a"]
    assert target.read_bytes() == b"old"


def test_a_missing_folder_and_a_full_disk_are_output_errors(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), atomic(tmp_path / "no" / "a"):
        pass
    with pytest.raises(OutputError, match="No space left"), atomic(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_the_target_can_be_a_folder_by_mistake(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError), atomic(tmp_path / "a") as stream:
        stream.write(b"x")
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no such device here")
def test_a_device_is_written_to_and_not_replaced() -> None:
    with atomic(Path("/dev/null")) as stream:
        stream.write(b"x" * 9)
    with pytest.raises(OutputError), atomic(Path("/dev/full")) as stream:
        stream.write(b"x" * 9)
    assert Path("/dev/null").is_char_device()
    assert Path("/dev/full").is_char_device()


def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    reachable(tmp_path / "a", Path("/dev/null"))
    for path, why in ((tmp_path / "no" / "a", "No such file"), (tmp_path / "folder", "directory")):
        with pytest.raises(OutputError, match=why):
            reachable(tmp_path / "a", path)
    assert os.listdir(tmp_path) == ["folder"]


def test_an_output_and_what_belongs_to_it_are_written_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, out, report = (tmp_path / name for name in ("draft", "out", "report"))
    draft.write_bytes(b"new")
    out.write_bytes(b"old")
    replace = os.replace

    def stuck(source: Path, target: Path) -> None:
        if target == report:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", stuck)
    with pytest.raises(OutputError, match="No space left"):
        release(draft, out, {report: b"done"})
    assert out.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["draft", "out"]
    monkeypatch.setattr(os, "replace", replace)
    release(draft, out, {report: b"done"})
    assert (out.read_bytes(), report.read_bytes()) == (b"new", b"done")
