"""Debian packages as sources: installed ones, or .deb files unpacked for the time being."""

from __future__ import annotations

import gzip
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docharmony import InputError

_INFO = Path("var/lib/dpkg/info")
_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """A package and the files of it that training can use.

    Attributes:
        name, version: as Debian writes them.
        files: absolute paths.
        copyright: Debian's copyright file; empty when there is none.
    """

    name: str
    version: str
    files: tuple[Path, ...]
    copyright: str

    @property
    def licences(self) -> tuple[str, ...]:
        """Short names from a machine-readable copyright file; empty where it is prose."""
        return tuple(sorted({name.strip() for name in _LICENCE.findall(self.copyright)}))


def kind(path: Path) -> str:
    """Return ``font``, ``text``, ``words``, ``pdf``, ``photo`` or ``""`` for a file of a package.

    >>> kind(Path("/usr/share/man/de/man1/ls.1.gz")), kind(Path("/usr/bin/ls"))
    ('text', '')
    """
    text, suffix = str(path).lower(), path.suffix.lower()
    if suffix in (".ttf", ".otf"):
        return "font"
    if text.endswith((".pdf", ".pdf.gz")):
        return "pdf"
    if "/share/man/" in text and suffix == ".gz":
        return "text"
    if "/share/hunspell/" in text and suffix == ".dic":
        return "words"
    if "/share/backgrounds/" in text and suffix in (".jpg", ".jpeg", ".png", ".webp"):
        return "photo"
    return ""


@contextmanager
def open_packages(debs: Path | None) -> Iterator[Iterator[Package]]:
    """Yield the packages one by one; what was unpacked is gone afterwards.

    Args:
        debs: a folder of .deb files; None takes what is installed.

    Raises:
        InputError: the folder holds no .deb file.
    """
    if debs is None:
        yield _installed(Path("/"))
        return
    archives = sorted(debs.glob("*.deb"))
    if not archives:
        raise InputError("no .deb files", where=str(debs), hint="Try: apt-get download NAME")
    with tempfile.TemporaryDirectory() as folder:
        yield _unpacked(archives, Path(folder))


def read(path: Path) -> bytes:
    """Return the bytes of a file, unzipped."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _installed(root: Path) -> Iterator[Package]:
    """Yield installed packages with anything to use; manual pages only of packages made of them."""
    for listing in sorted((root / _INFO).glob("*.list")):
        name = listing.stem.split(":")[0]
        paths = (Path(line) for line in listing.read_text(encoding="utf-8").splitlines())
        files = tuple(path for path in paths if _wanted(name, path) and path.is_file())
        if files:
            yield Package(name, _version(name), files, _copyright(root, name))


def _unpacked(archives: list[Path], folder: Path) -> Iterator[Package]:
    for number, archive in enumerate(archives):
        root = folder / str(number)
        subprocess.run(["dpkg-deb", "-x", str(archive), str(root)], check=True)
        name, version = archive.stem.split("_")[:2]
        files = tuple(
            path for path in sorted(root.rglob("*")) if path.is_file() and _wanted(name, path)
        )
        if files:
            yield Package(name, version.replace("%3a", ":"), files, _copyright(root, name))
        subprocess.run(["rm", "-rf", str(root)], check=True)


def _wanted(package: str, path: Path) -> bool:
    found = kind(path)
    if path.is_symlink() or not found:
        return False
    if found == "pdf":
        return not package.startswith("fonts-")  # specimens: tables of single glyphs
    return found != "text" or package.startswith("manpages")


def _version(name: str) -> str:
    command = ["dpkg-query", "-W", "-f", "${Version}", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _copyright(root: Path, name: str) -> str:
    path = root / "usr" / "share" / "doc" / name / "copyright"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
