"""Fonts hold, and their ToUnicode maps name, letters that nothing shows any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pikepdf

from ..drawn_text import to_unicode
from ..write.pdf_usage import reachable
from .base import Job, dictionary
from .font_numbers import Codes, drawn
from .font_programs import FontProgramError, broken
from .font_subsets import Program, cut, programs_of, renumber

Key = tuple[int, int]
_OPERATORS = "Tf Tj TJ ' \" q Q gs"
_SHOWS = frozenset({"Tj", "TJ", "'", '"'})
_UNKNOWN: Key = (0, 0)  # a font that another stream set
_AT_ONCE = 100  # entries that one bfchar block may hold


def clean(job: Job) -> None:
    """Cut fonts down to the codes that are still shown: maps, programs, widths, names.

    Those of pages that lost something; in publish all that have an embedded program.
    """
    wanted: dict[Key, Any] = {}
    for index in job.touched:
        _fonts(job.pdf.pages[index].get("/Resources"), wanted, 0)
    live = reachable(job.pdf) if wanted or job.removes else set()
    programs = programs_of(job.pdf, live) if live else []
    if job.removes:
        wanted |= {key: font for program in programs for key, font in program.fonts.items()}
    # Forms are filled in with these: what they will show is not known.
    form = dictionary(job.pdf.Root.get("/AcroForm"))
    for _, font in dictionary(dictionary(form.get("/DR")).get("/Font")).items():
        wanted.pop(dictionary(font).objgen, None)
    if not wanted:
        return
    looked = dict(wanted)
    for program in programs:
        if program.fonts.keys() & wanted.keys():
            looked |= program.fonts
    shown: dict[Key, set[bytes]] = {key: set() for key in looked}
    vague: set[Key] = set()
    try:
        for resources, content in _holders(job.pdf, live):
            _collect(resources, content, looked, shown, vague)
    except (pikepdf.PdfError, TypeError, ValueError):
        job.note("unused glyphs of fonts", "kept")
        return  # a stream that cannot be parsed may show anything
    cut(job, programs, wanted, shown)
    for program in programs:  # those that another font shows, too
        wanted |= {key: program.fonts[key] for key in program.ways}
    for key, font in wanted.items():
        if isinstance(font.get("/ToUnicode"), pikepdf.Stream) and _cut(job.pdf, font, shown[key]):
            job.note("font maps", "cleaned")
    codes = _renumbered(job, programs, wanted, shown, vague)
    for resources, content in _holders(job.pdf, live) if codes else ():
        _rewrite(job.pdf, resources, content, codes)


def _fonts(resources: Any, found: dict[Key, Any], depth: int) -> None:
    """Add the fonts of a page and of the forms that it may draw."""
    for _, font in dictionary(dictionary(resources).get("/Font")).items():
        if isinstance(font, pikepdf.Dictionary) and font.is_indirect:
            found[font.objgen] = font
    for _, state in dictionary(dictionary(resources).get("/ExtGState")).items():
        font = dictionary(state).get("/Font")
        if isinstance(font, pikepdf.Array) and len(font) and dictionary(font[0]).is_indirect:
            found[font[0].objgen] = font[0]
    for _, item in dictionary(dictionary(resources).get("/XObject")).items():
        if isinstance(item, pikepdf.Stream) and item.get("/Subtype") == "/Form" and depth < 6:
            _fonts(item.get("/Resources"), found, depth + 1)


def _holders(pdf: pikepdf.Pdf, live: set[Key]) -> Iterator[tuple[Any, Any]]:
    for page in pdf.pages:
        yield page.get("/Resources"), page
    for item in pdf.objects:
        if not isinstance(item, pikepdf.Object) or item.objgen not in live:
            continue  # what was removed, before its copy was made
        if isinstance(item, pikepdf.Stream):
            if (
                item.get("/Subtype") == "/Form"
                or item.get("/PatternType") == 1
                or "/Resources" in item
                or "/BBox" in item
            ):
                yield item.get("/Resources"), item
        elif isinstance(item, pikepdf.Dictionary) and item.get("/Subtype") == "/Type3":
            for _, proc in dictionary(item.get("/CharProcs")).items():
                yield item.get("/Resources"), proc


def _collect(
    resources: Any,
    content: Any,
    wanted: dict[Key, Any],
    shown: dict[Key, set[bytes]],
    vague: set[Key],
) -> None:
    """Add the codes that a content stream shows, by font, and fonts of which it is not sure."""
    for current, _, strings in _shows(resources, content, shown.keys()):
        for key in current & shown.keys():
            for raw in strings:
                shown[key] |= _codes(wanted[key], raw)
        if len(current) != 1:
            vague |= current


def _shows(
    resources: Any, content: Any, looked: Collection[Key], operators: str = _OPERATORS
) -> Iterator[tuple[set[Key], Any, list[bytes]]]:
    """Yield each instruction, with the fonts that it can mean and the strings that it shows in them.

    Of what shows nothing, there are no fonts and no strings.
    """
    # Where no font was set, that of whatever draws this: all that it could mean.
    anything = {_UNKNOWN, *looked}
    names: dict[str, set[Key]] = {}
    states: Any = {}
    if resources is not None:
        fonts = dictionary(dictionary(resources).get("/Font"))
        names = {n: {f.objgen} for n, f in fonts.items() if isinstance(f, pikepdf.Object)}
        states = dictionary(dictionary(resources).get("/ExtGState"))
        set_here = set().union(*names.values(), *(_set_by(states, [n], set()) for n in states))
        if isinstance(content, pikepdf.Page) and not set_here & anything:
            return
    current = anything
    stack: list[set[Key]] = []
    for instruction in pikepdf.parse_content_stream(content, operators):
        operator, operands = str(instruction.operator), instruction.operands
        strings: list[bytes] = []
        if operator == "Tf" and len(operands):
            current = names.get(str(operands[0]), anything)
        elif operator == "gs":
            current = _set_by(states, operands, anything if resources is None else current)
        elif operator == "q":
            stack.append(current)
        elif operator == "Q":
            current = stack.pop() if stack else anything
        elif operator in _SHOWS and len(operands):
            last = operands[-1]
            parts = last if isinstance(last, pikepdf.Array) else [last]
            strings = [bytes(item) for item in parts if isinstance(item, pikepdf.String)]
        yield (current if strings else set()), instruction, strings


def _renumbered(
    job: Job,
    programs: Iterable[Program],
    wanted: Mapping[Key, Any],
    shown: Mapping[Key, set[bytes]],
    vague: Collection[Key],
) -> dict[Key, Codes]:
    """Give codes and glyphs of fonts numbers that tell no order of use; return what became of codes."""
    codes: dict[Key, Codes] = {}
    for program in programs:
        if not program.ways:
            continue
        try:
            if program.ways.keys() & vague or any(map(_builds, program.fonts.values())):
                raise FontProgramError("text that takes its font, or a map, from elsewhere")
            codes |= renumber(program)
            job.note("numbers of glyphs", "cleaned")
        except broken():
            job.note("numbers of glyphs", "kept")
    for key, font in wanted.items():
        if font.get("/Subtype") != "/Type3" or key in vague or _builds(font):
            continue
        if own := drawn(font, shown[key]):
            codes[key] = own
            job.note("numbers of glyphs", "cleaned")
    for key, own in codes.items():
        font = wanted[key]
        if isinstance(font.get("/ToUnicode"), pikepdf.Stream):
            said = to_unicode(font["/ToUnicode"].read_bytes())
            font["/ToUnicode"] = _map(job.pdf, {own[c]: t for c, t in said.items() if c in own})
    return codes


def _builds(font: Any) -> bool:
    """Return whether the map of a font builds upon another."""
    table = font.get("/ToUnicode")
    return isinstance(table, pikepdf.Stream) and b"usecmap" in table.read_bytes()


def _rewrite(pdf: pikepdf.Pdf, resources: Any, content: Any, codes: Mapping[Key, Codes]) -> None:
    """Write a content stream with the new codes of fonts."""
    table = dictionary(dictionary(resources).get("/Font"))
    states = dictionary(dictionary(resources).get("/ExtGState"))
    here = {font.objgen for _, font in table.items() if isinstance(font, pikepdf.Object)}
    here |= {key for name in states for key in _set_by(states, [name], set())}
    if not here & codes.keys():
        return
    items: list[Any] = []
    changed = False
    for current, instruction, _ in _shows(resources, content, codes.keys(), ""):
        own = codes.get(next(iter(current))) if len(current) == 1 else None
        if own is None:
            items.append(instruction)
            continue
        operands = list(instruction.operands)
        last = operands[-1]
        operands[-1] = (
            pikepdf.Array([_recoded(item, own) for item in last])
            if isinstance(last, pikepdf.Array)
            else _recoded(last, own)
        )
        items.append((operands, instruction.operator))
        changed = True
    if not changed:
        return
    body = pikepdf.unparse_content_stream(items) + b"\n"
    if isinstance(content, pikepdf.Page):
        content.obj["/Contents"] = pdf.make_stream(body)
    else:
        content.write(body)


def _recoded(item: Any, codes: Codes) -> Any:
    if not isinstance(item, pikepdf.String):
        return item
    raw, size = bytes(item), len(next(iter(codes)))
    parts = (raw[at : at + size] for at in range(0, len(raw), size))
    return pikepdf.String(b"".join(codes.get(code, code) for code in parts))


def _set_by(states: Any, operands: Any, current: set[Key]) -> set[Key]:
    """Return the font after a graphics state was set, which may name one."""
    state = dictionary(states.get(str(operands[0]))) if len(operands) else {}
    font = state.get("/Font")
    if isinstance(font, pikepdf.Array) and len(font) and isinstance(font[0], pikepdf.Object):
        return {font[0].objgen}
    return current


def _codes(font: Any, data: bytes) -> set[bytes]:
    if font.get("/Subtype") != "/Type0":
        return {bytes((byte,)) for byte in set(data)}
    # Most composite fonts take two bytes a code; of any other length, keep all that it could be.
    found = {data[at : at + 2] for at in range(0, len(data), 2)}
    if font.get("/Encoding") not in ("/Identity-H", "/Identity-V"):
        found |= {data[at : at + n] for n in (1, 2, 3, 4) for at in range(len(data))}
    return found


def _cut(pdf: pikepdf.Pdf, font: Any, shown: set[bytes]) -> bool:
    table, base, chained = font["/ToUnicode"], None, False
    codes: dict[bytes, str] = {}
    for _ in range(8):  # a map may build upon another; what both say counts
        body = table.read_bytes()
        codes = to_unicode(body) | codes
        below = table.get("/UseCMap")
        if not isinstance(below, pikepdf.Stream):
            base = re.search(rb"/([!-~]+)\s+usecmap", body)
            break
        table, chained = below, True
    kept = {code: text for code, text in codes.items() if code in shown and text}
    if len(kept) == len(codes) and not chained and list(kept) == sorted(kept):
        return False
    font["/ToUnicode"] = _map(pdf, kept, base[1].decode("ascii") if base else "")
    return True


def _map(pdf: pikepdf.Pdf, codes: Mapping[bytes, str], base: str = "") -> Any:
    """Return a ToUnicode map of these codes, in their order.

    Args:
        pdf: the document.
        codes: what they mean.
        base: the name of a map that it builds upon, one that all viewers have.
    """
    size = max(map(len, codes), default=2)
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        f"1 begincodespacerange <{'00' * size}> <{'ff' * size}> endcodespacerange",
    ]
    if base:
        lines.insert(1, f"/{base} usecmap")
    rows = [f"<{c.hex()}> <{t.encode('utf-16-be').hex()}>" for c, t in sorted(codes.items())]
    for at in range(0, len(rows), _AT_ONCE):
        block = rows[at : at + _AT_ONCE]
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return pdf.make_stream("\n".join(lines).encode("ascii"))
