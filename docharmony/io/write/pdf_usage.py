"""Which parts of a PDF its content streams really use, and removal of what only names still hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pikepdf

from .pdf_fonts import Type3Font, load_font
from .pdf_objects import named

_CATEGORIES = ("/XObject", "/Pattern", "/ExtGState")
Key = tuple[int, int]


def prune_replaced(pdf: pikepdf.Pdf, replaced: set[Key]) -> None:
    """Drop resources that name an object whose content was removed elsewhere, where nothing shows it.

    Pages share resource dictionaries: without this, the picture blanked on page 1 stays in the file
    because page 2, which never shows it, could.
    """
    if not replaced:
        return
    inherited = _push_down(pdf)
    for holder, content in _holders(pdf):
        resources = holder.get("/Resources")
        if not isinstance(resources, pikepdf.Dictionary):
            continue
        suspects = {
            (category, name)
            for category in _CATEGORIES
            for name, value in _entries(resources, category)
            if isinstance(value, pikepdf.Object) and value.objgen in replaced
        }
        if not suspects:
            continue
        used = _names(content)
        unused = {
            (category, name)
            for category, name in suspects
            if not used & {(category, name), ("", name)}
        }
        if unused:
            fresh = pikepdf.Dictionary(dict(resources.items()))
            for category in {category for category, _ in unused}:
                fresh[category] = pikepdf.Dictionary(
                    {k: v for k, v in _entries(resources, category) if (category, k) not in unused}
                )
            holder["/Resources"] = fresh
    for node in inherited:
        del node["/Resources"]


def empty_contents(pdf: pikepdf.Pdf, old: Sequence[Any]) -> None:
    """Empty what was the content of pages and is no more: something else may still refer to it."""
    used: set[Key] = set()
    for page in pdf.pages:
        contents = page.obj.get("/Contents")
        streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
        used |= {stream.objgen for stream in streams if isinstance(stream, pikepdf.Stream)}
    for stream in old:
        if isinstance(stream, pikepdf.Stream) and stream.objgen not in used:
            stream.write(b"")


def prune_type3(pdf: pikepdf.Pdf) -> bool:
    """Empty the glyph procedures of Type 3 fonts that no reachable content shows."""
    live = reachable(pdf)
    fonts = {
        item.objgen: item
        for item in pdf.objects
        if isinstance(item, pikepdf.Dictionary)
        and item.get("/Subtype") == "/Type3"
        and item.objgen in live
    }
    if not fonts:
        return False
    used: dict[Key, set[int]] = {key: set() for key in fonts}
    for holder, content in _holders(pdf):
        if holder.objgen in live:
            _shown_codes(holder.get("/Resources"), content, used)
    changed = False
    for key, font in fonts.items():
        measured = load_font(font)
        procs = font.get("/CharProcs")
        if not isinstance(measured, Type3Font) or not isinstance(procs, pikepdf.Dictionary):
            continue
        kept = {found[0] for code in used[key] if (found := measured.proc(code))}
        fresh = {name: proc for name, proc in procs.items() if name in kept}
        if len(fresh) < len(procs):
            font["/CharProcs"] = pikepdf.Dictionary(fresh)
            changed = True
    return changed


def reachable(pdf: pikepdf.Pdf) -> set[Key]:
    """Return the ids of all indirect objects that a full rewrite keeps."""
    seen: set[Key] = set()
    waiting: list[Any] = [pdf.trailer]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, pikepdf.Object):
            continue
        if item.is_indirect:
            if item.objgen in seen:
                continue
            seen.add(item.objgen)
        if isinstance(item, pikepdf.Array):
            waiting += list(item)
        elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            waiting += [value for _, value in item.items()]
    return seen


def _push_down(pdf: pikepdf.Pdf) -> list[Any]:
    """Give every page the resources that it inherits; return the nodes that they came from."""
    nodes: dict[Key, Any] = {}
    for page in pdf.pages:
        if "/Resources" in page.obj:
            node = page.obj.get("/Parent")
        else:
            resources = page.get("/Resources")
            if resources is not None:
                page.obj["/Resources"] = resources
            node = page.obj.get("/Parent")
        depth = 0
        while isinstance(node, pikepdf.Dictionary) and depth < 50:
            if "/Resources" in node:
                nodes[node.objgen] = node
            node, depth = node.get("/Parent"), depth + 1
    return list(nodes.values())


def _holders(pdf: pikepdf.Pdf) -> Iterator[tuple[Any, Any]]:
    """Yield (dictionary with /Resources, content to parse) of pages, forms and tiling patterns."""
    for page in pdf.pages:
        yield page.obj, page
    for item in pdf.objects:
        if isinstance(item, pikepdf.Stream) and (
            item.get("/Subtype") == "/Form" or item.get("/PatternType") == 1
        ):
            yield item, item


def _entries(resources: Any, category: str) -> list[tuple[str, Any]]:
    table = resources.get(category)
    return list(table.items()) if isinstance(table, pikepdf.Dictionary) else []


def _names(content: Any) -> set[tuple[str, str]]:
    try:
        return {
            pair
            for instruction in pikepdf.parse_content_stream(content)
            if not isinstance(instruction, pikepdf.ContentStreamInlineImage)
            for pair in named(instruction)
        }
    except pikepdf.PdfError:
        return set()


def _shown_codes(resources: Any, content: Any, used: dict[Key, set[int]]) -> None:
    table = dict(_entries(resources, "/Font")) if isinstance(resources, pikepdf.Dictionary) else {}
    mine = {
        name: font.objgen
        for name, font in table.items()
        if isinstance(font, pikepdf.Object) and font.objgen in used
    }
    if not mine:
        return
    try:
        instructions = pikepdf.parse_content_stream(content, "Tf Tj TJ ' \" q Q gs")
    except pikepdf.PdfError:
        return
    # The font that is set; None where a graphics state may have set any of them.
    current: str | None = None
    known, saved = False, [(False, current)]
    for instruction in instructions:
        operator, operands = str(instruction.operator), instruction.operands
        last = operands[-1] if len(operands) else None
        if operator == "q":
            saved.append((known, current))
        elif operator == "Q":
            known, current = saved.pop() if len(saved) > 1 else (False, None)
        elif operator == "gs":
            known = False
        elif operator == "Tf":
            known, current = len(operands) == 2, str(operands[0]) if len(operands) else None
        else:
            keys = [mine[current]] if known and current in mine else []
            for item in last if isinstance(last, pikepdf.Array) else [last]:
                if isinstance(item, pikepdf.String):
                    for key in keys if known else set(mine.values()):
                        used[key].update(bytes(item))
