"""Let bookmarks of a PDF say what the places that they are named after say now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import pikepdf

# Bookmarks of one document at most.
_MOST = 100_000
# Numbers of chapters, which may stand before a title on the page or in its bookmark alone.
_NUMBERING = re.compile(r"^[\W\d_]*")
# The rule of edits that are pairs of texts; of others, whole titles count.
_PAIRS = "map"


def rename(pdf: pikepdf.Pdf, edits: Sequence[Mapping[str, Any]]) -> None:
    """Give bookmarks the new texts of edits.

    A bookmark named as a text that was set anew takes the new one; where single words were replaced,
    those are replaced in bookmarks too, whatever else stands there.

    Args:
        pdf: to change.
        edits: those that were set, with ``original``, ``replacement`` and ``rule``.
    """
    whole: dict[str, str] = {}
    words: dict[str, str] = {}
    for edit in edits:
        old, new = _plain(str(edit["original"])), _plain(str(edit["replacement"]))
        if not old or not new:
            continue
        for cut in (False, True):
            whole.setdefault(_bare(old) if cut else old, _bare(new) if cut else new)
        if edit.get("rule") == _PAIRS:
            for before, after in _changed(old, new):
                words.setdefault(before, after)
    longest = sorted(words, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in longest))
    for item in _items(pdf):
        title = _plain(str(item.get("/Title", "")))
        bare = _bare(title)
        new = title
        if title in whole:
            new = whole[title]
        elif bare in whole:
            new = title.removesuffix(bare) + whole[bare]
        elif words:
            new = pattern.sub(lambda match: words[match[0]], title)
        if new != title:
            item["/Title"] = pikepdf.String(new)


def _items(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Yield the bookmarks of a document, each once, whatever circles they form."""
    root = pdf.Root.get("/Outlines")
    waiting = [root.get("/First")] if isinstance(root, pikepdf.Dictionary) else []
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) < _MOST:
        item = waiting.pop()
        if not isinstance(item, pikepdf.Dictionary) or item.objgen in seen:
            continue
        seen.add(item.objgen)
        yield item
        waiting += [item.get("/Next"), item.get("/First")]


def _changed(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield the words of a text that others stand for in another one."""
    before, after = old.split(), new.split()
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "replace":
            yield " ".join(before[a:b]).strip(".,;:!?"), " ".join(after[c:d]).strip(".,;:!?")


def _plain(text: str) -> str:
    return " ".join(text.split())


def _bare(text: str) -> str:
    return _NUMBERING.sub("", text) or text
