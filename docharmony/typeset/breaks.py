"""Where lines may end: between words, behind hyphens, and in scripts that write no spaces.

Ideographs and kana may stand at either end of a line but for their punctuation. Thai is cut into words
by BudouX, a small model; Lao, Khmer and Burmese, of which it knows nothing, between letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, pairwise

from .shape import clusters

Piece = tuple[int, int]
"""First character, and the one after the last."""

_NO_START = frozenset(
    "!%),.:;?]}¢°·ˇˉ―‖’”…‰′″›℃∶、。〃〉》」』】〕〗〞︶︺︾﹀﹄﹚﹜﹞！＂％＇），．：；？］｀｜｝～ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶー々ゝゞヽヾ"
    # Vowels that follow their consonant, and marks of repetition and abbreviation: Thai and Lao.
    "ะาำๅๆฯະາຳໆຯ"
)
_NO_END = frozenset(
    "$([{£¥‘“〈《「『【〔〖〝﹙﹛﹝＄（．［｛￡￥"
    # Vowels that are written before their consonant.
    "เแโใไເແໂໃໄ"
)
_THAI = re.compile("[ก-๛]+")


def pieces_of(text: str) -> list[Piece]:
    """Return a paragraph cut where a line may end; spaces stay at the end of pieces."""
    pieces: list[Piece] = []
    for match in re.finditer("[^ ]+ *", text):
        at = match.start()
        for piece in _cut_word(match[0]):
            pieces.append((at, at + len(piece)))
            at += len(piece)
    return pieces


def is_wide(character: str) -> bool:
    """Return whether it is an ideograph, kana or a sign as wide, between which a line may be stretched.

    >>> is_wide("中"), is_wide("한"), is_wide("a")
    (True, False, False)
    """
    return (
        unicodedata.east_asian_width(character) in ("W", "F")
        and not 0xAC00 <= ord(character) <= 0xD7A3
    )


def _cut_word(word: str) -> Iterator[str]:
    """Yield the parts of a word between which a line may end."""
    start = 0
    parts = list(clusters(word))
    thai = _thai_ends(word)
    for (_, end), (_, after) in pairwise(parts):
        before, behind = word[end - 1], word[end:after]
        if behind[0].isspace() or before.isspace():
            continue
        hyphen = before in "-‐–/" and end >= 3 and behind[0].isalpha() and word[end - 2].isalpha()
        dense = (_dense(before) or _dense(behind[0])) and not (
            behind[0] in _NO_START or before in _NO_END
        )
        if _is_thai(before) and _is_thai(behind[0]):
            dense = dense and end in thai
        if hyphen or dense:
            yield word[start:end]
            start = end
    yield word[start:]


def _dense(character: str) -> bool:
    """Return whether lines may end beside it: ideographs, kana, and scripts that write no spaces."""
    point = ord(character)
    return (
        is_wide(character)
        or 0x0E00 <= point <= 0x0EFF
        or 0x1000 <= point <= 0x109F
        or 0x1780 <= point <= 0x17FF
    )


def _is_thai(character: str) -> bool:
    return 0x0E01 <= ord(character) <= 0x0E5B


def _thai_ends(word: str) -> frozenset[int]:
    """Return where Thai words end within a text without spaces.

    >>> sorted(_thai_ends("ลูกค้าทุกท่าน"))
    [6, 9]
    """
    ends: set[int] = set()
    for run in _THAI.finditer(word):
        # A consonant alone is no word: it ends the one before.
        words: list[str] = []
        for part in _thai_words(run[0]):
            if words and sum(unicodedata.category(c) == "Lo" for c in part) < 2 and len(part) < 2:
                words[-1] += part
            else:
                words.append(part)
        ends |= {run.start() + end for end in list(accumulate(map(len, words)))[:-1]}
    return frozenset(ends)


@cache
def _thai_words(text: str) -> tuple[str, ...]:
    return tuple(_thai_parser().parse(text))


@cache
def _thai_parser():  # type: ignore[no-untyped-def]
    import budoux

    return budoux.load_default_thai_parser()
