"""Embedded fonts: outlines, names and widths of letters that nothing shows any more.

A subset that holds exactly the letters of a name tells much of it. What the document still shows is
known by code; here codes become glyph numbers, by every way that viewers go, and all else is cut.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from ..write.pdf_fonts import (
    CMap,
    CompositeFont,
    cid_columns,
    cid_widths,
    differences_of,
    load_font,
)
from .base import Job, dictionary
from .font_cff import Cff
from .font_numbers import Codes, composite, simple
from .font_programs import FontProgramError, Sfnt, broken
from .font_type1 import Type1

Key = tuple[int, int]
_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_MOST_BYTES = 4 << 20
_FULL = 200  # a font without the tag of a subset that has more glyphs is no choice of letters
_TAG = re.compile(r"^/[A-Z]{6}\+")
_CODECS = ("cp1252", "mac_roman")


@dataclass
class Program:
    """One embedded program and the font dictionaries that show it."""

    stream: Any
    fonts: dict[Key, Any] = field(default_factory=dict)
    whole: bool = False  # something else uses it
    # Of what was cut: the codes of each font, and the glyphs that viewers may take them for.
    ways: dict[Key, dict[bytes, set[int]]] = field(default_factory=dict)


def cut(
    job: Job,
    programs: Iterable[Program],
    wanted: Mapping[Key, Any],
    shown: Mapping[Key, set[bytes]],
) -> None:
    """Cut the programs of the wanted fonts down to the codes that are still shown."""
    errors: tuple[type[Exception], ...] = (*broken(), pikepdf.PdfError)
    for program in programs:
        if not program.fonts.keys() & wanted.keys():
            continue
        try:
            if program.whole:
                raise FontProgramError("it may show more")
            changed = _cut(job.pdf, program, shown)
        except errors:
            if job.removes and _substituted(program):
                job.note("programs of fonts", "removed")
            else:
                job.note("unused glyphs of fonts", "kept")
        else:
            if changed:
                job.note("unused glyphs of fonts", "cleaned")


def programs_of(pdf: pikepdf.Pdf, live: Collection[Key]) -> list[Program]:
    """Return the embedded programs that objects of these ids use."""
    found: dict[Key, Program] = {}
    fixed: set[Key] = set()
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Object) or item.objgen not in live:
            continue
        for holder in _dictionaries(item, 0):
            if "/FontDescriptor" not in holder and "/DescendantFonts" not in holder:
                continue
            stream = _file(_descendant(holder))
            if stream is None:
                continue
            program = found.setdefault(stream.objgen, Program(stream))
            if holder.get("/Subtype") in ("/CIDFontType0", "/CIDFontType2"):
                continue  # the composite font over it counts
            if holder.is_indirect:
                program.fonts[holder.objgen] = holder
            else:
                program.whole = True
    form = dictionary(pdf.Root.get("/AcroForm"))
    for _, font in dictionary(dictionary(form.get("/DR")).get("/Font")).items():
        fixed.add(dictionary(font).objgen)
    for program in found.values():
        program.whole = program.whole or bool(fixed & program.fonts.keys())
    return list(found.values())


def _dictionaries(value: Any, depth: int) -> Iterator[Any]:
    """Yield the dictionaries of an object that stand in it directly."""
    if depth > 20:
        return
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        yield value
        items = [item for _, item in value.items()]
    elif isinstance(value, pikepdf.Array):
        items = list(value)
    else:
        return
    for item in items:
        if isinstance(item, pikepdf.Object) and not item.is_indirect:
            yield from _dictionaries(item, depth + 1)


def _descendant(font: Any) -> Any:
    below = font.get("/DescendantFonts")
    if isinstance(below, pikepdf.Array) and len(below):
        return dictionary(below[0])
    return font


def _file(font: Any) -> Any:
    descriptor = dictionary(font.get("/FontDescriptor"))
    for key in _FILES:
        if isinstance(descriptor.get(key), pikepdf.Stream):
            return descriptor[key]
    return None


def _cut(pdf: pikepdf.Pdf, program: Program, shown: Mapping[Key, set[bytes]]) -> bool:
    fonts = list(program.fonts.values())
    data = bytes(program.stream.read_bytes())
    if len(data) > _MOST_BYTES:
        raise FontProgramError("too large")
    body, sfnt = _opened(data)
    tagged = any(_TAG.match(str(font.get("/BaseFont", ""))) for font in fonts)
    if not tagged and body.outlined() > _FULL:
        return False
    ways: dict[Key, dict[bytes, set[int]]] = {}
    codes: set[int] = set()
    cids: dict[Key, set[int]] = {}
    for font in fonts:
        own = shown[font.objgen]
        if font.get("/Subtype") == "/Type0":
            below = _descendant(font)
            found = _cids(font, own)
            cids.setdefault(below.objgen, set()).update(found.values())
            places = _glyphs_of_cids(below, body)
            ways[font.objgen] = {code: places(cid) for code, cid in found.items()}
        else:
            codes |= {code[0] for code in own}
            way = _mapped if isinstance(body, Sfnt) else _named
            ways[font.objgen] = {code: way(font, body, code[0]) for code in own}
    kept = {gid for own in ways.values() for gids in own.values() for gid in gids}
    # MuPDF hints what is called DF… or DLC…, as DynaLab's fonts are, and draws it a shade otherwise.
    letters = string.ascii_uppercase
    tag = secrets.choice(letters.replace("D", ""))
    tag += "".join(secrets.choice(letters) for _ in range(5))
    name = _renamed(fonts[0], tag)[1:]
    if isinstance(body, Cff):
        fresh = body.cut(kept, name, codes)
        if sfnt is not None:
            sfnt.tables["CFF "] = fresh
            fresh = sfnt.cut(range(sfnt.count) if sfnt.offsets else kept)
    elif isinstance(body, Type1):
        fresh = body.cut(kept, name, codes)
    else:
        fresh = body.cut(kept)
    _put(program.stream, fresh, body)
    for font in fonts:
        below = _descendant(font)
        if font.get("/Subtype") == "/Type0":
            _cut_cid_widths(below, cids[below.objgen])
        else:
            _cut_simple(font, {code[0] for code in shown[font.objgen]})
        descriptor = below["/FontDescriptor"]
        for key in ("/CharSet", "/CIDSet"):
            if key in descriptor:
                del descriptor[key]
        for holder, key in ((font, "/BaseFont"), (below, "/BaseFont"), (descriptor, "/FontName")):
            holder[key] = pikepdf.Name(_renamed(holder, tag, key))
    if isinstance(body, Type1):  # what went left no place
        new = Type1(fresh).order
        ways = {
            key: {code: {new.index(body.order[gid]) for gid in gids} for code, gids in own.items()}
            for key, own in ways.items()
        }
    program.ways = ways
    return True


def renumber(program: Program) -> dict[Key, Codes]:
    """Give what is left of a program new numbers, see :mod:`.font_numbers`.

    Returns:
        For each font what became of its codes; the strings that show them are still as they were.

    Raises:
        FontProgramError, or what fontTools raises: it cannot be done; nothing was changed.
    """
    keys = list(program.ways)
    fonts, ways = [program.fonts[key] for key in keys], list(program.ways.values())
    body, _ = _opened(bytes(program.stream.read_bytes()))
    old = body.box() if isinstance(body, Sfnt) and "head" in body.tables else None
    kinds = {font.get("/Subtype") == "/Type0" for font in fonts}
    if kinds == {False}:
        fresh, codes = simple(body, fonts, ways)
    elif kinds == {True} and not isinstance(body, Type1):
        fresh, codes = composite(body, fonts, ways)
    else:
        raise FontProgramError("codes of one byte and of two")
    _put(program.stream, fresh, body)
    if isinstance(body, Sfnt) and old is not None:
        for font in fonts:
            about = _descendant(font)["/FontDescriptor"]
            about["/FontBBox"] = pikepdf.Array(body.box())
            if abs(float(about.get("/CapHeight", 0)) - old[3]) <= 1:  # as cairo has it
                about["/CapHeight"] = body.box()[3]
    return {key: own for key, own in zip(keys, codes, strict=True) if own}


def _opened(data: bytes) -> tuple[Sfnt | Cff | Type1, Sfnt | None]:
    """Return a program, and the OpenType file around it."""
    if data[:4] in (b"\0\1\0\0", b"true", b"OTTO"):
        sfnt = Sfnt(data)
        return (Cff(sfnt.tables["CFF "], sfnt) if "CFF " in sfnt.tables else sfnt), sfnt
    if data[:1] == b"\1":
        return Cff(data), None
    if data.lstrip()[:2] == b"%!":
        return Type1(data), None
    raise FontProgramError("a kind of program that is not known")


def _renamed(holder: Any, tag: str, key: str = "/BaseFont") -> str:
    return f"/{tag}+" + _TAG.sub("/", str(holder.get(key, "/Font")))[1:]


def _put(stream: Any, data: bytes, body: Sfnt | Cff | Type1) -> None:
    stream.write(data)
    lengths = body.lengths if isinstance(body, Type1) else (len(data),)
    for key, length in zip(("/Length1", "/Length2", "/Length3"), lengths, strict=False):
        if isinstance(body, Type1) or key in stream:
            stream[key] = length


def _cids(font: Any, shown: set[bytes]) -> dict[bytes, int]:
    measure = load_font(font)
    encoding = font.get("/Encoding")
    if not isinstance(measure, CompositeFont):
        raise FontProgramError("no composite font")
    table = CMap(encoding)
    if not table.known:
        raise FontProgramError("a map that nobody has")
    return {code: table.cid(code) for code in shown if code}


def _glyphs_of_cids(below: Any, body: Sfnt | Cff | Type1) -> Callable[[int], set[int]]:
    """Return what gives the glyph of a CID, if there is one."""
    if isinstance(body, Type1):
        raise FontProgramError("names where numbers should be")
    if isinstance(body, Cff):
        places = body.by_cid()
        if "/CIDToGIDMap" in below and below["/CIDToGIDMap"] != "/Identity":
            raise FontProgramError("two maps")
        return lambda cid: {places[cid]} if cid in places else set()
    table, count = below.get("/CIDToGIDMap"), body.count
    if isinstance(table, pikepdf.Stream):
        rows = table.read_bytes()
        return lambda cid: {g for g in (int.from_bytes(rows[2 * cid : 2 * cid + 2]),) if g < count}
    return lambda cid: {cid} if cid < count else set()


def _named(font: Any, body: Any, code: int) -> set[int]:
    """Return the glyphs of a CFF program that a code may show."""
    if body.keyed:
        raise FontProgramError("numbers where names should be")
    from fontTools.agl import toUnicode

    own = differences_of(font.get("/Encoding")).get(code)
    if own and own[1:] in body.order:
        return {body.order.index(own[1:])}
    names = {body.encoding()[code], *_usual_names(code)} | ({own[1:]} if own else set())
    meanings = {toUnicode(name) for name in names} - {""}
    return {
        gid for gid, name in enumerate(body.order) if name in names or toUnicode(name) in meanings
    }


def _usual_names(code: int) -> Iterator[str]:
    """Yield the names that the usual encodings have for a code."""
    from fontTools.agl import UV2AGL
    from fontTools.encodings.StandardEncoding import StandardEncoding

    yield StandardEncoding[code]
    for codec in _CODECS:
        char = bytes((code,)).decode(codec, "replace")
        # The list for new fonts has no name for "ﬁ"; old fonts, and the long list, call it "fi".
        yield UV2AGL.get(ord(char), f"uni{ord(char):04X}" if char != "\ufffd" else ".notdef")
    # Where WinAnsiEncoding has nothing, and what stands in for spaces and hyphens that do not break.
    yield "bullet"
    if code == 0xDB:
        yield "currency"  # in MacRomanEncoding; the codec has the euro there
    yield "space" if code == 0xA0 else "hyphen" if code == 0xAD else ".notdef"


def _mapped(font: Any, body: Any, code: int) -> set[int]:
    """Return the glyphs of a TrueType program that a code may show."""
    from fontTools.agl import toUnicode

    own = differences_of(font.get("/Encoding")).get(code)
    names = {own[1:]} if own else set(_usual_names(code)) - ({"bullet"} if code < 127 else set())
    points = {ord(char) for name in names for char in toUnicode(name)[:1]}
    found: set[int] = set()
    for (platform, _), table in body.characters().items():
        tries = {code, 0xF000 + code, 0xF100 + code, 0xF200 + code} | points
        if platform == 1:
            tries = {code}
            for name in names:
                for char in toUnicode(name)[:1]:
                    tries |= set(char.encode("mac_roman", "ignore"))
        found |= {table[at] for at in tries if at in table}
    found |= {gid for gid, name in body.names.items() if name in names}
    if not body.cmaps:
        found.add(code)
    return found


def _cut_simple(font: Any, shown: set[int]) -> None:
    """Keep widths and names of the codes that are shown."""
    widths, first = font.get("/Widths"), int(font.get("/FirstChar", 0))
    if isinstance(widths, pikepdf.Array):
        have = sorted(c for c in shown if 0 <= c - first < len(widths)) or [0]
        row = range(have[0], have[-1] + 1)
        fresh = [widths[c - first] if c in shown and c >= first else 0 for c in row]
        font["/Widths"] = pikepdf.Array(fresh)
        font["/FirstChar"], font["/LastChar"] = row[0], row[-1]
    names = differences_of(font.get("/Encoding"))
    if names:
        encoding = pikepdf.Dictionary(dict(font["/Encoding"].items()))
        listed: list[Any] = []
        for code in sorted(names.keys() & shown):
            listed += [code, pikepdf.Name(names[code])]
        encoding["/Differences"] = pikepdf.Array(listed)
        font["/Encoding"] = encoding


def _cut_cid_widths(below: Any, shown: set[int]) -> None:
    widths = dict(cid_widths(below.get("/W")))
    listed: list[Any] = []
    for cid in sorted(widths.keys() & shown):
        width = widths[cid]
        listed += [cid, pikepdf.Array([_plain(width)])]
    if "/W" in below:
        below["/W"] = pikepdf.Array(listed)
    if "/W2" in below:
        columns = dict(cid_columns(below["/W2"]))
        listed = []
        for cid in sorted(columns.keys() & shown):
            listed += [cid, pikepdf.Array([_plain(value) for value in columns[cid]])]
        below["/W2"] = pikepdf.Array(listed)


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def _substituted(program: Program) -> bool:
    """Take a program out where viewers have another face for its letters; return whether they do.

    They do for simple fonts whose letters have their usual names: widths and places stay.
    """
    fonts = list(program.fonts.values())
    if program.whole or not fonts or any(not _usual(font) for font in fonts):
        return False
    for font in fonts:
        descriptor = font["/FontDescriptor"]
        for key in (*_FILES, "/CharSet"):
            if key in descriptor:
                del descriptor[key]
    return True


def _usual(font: Any) -> bool:
    """Return whether a font is a simple one of letters with their usual names."""
    from fontTools.agl import toUnicode

    encoding = font.get("/Encoding")
    named = isinstance(encoding, pikepdf.Name) or (
        isinstance(encoding, pikepdf.Dictionary) and "/BaseEncoding" in encoding
    )
    symbolic = bool(int(dictionary(font.get("/FontDescriptor")).get("/Flags", 4)) & 4)
    names = differences_of(encoding).values()
    return (
        font.get("/Subtype") in ("/Type1", "/TrueType", "/MMType1")
        and (named or not symbolic)
        and all(toUnicode(name[1:]) for name in names)
    )
