"""ToUnicode maps: they name letters that nothing shows any more, often in the order of first use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf

from ..drawn_text import to_unicode
from .base import Job, dictionary

Key = tuple[int, int]
_OPERATORS = "Tf Tj TJ ' \" q Q gs"
_AT_ONCE = 100  # entries that one bfchar block may hold


def clean(job: Job) -> None:
    """Cut maps of the fonts of pages that lost something down to the codes that are still shown."""
    wanted: dict[Key, Any] = {}
    for index in job.touched:
        page = job.pdf.pages[index].obj
        for _, font in dictionary(dictionary(page.get("/Resources")).get("/Font")).items():
            if isinstance(font, pikepdf.Dictionary) and font.is_indirect:
                wanted[font.objgen] = font
    # Forms are filled in with these: what they will show is not known.
    form = dictionary(job.pdf.Root.get("/AcroForm"))
    for _, font in dictionary(dictionary(form.get("/DR")).get("/Font")).items():
        wanted.pop(font.objgen, None)
    wanted = {k: f for k, f in wanted.items() if isinstance(f.get("/ToUnicode"), pikepdf.Stream)}
    if not wanted:
        return
    shown: dict[Key, set[bytes]] = {key: set() for key in wanted}
    try:
        for resources, content in _holders(job.pdf):
            _collect(resources, content, wanted, shown)
    except (pikepdf.PdfError, TypeError, ValueError):
        return  # a stream that cannot be parsed may show anything
    for key, font in wanted.items():
        if _cut(job.pdf, font, shown[key]):
            job.note("font maps", "cleaned")


def _holders(pdf: pikepdf.Pdf) -> Iterator[tuple[Any, Any]]:
    for page in pdf.pages:
        yield page.get("/Resources"), page
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream):
            if item.get("/Subtype") == "/Form" or item.get("/PatternType") == 1:
                yield item.get("/Resources"), item
        elif isinstance(item, pikepdf.Dictionary) and item.get("/Subtype") == "/Type3":
            for _, proc in dictionary(item.get("/CharProcs")).items():
                yield item.get("/Resources"), proc


def _collect(
    resources: Any, content: Any, wanted: dict[Key, Any], shown: dict[Key, set[bytes]]
) -> None:
    """Add the codes that a content stream shows, by font."""
    if resources is None:
        # It takes the fonts of whatever draws it: keep all that it could mean.
        names: dict[str, set[Key]] = {}
        anything = set(wanted)
    else:
        fonts = dictionary(dictionary(resources).get("/Font"))
        names = {n: {f.objgen} for n, f in fonts.items() if isinstance(f, pikepdf.Object)}
        anything = {key for keys in names.values() for key in keys if key in wanted}
        if not anything:
            return
    current: set[Key] = anything
    stack: list[set[Key]] = []
    for instruction in pikepdf.parse_content_stream(content, _OPERATORS):
        operator, operands = str(instruction.operator), instruction.operands
        if operator == "Tf" and len(operands):
            current = names.get(str(operands[0]), anything)
        elif operator == "gs":
            current = anything  # it may set a font
        elif operator == "q":
            stack.append(current)
        elif operator == "Q":
            current = stack.pop() if stack else anything
        elif len(operands):
            last = operands[-1]
            for item in last if isinstance(last, pikepdf.Array) else [last]:
                if isinstance(item, pikepdf.String):
                    for key in current & shown.keys():
                        shown[key] |= _codes(wanted[key], bytes(item))


def _codes(font: Any, data: bytes) -> set[bytes]:
    if font.get("/Subtype") != "/Type0":
        return {bytes((byte,)) for byte in set(data)}
    # Most composite fonts take two bytes a code; of any other length, keep all that it could be.
    found = {data[at : at + 2] for at in range(0, len(data), 2)}
    if font.get("/Encoding") not in ("/Identity-H", "/Identity-V"):
        found |= {data[at : at + n] for n in (1, 2, 3, 4) for at in range(len(data))}
    return found


def _cut(pdf: pikepdf.Pdf, font: Any, shown: set[bytes]) -> bool:
    body = font["/ToUnicode"].read_bytes()
    if b"usecmap" in body:
        return False
    codes = to_unicode(body)
    kept = {code: text for code, text in codes.items() if code in shown and text}
    if len(kept) == len(codes):
        return False
    size = max(map(len, codes))
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        f"1 begincodespacerange <{'00' * size}> <{'ff' * size}> endcodespacerange",
    ]
    rows = [f"<{c.hex()}> <{t.encode('utf-16-be').hex()}>" for c, t in sorted(kept.items())]
    for at in range(0, len(rows), _AT_ONCE):
        block = rows[at : at + _AT_ONCE]
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    font["/ToUnicode"] = pdf.make_stream("\n".join(lines).encode("ascii"))
    return True
