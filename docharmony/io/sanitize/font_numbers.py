"""Codes and glyph numbers that follow the order in which a text first used its letters.

Many programs number the letters of a subset as they come: the first letter of a document is 1. The
numbers that are missing then tell how many letters a removed name alone had, and the order of the rest
which it used first. So what is left of a subset gets new numbers, in an order that depends on nothing
else; the strings that show it are written anew by :mod:`.fonts`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pikepdf

from ..drawn_text import to_unicode
from ..write.pdf_fonts import cid_columns, cid_widths, differences_of, load_font
from .font_cff import Cff
from .font_programs import FontProgramError, Sfnt
from .font_type1 import Type1

Key = tuple[int, int]
Codes = dict[bytes, bytes]  # old code -> new one
Ways = Mapping[bytes, Collection[int]]  # code -> the glyphs that viewers may take it for
_IDENTITY = ("/Identity-H", "/Identity-V")
_NUMBERED = re.compile(r"[A-Za-z]{0,10}\d+$")  # a name that is a number: "g12", "cid00012"
_PLAIN = 33  # the first code that is given; 32 stays what it is: word spacing applies to it
_SYMBOLS = frozenset({(1, 0), (3, 0)})
_CODECS = (
    "latin_1", "mac_roman", "mac_cyrillic", "mac_greek", "mac_latin2", "koi8_r", "koi8_u", "cp437",
    *(f"cp125{n}" for n in range(9)), *(f"iso8859_{n}" for n in (2, 3, 4, 5, 7, 9, 10, 13, 15, 16)),
)  # fmt: skip


def composite(
    body: Sfnt | Cff, fonts: Sequence[Any], ways: Sequence[Ways]
) -> tuple[bytes, list[Codes]]:
    """Number the glyphs of a program that composite fonts show, and make these numbers their codes.

    Args:
        body: the program, cut down to what is shown.
        fonts: all that show it; widths and maps are made anew.
        ways: the codes of each.

    Returns:
        The program, and what became of the codes of each font.

    Raises:
        FontProgramError: it cannot be done; nothing was changed.
    """
    texts: dict[int, str] = {}
    astray: set[bytes] = set()
    for font, codes in zip(fonts, ways, strict=True):
        gids = [gid for own in codes.values() for gid in own]
        if font.get("/Encoding") not in _IDENTITY or len(set(gids)) < len(gids):
            raise FontProgramError("codes that are no numbers of glyphs")
        said = _texts(font)
        for code, own in codes.items():
            astray |= set() if own else {code}
            for gid in own:
                texts.setdefault(gid, said.get(code, ""))
    order = _order(body, texts)
    fresh = {gid: number for number, gid in enumerate(order)}
    beyond = {code: len(order) + n for n, code in enumerate(sorted(astray))}
    numbers = [
        {code: fresh[min(own)] if own else beyond[code] for code, own in codes.items()}
        for codes in ways
    ]
    if isinstance(body, Cff):
        data = body.renumbered(order, _names([body.order[gid] for gid in order]))
    else:
        body.drop("cmap", "post")  # codes are numbers of glyphs here
        data = body.renumbered(order)
    below: dict[Key, tuple[Any, dict[int, int]]] = {}
    for font, mine in zip(fonts, numbers, strict=True):
        kid = font["/DescendantFonts"][0]
        _, cids = below.setdefault(kid.objgen if kid.is_indirect else font.objgen, (kid, {}))
        cids.update((int.from_bytes(code), number) for code, number in mine.items())
    for kid, cids in below.values():
        _renumber_cids(kid, cids)
        if isinstance(body, Sfnt):
            kid["/CIDToGIDMap"] = pikepdf.Name.Identity
    return data, [{code: n.to_bytes(2) for code, n in mine.items()} for mine in numbers]


def simple(
    body: Sfnt | Cff | Type1, fonts: Sequence[Any], ways: Sequence[Ways]
) -> tuple[bytes, list[Codes]]:
    """Number the glyphs of a program that simple fonts show; and their codes where these are unusual.

    Arguments, result and errors are those of :func:`composite`.
    """
    texts: dict[int, str] = {}
    meaning: dict[int, str] = {}
    first: dict[int, int] = {}
    for font, codes in zip(fonts, ways, strict=True):
        face = load_font(font)
        for code, own in codes.items():
            meaning.setdefault(code[0], face.text(code))
            first[code[0]] = min(own, default=0)
            for gid in own:
                texts.setdefault(gid, face.text(code))
    order = _order(body, texts)
    ranks = {code: order.index(gid) for code, gid in first.items()}
    fresh = {} if natural(meaning) else _fresh_codes(meaning, ranks)
    called: dict[str, str] = {}
    if isinstance(body, Sfnt):
        if not body.cmaps:
            raise FontProgramError("codes that are numbers of glyphs")
        tables = body.characters().keys()
        if fresh and not any("/Encoding" in font for font in fonts) and tables <= _SYMBOLS:
            body.recode(fresh)
        elif fresh and (_SYMBOLS & tables or not all(_names_all(font, fresh) for font in fonts)):
            raise FontProgramError("codes that go two ways")
        named = _names([body.names.get(gid, "") for gid in order])
        called = {body.names[gid]: name for gid, name in zip(order, named, strict=True) if name}
        body.names.update(zip(order, named, strict=True))
        data = body.renumbered(order)
    else:
        if fresh and not all(
            _names_all(font, fresh) or (body.recodes and "/Encoding" not in font) for font in fonts
        ):
            raise FontProgramError("codes that go two ways")
        names, encoded = _names([body.order[gid] for gid in order]), body.encoding()
        called = dict(zip((body.order[gid] for gid in order), names, strict=True))
        data = body.renumbered(order, names, {new: encoded[c] for c, new in fresh.items()} or None)
    for font in fonts:
        renumber_simple(font, fresh, called)
    changed = {bytes((code,)): bytes((new,)) for code, new in fresh.items()}
    return data, [changed for _ in fonts]


def drawn(font: Any, shown: Collection[bytes]) -> Codes:
    """Give the glyphs of a Type 3 font new codes and names where the codes are no usual ones.

    Returns:
        What became of its codes; nothing where they are usual, or nobody says what they mean.
    """
    names, face = differences_of(font.get("/Encoding")), load_font(font)
    meaning = {code[0]: face.text(code) for code in shown if code[0] in names}
    procs = font.get("/CharProcs")
    if natural(meaning) or not isinstance(procs, pikepdf.Dictionary):
        return {}
    bodies = {
        code: procs[names[code]].read_bytes()
        for code in meaning
        if isinstance(procs.get(names[code]), pikepdf.Stream)
    }
    ranks = {body: rank for rank, body in enumerate(sorted(set(bodies.values())))}
    codes = _fresh_codes(meaning, {code: ranks.get(bodies.get(code, b""), 0) for code in meaning})
    called = {names[code][1:]: f"g{new}" for code, new in codes.items()}
    font["/CharProcs"] = pikepdf.Dictionary(
        {f"/{called[name[1:]]}": procs[name] for name in sorted(procs.keys()) if name[1:] in called}
    )
    renumber_simple(font, codes, called)
    return {bytes((c,)): bytes((new,)) for c, new in codes.items()}


def natural(meaning: Mapping[int, str]) -> bool:
    """Return whether codes mean what they do in a usual encoding, as far as anybody says.

    >>> natural({65: "A", 12: "fi"}), natural({1: "A"}), natural({0xC0: "А"}), natural({7: ""})
    (True, False, True, True)
    """
    letters = {code: text for code, text in meaning.items() if len(text) == 1 and text.isalpha()}
    latin = {code: text for code, text in letters.items() if text.isascii()}
    if latin:
        return all(chr(code) == text for code, text in latin.items())
    return not letters or any(
        all(bytes((code,)).decode(codec, "replace") == text for code, text in letters.items())
        for codec in _CODECS
    )


def renumber_simple(font: Any, codes: Mapping[int, int], called: Mapping[str, str]) -> None:
    """Give the codes of a simple font, and the names of its glyphs, new ones."""
    if codes and isinstance(font.get("/Widths"), pikepdf.Array):
        widths, first = list(font["/Widths"]), int(font.get("/FirstChar", 0))
        have = {new: widths[c - first] for c, new in codes.items() if 0 <= c - first < len(widths)}
        row = range(min(have, default=_PLAIN), max(have, default=_PLAIN) + 1)
        font["/Widths"] = pikepdf.Array([have.get(code, 0) for code in row])
        font["/FirstChar"], font["/LastChar"] = row[0], row[-1]
    names = differences_of(font.get("/Encoding"))
    if codes:
        names = {code: name for code, name in names.items() if code in codes}
    if names and (codes or called):
        encoding = pikepdf.Dictionary(dict(font["/Encoding"].items()))
        listed: list[Any] = []
        for code, name in sorted((codes.get(code, code), name) for code, name in names.items()):
            listed += [code, pikepdf.Name("/" + called.get(name[1:], name[1:]))]
        encoding["/Differences"] = pikepdf.Array(listed)
        font["/Encoding"] = encoding


def _texts(font: Any) -> dict[bytes, str]:
    table = font.get("/ToUnicode")
    return to_unicode(table.read_bytes()) if isinstance(table, pikepdf.Stream) else {}


def _order(body: Sfnt | Cff | Type1, texts: Mapping[int, str]) -> list[int]:
    """Return the glyphs in an order that depends on what they mean and draw alone, glyph 0 first."""
    shape = body.shape
    count = body.count if isinstance(body, Sfnt) else len(body.order)
    first = body.order.index(".notdef") if isinstance(body, Type1) else 0
    if any(gid >= count for gid in texts):
        raise FontProgramError("glyphs that are not there")
    order = sorted(texts.keys() - {first}, key=lambda gid: (not texts[gid], texts[gid], shape(gid)))
    parts = sorted(body.closed({first, *order}) - {first, *order}, key=shape)
    return [first, *order, *parts]


def _names(names: Sequence[str]) -> list[str]:
    """Return new names for glyphs in a new order: their own, but for names that are numbers."""
    from fontTools.agl import toUnicode

    return [
        f"g{new}" if new and _NUMBERED.match(name) and not toUnicode(name) else name
        for new, name in enumerate(names)
    ]


def _fresh_codes(meaning: Mapping[int, str], ranks: Mapping[int, int]) -> dict[int, int]:
    """Return new codes of one byte by what they mean and, where nobody says, by the rank of the glyph."""
    order = sorted(
        meaning.keys() - {32}, key=lambda code: (not meaning[code], meaning[code], ranks[code])
    )
    free = [*range(_PLAIN, 256), *range(_PLAIN - 1)]
    fresh = dict(zip(order, free, strict=False))
    return {**fresh, **({32: 32} if 32 in meaning else {})}


def _names_all(font: Any, codes: Mapping[int, int]) -> bool:
    return codes.keys() <= differences_of(font.get("/Encoding")).keys()


def _renumber_cids(kid: Any, cids: Mapping[int, int]) -> None:
    widths, columns = dict(cid_widths(kid.get("/W"))), dict(cid_columns(kid.get("/W2")))
    for key, rows in (("/W", widths), ("/W2", columns)):
        if key not in kid:
            continue
        listed: list[Any] = []
        for new, old in sorted((new, old) for old, new in cids.items() if old in rows):
            row = rows[old]
            values = row if isinstance(row, tuple) else (row,)
            listed += [new, pikepdf.Array([int(v) if v == int(v) else v for v in values])]
        kid[key] = pikepdf.Array(listed)
