"""Shaping: from the characters of one line to placed glyphs, by HarfBuzz and the bidi algorithm.

All lengths are in em. Lines come with their runs in visual order, from left to right (from top to
bottom for vertical text).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from .faces import Chain, Face

# Invisible characters that only steer what the bidi algorithm does; typeset text does not need them.
_STEERING = dict.fromkeys(
    map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)


# How far the baseline lies below the top of a letter in vertical text, in em: what is usual, and what
# faces may say. Droid Sans Fallback's table of vertical metrics says 1.6.
TOP, _LEAST_TOP, _MOST_TOP = 0.88, 0.7, 1.1


class Glyph(NamedTuple):
    """A glyph of a face with the place of its origin.

    Attributes:
        number: in the face.
        x: along the line (to the right) from the line's start.
        y: above the baseline.
        advance: how far the line goes on.
        start: first character of the line that it stands for.
        end: after the last one; equal to ``start`` for all but the first glyph of a cluster.
    """

    number: int
    x: float
    y: float
    advance: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """Glyphs of one face and direction.

    Attributes:
        face: of the glyphs.
        glyphs: in visual order.
        rtl: whether they are read from right to left.
        look: which of the looks that were given; None for the rest of the line.
        scale: their size as a share of the line's.
        turned: whether they lie on their side in a vertical line, as Latin letters do.
    """

    face: Face
    glyphs: tuple[Glyph, ...]
    rtl: bool
    look: int | None = None
    scale: float = 1.0
    turned: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """Characters ``start:end`` of a line that are set in other faces or in another size."""

    start: int
    end: int
    number: int
    chain: Chain
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ShapedLine:
    """A line, shaped.

    Attributes:
        text: its characters, in the order in which they are read.
        runs: in visual order.
        width: advance of the whole line (height for vertical text).
        missing: characters that no face has.
    """

    text: str
    runs: tuple[Run, ...]
    width: float
    missing: str = ""


def is_rtl(text: str) -> bool:
    """Return whether the first strong character runs from right to left.

    >>> is_rtl("\\u05e9\\u05dc\\u05d5\\u05dd"), is_rtl("12 abc")
    (True, False)
    """
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


def shape(
    text: str,
    chain: Chain,
    *,
    direction: str = "",
    language: str = "",
    kerning: bool = True,
    looks: Sequence[Look] = (),
) -> ShapedLine:
    """Return one line of text as glyphs.

    Args:
        text: without line ends.
        chain: faces, the best first.
        direction: ``"ltr"``, ``"rtl"``, ``"ttb"`` or ``""`` (by the text).
        language: BCP 47, for scripts that are shaped by it.
        kerning: whether pairs are kerned.
        looks: parts that are set otherwise; only for texts without steering characters.
    """
    text = text.translate(_STEERING)
    vertical = direction == "ttb"
    base = int(direction == "rtl" or (not direction and is_rtl(text)))
    levels = (0,) * len(text) if vertical else _levels(text, base)
    pieces = [
        (*piece, levels[piece[0]])
        for piece in _itemized(text, chain, levels, looks)
        if piece[0] < piece[1]
    ]
    if vertical:
        pieces = [
            (start, end, *piece[2:])
            for piece in pieces
            for start, end in _ways(text, piece[0], piece[1])
        ]
    runs: list[Run] = []
    missing: list[str] = []
    pen = 0.0
    for start, end, face, number, level in _visual(pieces):
        if face is None:
            missing += [c for c in text[start:end] if not c.isspace()]
            face = chain.first
        turned = vertical and not stands(text[start])
        way = "ttb" if vertical and not turned else ("rtl" if level % 2 else "ltr")
        scale = next((look.scale for look in looks if look.number == number), 1.0)
        glyphs, pen = _shaped(text, start, end, face, way, language, pen, kerning, scale)
        runs.append(Run(face, tuple(glyphs), bool(level % 2), number, scale, turned))
    return ShapedLine(text, tuple(runs), pen, "".join(sorted(set(missing))))


def stands(character: str) -> bool:
    """Return whether a character stands upright in a vertical line; others are turned (UAX 50).

    >>> stands("\u4e2d"), stands("7"), stands("\u2026")
    (True, False, False)
    """
    wide = unicodedata.east_asian_width(character)
    return wide in ("W", "F") or (wide == "A" and unicodedata.category(character)[0] in "SN")


def _ways(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield parts of a piece whose characters all stand, or all are turned; marks go with theirs."""
    first = start
    for here, _ in clusters(text[start:end]):
        here += start
        if here > first and stands(text[here]) != stands(text[first]):
            yield first, here
            first = here
    yield first, end


def _shaped(
    text: str,
    start: int,
    end: int,
    face: Face,
    way: str,
    language: str,
    pen: float,
    kerning: bool,
    scale: float,
) -> tuple[list[Glyph], float]:
    import uharfbuzz as hb

    buffer = hb.Buffer()
    buffer.add_codepoints(list(map(ord, text)), start, end - start)
    buffer.guess_segment_properties()
    buffer.direction = way
    if language:
        buffer.language = language
    hb.shape(face.hb_font, buffer, None if kerning else {"kern": False})
    infos: Any = buffer.glyph_infos
    places: Any = buffer.glyph_positions
    starts = sorted({info.cluster for info in infos})
    ends = dict(zip(starts, [*starts[1:], end], strict=True))
    seen: set[int] = set()
    glyphs = []
    upem = face.upem / scale
    for info, place in zip(infos, places, strict=True):
        first = info.cluster not in seen
        seen.add(info.cluster)
        advance = (-place.y_advance if way == "ttb" else place.x_advance) / upem
        x, y = place.x_offset / upem, place.y_offset / upem
        if way == "ttb":  # the line goes down: x stays the distance along it, y what is across
            top = -y / scale
            top = top if _LEAST_TOP <= top <= _MOST_TOP else TOP
            along, across = pen + top * scale, x
        else:
            along, across = pen + x, y
        glyphs.append(
            Glyph(
                info.codepoint,
                along,
                across,
                advance,
                info.cluster,
                ends[info.cluster] if first else info.cluster,
            )
        )
        pen += advance
    return glyphs, pen


def _itemized(
    text: str, chain: Chain, levels: tuple[int, ...], looks: Sequence[Look]
) -> Iterator[tuple[int, int, Face | None, int | None]]:
    """Yield ranges of one level, one script, one face and one look."""
    keys: list[tuple[int, str, Face | None, int | None]] = []
    script, face = "", None
    usual, number = chain, None
    # Numbers and signs at the start are set as those behind letters are.
    first = next(((i, j) for i, j in clusters(text) if _script(text[i])), None)
    if first is not None and not looks:
        face = chain.face_for(text[slice(*first)])
    for start, end in clusters(text):
        look = next((look for look in looks if look.start <= start < look.end), None)
        if number != (look.number if look else None):
            number, face = (look.number if look else None), None
            chain = look.chain if look else usual
        cluster = text[start:end]
        own = _script(cluster[0])
        script = own or script
        if not cluster.isspace():
            # A sign between letters stays in their face where that has it.
            points = {ord(c) for c in cluster}
            keep = not own and face is not None and points <= face.characters
            face = face if keep else chain.face_for(cluster)
        elif face is None:
            face = chain.first
        keys += [(levels[start], script, face, number)] * (end - start)
    at = 0
    for (_, _, face, number), group in groupby(keys):
        size = len(list(group))
        yield at, at + size, face, number
        at += size


def clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield ranges of characters that must stay together: a letter with its marks and joiners."""
    start = 0
    for index in range(1, len(text) + 1):
        if index < len(text):
            here, before = text[index], text[index - 1]
            if (
                unicodedata.combining(here)
                or unicodedata.category(here) in ("Mn", "Me", "Mc")
                or here in "\u200c\u200d\ufe0e\ufe0f"
                or before == "\u200d"
            ):
                continue
        yield start, index
        start = index


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """Return a name that differs between scripts, "" for characters that all of them share."""
    if not unicodedata.category(character).startswith(("L", "M")):
        return ""
    name = unicodedata.name(character, "").split(" ")[0].split("-")[0]
    return {"HIRAGANA": "KANA", "KATAKANA": "KANA", "MODIFIER": ""}.get(name, name)


def _visual(pieces: list[Any]) -> list[tuple[int, int, Face | None, int | None, int]]:
    """Return pieces in visual order (UAX 9, rule L2)."""
    order = list(pieces)
    for level in range(max((p[-1] for p in order), default=0), 0, -1):
        at = 0
        while at < len(order):
            if order[at][-1] >= level:
                end = at
                while end < len(order) and order[end][-1] >= level:
                    end += 1
                order[at:end] = reversed(order[at:end])
                at = end
            else:
                at += 1
    return order


def _levels(text: str, base: int) -> tuple[int, ...]:
    """Return the embedding level of each character (UAX 9)."""
    if not base and all(unicodedata.bidirectional(c) not in ("R", "AL", "AN") for c in text):
        return (0,) * len(text)
    import bidi.algorithm as bidi

    # Joiners and the like are left out by the algorithm: a mark, which goes with the letter before
    # it, stands in for them.
    plain = "".join("\u0300" if unicodedata.bidirectional(c) in ("BN", "B") else c for c in text)
    storage = bidi.get_empty_storage()
    storage["base_level"], storage["base_dir"] = base, "LR"[base]
    bidi.get_embedding_levels(plain, storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    levels = [int(entry["level"]) for entry in storage["chars"]]
    # Rule L1: white space at the end of the line takes the paragraph's level.
    for index in range(len(levels) - 1, -1, -1):
        if not text[index].isspace():
            break
        levels[index] = base
    return tuple(levels)
