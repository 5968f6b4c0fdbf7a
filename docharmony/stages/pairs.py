"""Pairs of an old text and a new one, as people write them: on a command line, in CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, UsageError


def parse_pair(text: str) -> tuple[str, str]:
    """Return the pair of ``OLD=NEW``.

    >>> parse_pair("old=new=er"), parse_pair("a\\\\=b=c")
    (('old', 'new=er'), ('a=b', 'c'))

    Raises:
        UsageError: there is no ``=``, or nothing before it.
    """
    parts = re.split(r"(?<!\\)=", text, maxsplit=1)
    old = parts[0].replace("\\=", "=").strip()
    if len(parts) != 2 or not old:
        raise UsageError(
            "cannot understand a pair",
            why="it is not OLD=NEW",
            hint="Write --map 'old text=new text'; a sign = inside OLD as \\=.",
        )
    return old, parts[1].strip()


def write_pair(old: str, new: str) -> str:
    """Return a pair as :func:`parse_pair` reads it."""
    return old.replace("=", "\\=") + "=" + new


def read_pairs(path: str) -> list[tuple[str, str]]:
    """Return the pairs of a CSV or JSON file.

    CSV: two columns, comma, semicolon or tab; a first row ``old,new`` is a heading. JSON: an object
    ``{"old": "new"}`` or a list of ``{"old": …, "new": …}``.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        pairs = _from_json(text) if path.lower().endswith(".json") else _from_csv(text)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise ConfigError(
            "cannot read the map file",
            where=path,
            why=getattr(error, "strerror", None) or "it holds no pairs of texts in UTF-8",
            hint='Write CSV with two columns, or JSON such as {"old": "new"}.',
        ) from None
    return pairs


def _from_json(text: str) -> list[tuple[str, str]]:
    data = json.loads(text)
    items: list[tuple[Any, Any]]
    if isinstance(data, Mapping):
        items = list(data.items())
    elif isinstance(data, list):
        items = [
            (item.get("old"), item.get("new")) if isinstance(item, Mapping) else item
            for item in data
        ]
    else:
        raise ValueError("no pairs")
    return [_pair(item) for item in items]


def _from_csv(text: str) -> list[tuple[str, str]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    if rows and [cell.strip().lower() for cell in rows[0]][:2] == ["old", "new"]:
        rows = rows[1:]
    return [_pair(row) for row in rows]


def _pair(item: Any) -> tuple[str, str]:
    old, new = item if isinstance(item, list | tuple) else ()
    if not isinstance(old, str) or not isinstance(new, str) or not old.strip():
        raise ValueError("no pair of texts")
    return old.strip(), new.strip()
