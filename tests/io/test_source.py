from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docharmony.errors import (
    BrokenError,
    ConfigError,
    EncryptedError,
    InputError,
    LimitExceededError,
    UnsupportedError,
)
from docharmony.io.base import Opening, Source
from docharmony.io.limits import MIB, Limits
from docharmony.io.source import builtin_reader, open_source, sniff
from docharmony.model import Page, PageFailure
from tests.resources import bad


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing may be left behind in the folder for temporary files."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "media_type", "pages"),
    [
        (bad.good_pdf(2), "application/pdf", 2),
        (b"junk from a mail gateway\r\n" + bad.good_pdf(), "application/pdf", 1),
        (bad.image("RGB", "PNG"), "image/png", 1),
        (bad.image("L", "JPEG"), "image/jpeg", 1),
        (bad.image("RGB", "WEBP"), "image/webp", 1),
        (bad.image("RGB", "BMP"), "image/bmp", 1),
        (bad.tiff_pages(3), "image/tiff", 3),
    ],
)
def test_the_content_tells_the_type(data: bytes, media_type: str, pages: int) -> None:
    with open_source(data, name="misleading.txt") as source:
        assert source.info.media_type == media_type
        assert source.info.page_count == pages
        assert source.info.sha256 == hashlib.sha256(data).hexdigest()


def test_a_pdf_with_the_name_of_a_png(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(bad.good_pdf())
    with open_source(path) as source:
        assert source.info.media_type == "application/pdf"
        assert source.info.name == "picture.png"
        assert source.page(1).lines[0].text == "Good page 1"


def test_a_file_is_used_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "here.pdf"
    data = bad.good_pdf()
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    with open_source("here.pdf") as source:
        monkeypatch.chdir("/")
        assert source.path == path
        assert source.page(1).number == 1
    assert path.read_bytes() == data


@pytest.mark.parametrize("as_stream", [False, True])
def test_bytes_and_streams_get_a_private_copy(as_stream: bool) -> None:
    data = bad.good_pdf()
    with open_source(io.BytesIO(data) if as_stream else data, name="stdin") as source:
        assert source.path.read_bytes() == data
        assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(source.path.parent.stat().st_mode) == 0o700
        assert source.info.name == "stdin"
        assert isinstance(source.page(1), Page)
    assert not source.path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_given_by_name_is_copied(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(pipe)], stdin=subprocess.PIPE
    ) as feed:
        assert feed.stdin is not None
        feed.stdin.write(bad.good_pdf())
        feed.stdin.close()
        with open_source(pipe) as source:
            assert source.info.page_count == 1


_WRITER = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"


def test_a_copy_goes_away_even_when_nobody_closes(temp: Path) -> None:
    source = open_source(bad.good_pdf())
    assert len(list(temp.iterdir())) == 1
    del source


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_fork_takes_nothing_away_from_its_parent() -> None:
    script = (
        "import os, sys\n"
        "from docharmony.io.source import open_source\n"
        "source = open_source(sys.stdin.buffer, name='stdin')\n"
        "if os.fork() == 0:\n"
        "    source.close()\n"
        "    del source\n"
        "    sys.exit()\n"
        "os.wait()\n"
        "assert source.path.exists()\n"
        "print(source.page(1).lines[0].text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=Path(__file__).parents[2],
        input=bad.good_pdf(),
        capture_output=True,
        check=False,
        env={**os.environ, "TMPDIR": tempfile.gettempdir()},
    )
    assert (done.stdout, done.stderr) == (b"Good page 1\n", b"")


def fails(kind: type[InputError], why: str, data: object, **options: object) -> None:
    """Check the error, and that it is one clear line with a hint."""
    with pytest.raises(kind, match=why) as caught:
        open_source(data, **options)  # type: ignore[arg-type]
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert caught.value.hint.endswith(".")


def test_empty() -> None:
    fails(BrokenError, r"\(a.pdf\): it is empty", b"", name="a.pdf")


def test_not_a_pdf() -> None:
    fails(UnsupportedError, "none of PDF, PNG", b"Dear Sir or Madam")
    fails(UnsupportedError, "none of PDF, PNG", b"PK\x03\x04 a zip")


def test_a_missing_file(tmp_path: Path) -> None:
    fails(InputError, "no such file", tmp_path / "missing.pdf")


def test_a_bad_name() -> None:
    fails(InputError, "bad name", "nul\0byte.pdf")


def test_a_folder(tmp_path: Path) -> None:
    fails(UnsupportedError, "it is a folder", tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    path.write_bytes(bad.good_pdf())
    path.chmod(0)
    fails(InputError, "permission denied", path)


def test_a_pdf_with_no_pages() -> None:
    fails(BrokenError, "it has no pages", bad.no_pages())


def test_a_header_and_nothing_else() -> None:
    fails(BrokenError, "damaged beyond repair|no pages", b"%PDF-1.7\n" + bytes(2000))


def test_truncated_before_the_first_page() -> None:
    fails(BrokenError, "damaged beyond repair|no pages", bad.good_pdf(3)[:60])


def test_truncated_later_is_read_as_far_as_it_goes(caplog: pytest.LogCaptureFixture) -> None:
    data = bad.raw_pdf()
    with open_source(data[: data.index(b"xref")], name="cut.pdf") as source:
        assert source.page(1).lines[0].text == "Hello"
    assert "cut.pdf is damaged" in caplog.text


def test_encrypted_without_a_password() -> None:
    fails(EncryptedError, "needs a password", bad.encrypted())


def test_encrypted_with_a_wrong_password() -> None:
    fails(EncryptedError, "password is wrong", bad.encrypted(), password="guess")


def test_encrypted_with_the_password() -> None:
    for password in ("open", "owner"):
        with open_source(bad.encrypted(), password=password) as source:
            assert source.page(1).lines[0].text == "Good page 1"
            assert source.password == password


def test_encrypted_for_the_owner_only() -> None:
    with open_source(bad.encrypted(user="")) as source:
        assert source.page(1).lines[0].text == "Good page 1"


def test_the_size_of_the_file_is_limited() -> None:
    limits = Limits(max_file_bytes=500)
    fails(LimitExceededError, "more than 0 MiB", bad.good_pdf(), limits=limits)
    fails(LimitExceededError, "more than 0 MiB", io.BytesIO(bad.good_pdf()), limits=limits)


def test_the_number_of_pages_is_limited() -> None:
    fails(LimitExceededError, "3 pages", bad.good_pdf(3), limits=Limits(max_pages=2))
    fails(LimitExceededError, "3 pages", bad.tiff_pages(3), limits=Limits(max_pages=2))


def test_a_limit_that_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="above zero"):
        Limits(timeout_s=0)
    with pytest.raises(ConfigError, match="too low"):
        Limits(max_memory=16 * MIB)


def test_the_least_memory_is_enough_for_small_files() -> None:
    limits = Limits(max_memory=256 * MIB)
    for data in (bad.good_pdf(), bad.image()):
        with open_source(data, limits=limits) as source:
            assert source.raster(1, 50).shape[2] == 3


def test_an_image_bomb_is_refused_by_its_header() -> None:
    fails(LimitExceededError, "50000 x 50000 pixels", bad.png_header(50_000, 50_000))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bad.png_header(0, 10), "no pixels|header"),
        (bad.image("RGB", "JPEG")[:20], "header"),
        (b"II*\0" + bytes(50), "header|no pixels"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(40), "header|no pixels"),
    ],
)
def test_images_that_are_none(data: bytes, why: str) -> None:
    fails(BrokenError, why, data)


def test_plugins_read_other_types() -> None:
    class Notes(Source):
        def __init__(self, opening: Opening) -> None:
            super().__init__(opening, 1)

        def page(self, number: int) -> Page:
            if number == 2:
                raise BrokenError("cannot read the page", where="page 2", why="torn")
            return Page(number, 10, 10)

        def raster(self, number: int, dpi: int | None = None) -> object:
            raise NotImplementedError

    def readers(media_type: str) -> object:
        return Notes if media_type == "text/plain" else builtin_reader(media_type)

    with open_source(b"a note", name="a.txt", readers=readers) as source:  # type: ignore[arg-type]
        assert source.info.media_type == "text/plain"
        pages = list(source.pages([1, 2]))
        assert isinstance(pages[0], Page)
        assert pages[1] == PageFailure(2, "read", "cannot read the page (page 2): torn")
        assert source.glyphs(1) == ()
        with pytest.raises(InputError, match="no such page"):
            source.graphics(5)
    fails(UnsupportedError, "none of PDF", b"not a png", name="a.png", readers=readers)


def test_sniff_knows_a_bitmap_from_a_text_that_begins_alike() -> None:
    assert sniff(b"BMW is a maker of cars and of motorcycles") is None
    assert sniff(bad.image("L", "BMP")) == "image/bmp"


def test_opening_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from docharmony.io.source import open_source\n"
        "heavy = {'numpy', 'pymupdf', 'PIL', 'scipy', 'pikepdf'}\n"
        "with open_source(sys.argv[1]) as source:\n"
        "    list(source.pages())\n"
        "    source.graphics(1), source.glyphs(1)\n"
        "    assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "    source.raster(1, 30)\n"
        "    assert heavy & set(sys.modules) == {'numpy'}\n"
    )
    root = Path(__file__).parents[2]
    report = root / "tests" / "resources" / "demo" / "report.pdf"
    done = subprocess.run(
        [sys.executable, "-c", script, str(report)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("data", [None, 5, bytearray(b"%PDF-")])
def test_what_is_no_input_at_all(data: Any) -> None:
    with pytest.raises(TypeError, match="a path, bytes or a binary stream"):
        open_source(data)
