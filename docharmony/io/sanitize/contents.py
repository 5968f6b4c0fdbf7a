"""What content streams hold besides what they draw, and names that an author could choose.

Comments, operators that no viewer knows, marked points, tags; names of resources, fonts, inks, roles and
states of buttons. A name is given another everywhere at once, so that all that refers to it still does.
Reading every stream costs time: this is done when a check has found something there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pikepdf

from ..needles import LONG
from .base import Job

# Dictionaries whose keys are such names.
_TABLES = (
    "/RoleMap",
    "/ClassMap",
    "/ColorSpace",
    "/ExtGState",
    "/Font",
    "/Pattern",
    "/Properties",
    "/Shading",
    "/XObject",
)
_OPERATORS = frozenset(
    (
        "b", "B", "b*", "B*", "BDC", "BI", "BMC", "BT", "BX", "c", "cm", "CS", "cs", "d", "d0", "d1",
        "Do", "DP", "EI", "EMC", "ET", "EX", "f", "F", "f*", "G", "g", "gs", "h", "i", "ID", "j", "J",
        "K", "k", "l", "m", "M", "MP", "n", "q", "Q", "re", "RG", "rg", "ri", "s", "S", "SC", "sc",
        "SCN", "scn", "sh", "T*", "Tc", "Td", "TD", "Tf", "Tj", "TJ", "TL", "Tm", "Tr", "Ts", "Tw",
        "Tz", "v", "w", "W", "W*", "y", "'", '"',
    )
)  # fmt: skip
_SHOWS = frozenset({"Tj", "TJ", "'", '"'})
_DEEP = 40


def clean(job: Job) -> None:
    """Take hits out of content streams, chosen names and colour profiles."""
    names = {name for name in _chosen(job.pdf) if _hit(job, name)}
    fresh = {name: f"/DH{number}" for number, name in enumerate(sorted(names), 1)}
    if fresh:
        for item in [*job.pdf.objects, job.pdf.trailer]:
            _rename(item, fresh)
        job.note("names", "cleaned")
    for holder in [*job.pdf.pages, *_forms(job.pdf)]:
        _content(job, holder, fresh)
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Stream) and "/N" in item and "/FunctionType" not in item:
            _profile(job, item)


def _hit(job: Job, name: str) -> bool:
    """Return whether a name holds a needle; short needles are syllables of too many names."""
    text = name[1:].split("+")[-1]
    if job.needles.hit(text):
        return True
    return len(text) >= LONG and job.needles.hit_bytes(name.encode(), binary=True)


def _chosen(pdf: pikepdf.Pdf) -> Iterator[str]:
    """Yield names that whoever made the file was free to choose."""
    for item in pdf.objects:
        if isinstance(item, pikepdf.Array):
            yield from _inks(item)
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            continue
        yield from _in_dictionary(item)


def _in_dictionary(item: Any, depth: int = 0) -> Iterator[str]:
    if item.get("/Type") == "/Font" or "/BaseFont" in item or "/FontName" in item:
        for key in ("/Name", "/BaseFont", "/FontName"):
            # What is not in the file is found by its name.
            if isinstance(item.get(key), pikepdf.Name) and (key == "/Name" or _embedded(item)):
                yield str(item[key])
    for key, value in item.items():
        if key in _TABLES and isinstance(value, pikepdf.Dictionary):
            yield from value.keys()
        elif key == "/AP" and isinstance(value, pikepdf.Dictionary):
            for states in value.values():
                if isinstance(states, pikepdf.Dictionary) and not isinstance(
                    states, pikepdf.Stream
                ):
                    yield from states.keys()
        if isinstance(value, pikepdf.Object) and not value.is_indirect and depth < _DEEP:
            if isinstance(value, pikepdf.Dictionary):
                yield from _in_dictionary(value, depth + 1)
            elif isinstance(value, pikepdf.Array):
                yield from _inks(value)


def _inks(array: Any, depth: int = 0) -> Iterator[str]:
    kind = array[0] if len(array) else None
    inks = array[1] if len(array) > 1 and kind in ("/Separation", "/DeviceN") else None
    if isinstance(inks, pikepdf.Name):
        yield str(inks)
    elif isinstance(inks, pikepdf.Array):
        yield from (str(ink) for ink in inks if isinstance(ink, pikepdf.Name))
    for item in array:
        if isinstance(item, pikepdf.Array) and not item.is_indirect and depth < _DEEP:
            yield from _inks(item, depth + 1)


def _embedded(font: Any) -> bool:
    """Return whether a font, its descendant or a descriptor has its program in the file."""
    if font.get("/Subtype") == "/Type3" or "+" in str(font.get("/BaseFont", ""))[:8]:
        return True
    kids = font.get("/DescendantFonts")
    kid = kids[0] if isinstance(kids, pikepdf.Array) and len(kids) else font
    descriptor = kid.get("/FontDescriptor", kid)
    return any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def _rename(value: Any, fresh: dict[str, str], depth: int = 0) -> None:
    if depth > _DEEP:
        return
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        for key, item in list(value.items()):
            if isinstance(item, pikepdf.Name) and str(item) in fresh:
                value[key] = pikepdf.Name(fresh[str(item)])
            elif isinstance(item, pikepdf.Object) and not item.is_indirect:
                _rename(item, fresh, depth + 1)
            if key in fresh:
                value[fresh[key]] = value[key]
                del value[key]
    elif isinstance(value, pikepdf.Array):
        for index, item in enumerate(value):
            if isinstance(item, pikepdf.Name) and str(item) in fresh:
                value[index] = pikepdf.Name(fresh[str(item)])
            elif isinstance(item, pikepdf.Object) and not item.is_indirect:
                _rename(item, fresh, depth + 1)


def _forms(pdf: pikepdf.Pdf) -> Iterator[Any]:
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream) and (
            item.get("/Subtype") == "/Form" or "/PatternType" in item
        ):
            yield item


def _content(job: Job, holder: Any, fresh: dict[str, str]) -> None:
    """Write a content stream anew that holds a hit, without what draws nothing."""
    try:
        stream = isinstance(holder, pikepdf.Stream)
        data = holder.read_bytes() if stream else _contents(holder)
        if not (job.needles.hit_bytes(data) or any(name[1:].encode() in data for name in fresh)):
            return
        result = []
        size = 1.0
        for instruction in pikepdf.parse_content_stream(holder):
            name = str(instruction.operator)
            if name == "Tf":
                size = float(instruction.operands[-1])
            if name in _SHOWS and not size and any(_holds(job, o) for o in instruction.operands):
                continue  # text of no size
            kept = _instruction(job, instruction, fresh)
            if kept is not None:
                result.append(kept)
        body = pikepdf.unparse_content_stream(result) + b"\n"
    except (pikepdf.PdfError, TypeError, ValueError, IndexError):
        return  # what cannot be read stays as it is, and is found by the checks
    if stream:
        holder.write(body)
    else:
        holder.obj["/Contents"] = job.pdf.make_stream(body)
    job.note("content streams", "cleaned")


def without_fonts(job: Job, holder: Any, lost: set[str]) -> bool:
    """Take text out of a page or a form whose font is not there; return whether there was any.

    Viewers show something else or nothing, parsers find nothing, and whoever knows the font reads it.
    Text in bytes that are letters by themselves stays: that can be searched.
    """
    stream = isinstance(holder, pikepdf.Stream)
    target = holder if stream else pikepdf.Page(holder)
    kept = []
    font: str | None = None
    saved: list[str | None] = []
    try:
        for instruction in pikepdf.parse_content_stream(target):
            name = str(instruction.operator)
            if name == "q":
                saved.append(font)
            elif name == "Q" and saved:
                font = saved.pop()
            elif name == "Tf" and len(instruction.operands):
                font = str(instruction.operands[0])
            elif name in _SHOWS and font in lost and any(map(_coded, instruction.operands)):
                continue
            kept.append(instruction)
        if len(kept) == len(pikepdf.parse_content_stream(target)):
            return False
        body = pikepdf.unparse_content_stream(kept) + b"\n"
    except (pikepdf.PdfError, TypeError, ValueError):
        return False
    if stream:
        holder.write(body)
    else:
        holder["/Contents"] = job.pdf.make_stream(body)
    return True


def _coded(operand: Any) -> bool:
    """Return whether a shown string holds bytes that are no letters in any single-byte encoding."""
    if isinstance(operand, pikepdf.Array):
        return any(map(_coded, operand))
    return isinstance(operand, pikepdf.String) and any(byte < 0x20 for byte in bytes(operand))


def _contents(page: pikepdf.Page) -> bytes:
    contents = page.obj.get("/Contents")
    parts = contents if isinstance(contents, pikepdf.Array) else [contents]
    return b"\n".join(p.read_bytes() for p in parts if isinstance(p, pikepdf.Stream))


def _instruction(job: Job, instruction: Any, fresh: dict[str, str]) -> Any:
    if isinstance(instruction, pikepdf.ContentStreamInlineImage):
        return instruction
    operator, operands = str(instruction.operator), list(instruction.operands)
    hit = any(_holds(job, operand) for operand in operands)
    if operator not in _OPERATORS or _holds(job, pikepdf.String(operator)):
        return None  # no viewer knows it
    if operator in ("MP", "DP") and hit:
        return None
    if operator in ("BMC", "BDC") and hit:
        tag = operands[0] if operands else None
        if not isinstance(tag, pikepdf.Name) or _hit(job, str(tag)):
            operands[:1] = [pikepdf.Name(fresh.get(str(tag), "/Span"))]
        if len(operands) > 1 and isinstance(operands[1], pikepdf.Dictionary):
            mcid = operands[1].get("/MCID")
            operands[1] = pikepdf.Dictionary({} if mcid is None else {"/MCID": mcid})
        return operands, instruction.operator
    named = [
        pikepdf.Name(fresh[str(operand)])
        if isinstance(operand, pikepdf.Name) and str(operand) in fresh
        else operand
        for operand in operands
    ]
    return named, instruction.operator


def _holds(job: Job, operand: Any) -> bool:
    if isinstance(operand, pikepdf.Name):
        return _hit(job, str(operand))
    if isinstance(operand, pikepdf.String):
        return job.needles.hit(str(operand)) or job.needles.hit_bytes(bytes(operand))
    if isinstance(operand, pikepdf.Dictionary):
        return any(_hit(job, key) or _holds(job, value) for key, value in operand.items())
    return isinstance(operand, pikepdf.Array) and any(_holds(job, item) for item in operand)


def _profile(job: Job, stream: Any) -> None:
    """Overwrite a hit in the texts of a colour profile: its numbers stay."""
    try:
        data = bytes(stream.read_bytes())
    except pikepdf.PdfError:
        return
    if not job.needles.hit_bytes(data, binary=True):
        return
    clean = bytearray(data)
    at = (
        128 if clean[36:40] == b"acsp" else 0
    )  # texts come after the header; what has none is no profile
    while at < len(clean):
        end = at
        while end < len(clean) and (0x20 <= clean[end] < 0x7F or clean[end] == 0):
            end += 1
        if end - at >= LONG and job.needles.hit_bytes(bytes(clean[at:end]), binary=True):
            clean[at:end] = bytes(32 if byte else 0 for byte in clean[at:end])
        at = end + 1
    stream.write(bytes(clean))
    job.note("colour profile", "cleaned")
