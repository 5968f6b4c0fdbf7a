"""A cache of translations on disk, for those who ask for it: it keeps texts of documents."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from docharmony import OutputError


def folder() -> Path:
    """Return the user's cache folder: DOCHARMONY_CACHE, XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get("DOCHARMONY_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "docharmony"


class Cache:
    """Translations by the hash of all that they depend on, in a file for its owner alone.

    Args:
        path: the file; made with its folder where missing.
        scope: what translations depend on besides their text: server, model, languages, prompt.
    """

    def __init__(self, path: Path, scope: Sequence[str]) -> None:
        self._scope = "\0".join(scope)
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with self._open() as database, database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS done (key BLOB PRIMARY KEY, text TEXT)"
                )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from None

    def get(self, texts: Sequence[str]) -> dict[str, str]:
        """Return the known translations by text."""
        try:
            with self._open() as database:
                rows = {
                    text: database.execute(
                        "SELECT text FROM done WHERE key = ?", (self._key(text),)
                    ).fetchone()
                    for text in texts
                }
        except sqlite3.Error as error:
            raise self._broken(error) from None
        return {text: row[0] for text, row in rows.items() if row}

    def put(self, found: Mapping[str, str]) -> None:
        """Keep translations by text."""
        try:
            with self._open() as database, database:
                database.executemany(
                    "INSERT OR REPLACE INTO done VALUES (?, ?)",
                    [(self._key(text), translated) for text, translated in found.items()],
                )
        except sqlite3.Error as error:
            raise self._broken(error) from None

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._path, timeout=30))

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._scope}\0{text}".encode()).digest()

    def _broken(self, error: Exception) -> OutputError:
        return OutputError(
            "cannot use the cache of translations",
            where=str(self._path),
            why=type(error).__name__,
            hint="Delete that file, or leave out translators.http.cache.",
        )
