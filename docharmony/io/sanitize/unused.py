"""What the file holds and no page draws: resources without use, private streams, pressed appearances.

Nobody can see it, no reader of pages can search it, and all of it can be the page as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pikepdf

from ..drawn_text import form_hit
from ..write.pdf_objects import TAKES
from .base import Job, dictionary
from .contents import without_fonts

_HIDDEN = 2 | 32  # annotation flags: hidden, no view
_CATEGORIES = (
    "/XObject",
    "/Pattern",
    "/ExtGState",
    "/Font",
    "/Shading",
    "/ColorSpace",
    "/Properties",
)
# A name of a content stream, and the operator that takes it.
_NAME = re.compile(
    rb"/([^\x00-\x20()<>\[\]{}/%]*)"
    rb"(?=(?:\s+(Do|gs|sh|cs|CS|scn|SCN|BDC|DP)|\s+[-+.\d]+\s+(Tf))(?![^\s()<>\[\]{}/%]))?"
)
_FONTS = frozenset({"/Type1", "/MMType1", "/TrueType", "/Type3"})
Used = set[tuple[str, str]]  # category of resources ("" for any) and name
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
# Keys of ISO 32000-2, tables 15, 29, 31 and 32, and of the cross-reference streams in tables 5 and 17.
_TRAILER = frozenset({
    "/Size", "/Prev", "/Root", "/Encrypt", "/Info", "/ID", "/XRefStm", "/Type", "/W", "/Index",
    "/Length", "/Filter", "/DecodeParms",
})  # fmt: skip
_CATALOG = frozenset({
    "/Type", "/Version", "/Extensions", "/Pages", "/PageLabels", "/Names", "/Dests",
    "/ViewerPreferences", "/PageLayout", "/PageMode", "/Outlines", "/Threads", "/OpenAction",
    "/AA", "/URI", "/AcroForm", "/Metadata", "/StructTreeRoot", "/MarkInfo", "/Lang",
    "/SpiderInfo", "/OutputIntents", "/PieceInfo", "/OCProperties", "/Perms", "/Legal",
    "/Requirements", "/Collection", "/NeedsRendering", "/DSS", "/AF", "/DPartRoot",
})  # fmt: skip
_PAGE = frozenset({
    "/Type", "/Parent", "/LastModified", "/Resources", "/MediaBox", "/CropBox", "/BleedBox",
    "/TrimBox", "/ArtBox", "/BoxColorInfo", "/Contents", "/Rotate", "/Group", "/Thumb", "/B",
    "/Dur", "/Trans", "/Annots", "/AA", "/Metadata", "/PieceInfo", "/StructParents", "/ID", "/PZ",
    "/SeparationInfo", "/Tabs", "/TemplateInstantiated", "/PresSteps", "/UserUnit", "/VP", "/AF",
    "/OutputIntents", "/DPart",
})  # fmt: skip
_NAMES = frozenset({
    "/Dests", "/AP", "/JavaScript", "/Pages", "/Templates", "/IDS", "/URLS", "/EmbeddedFiles",
    "/AlternatePresentations", "/Renditions",
})  # fmt: skip
# Name trees of pages and pictures that a viewer shows only when a script asks for them.
_OFFSTAGE = ("/Templates", "/AlternatePresentations", "/Renditions", "/AP")


def clean(job: Job) -> None:
    """Remove what no page draws; minimal keeps private keys that hold no stream."""
    if not (job.needles or job.touched or job.removes):
        return
    for holder, known in _owners(job.pdf):
        for key in list(holder.keys()):
            if key not in known and (
                job.removes or _streams(holder[key]) or _named(job, key, holder[key])
            ):
                job.drop(holder, key, "private data")
    names = dictionary(job.pdf.Root.get("/Names"))
    for key in _OFFSTAGE:
        job.drop(names, key, "pages and pictures kept for scripts")
    for page in job.pdf.pages:
        annotations = page.get("/Annots")
        for annotation in annotations if isinstance(annotations, pikepdf.Array) else ():
            if isinstance(annotation, pikepdf.Dictionary):
                _appearances(job, annotation)
    _resources(job)


def _owners(pdf: pikepdf.Pdf) -> list[tuple[Any, frozenset[str]]]:
    pages = [(page.obj, _PAGE) for page in pdf.pages]
    names = dictionary(pdf.Root.get("/Names"))
    return [(pdf.trailer, _TRAILER), (pdf.Root, _CATALOG), (names, _NAMES), *pages]


def _streams(value: Any, depth: int = 0) -> bool:
    if isinstance(value, pikepdf.Stream) or depth > 20:
        return True
    if isinstance(value, pikepdf.Array):
        return any(_streams(item, depth + 1) for item in value)
    if isinstance(value, pikepdf.Dictionary):
        if value.get("/Type") in ("/Page", "/Pages", "/Catalog"):
            return False
        return any(_streams(v, depth + 1) for k, v in value.items() if k not in ("/Parent", "/P"))
    return False


def _named(job: Job, key: str, value: Any) -> bool:
    """Return whether a private key, or its value, is a name that holds a hit."""
    return job.needles.hit(key[1:]) or (
        isinstance(value, pikepdf.Name) and job.needles.hit(str(value)[1:])
    )


def _appearances(job: Job, annotation: Any) -> None:
    """Empty appearances that are not shown and hold a hit, or what cannot be searched."""
    flags = annotation.get("/F", 0)
    hidden = isinstance(flags, int) and bool(flags & _HIDDEN)
    looks = dictionary(annotation.get("/AP"))
    for key, look in list(looks.items()):
        states = look if not isinstance(look, pikepdf.Stream) else None
        forms = [(looks, key, look)] if states is None else []
        if isinstance(states, pikepdf.Dictionary):
            forms = [(states, name, form) for name, form in states.items()]
        for holder, name, form in forms:
            shown = key == "/N" and not hidden and (states is None or name == annotation.get("/AS"))
            if not shown and isinstance(form, pikepdf.Stream) and form_hit(form, job.needles):
                holder[name] = _empty(job.pdf, form)
                job.note("appearances that are not shown", "removed")


def _empty(pdf: pikepdf.Pdf, form: Any) -> Any:
    made = pdf.make_stream(b"")
    made["/Type"], made["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
    made["/BBox"] = form.get("/BBox", pikepdf.Array([0, 0, 1, 1]))
    return made


# --- resources ------------------------------------------------------------------------------------


def _resources(job: Job) -> None:
    """Give every page, form, pattern and Type 3 font those resources only that its content names."""
    from ..write.pdf_usage import _push_down

    inherited = _push_down(job.pdf)
    try:
        _prune(job)
    except pikepdf.PdfError:
        return  # a stream that cannot be decoded could name anything
    finally:
        for node in inherited:
            if "/Resources" in node:
                del node["/Resources"]


def _prune(job: Job) -> None:
    contents: list[tuple[Any, Used]] = []
    # A form without resources of its own takes those of whatever draws it.
    loose: Used = set()
    for page in job.pdf.pages:
        contents.append((page.obj, _names(_page_streams(page.obj))))
    for item in job.pdf.objects:
        streams: list[Any] = []
        if isinstance(item, pikepdf.Stream):
            if item.get("/Subtype") == "/Form" or item.get("/PatternType") == 1:
                streams = [item]
        elif isinstance(item, pikepdf.Dictionary) and item.get("/Subtype") == "/Type3":
            streams = [p for _, p in dictionary(item.get("/CharProcs")).items()]
        if streams:
            named = _names(streams)
            if "/Resources" in item:
                contents.append((item, named))
            else:
                loose |= named
    for holder, named in contents:
        resources = holder.get("/Resources")
        fonts = {name for category, name in named if category == "/Font"}
        lost = fonts - _fonts(resources)
        if lost and holder.get("/Subtype") != "/Type3" and without_fonts(job, holder, lost):
            job.note("text in fonts that are not there", "removed")
        if isinstance(resources, pikepdf.Dictionary):
            # What is no font is kept by nothing: its map still spells what was written in it.
            broken = {("/Font", name) for name in lost}
            fresh = _pruned(resources, (named | loose) - broken)
            if fresh is not None:
                holder["/Resources"] = fresh
                job.note("unused resources", "removed")


def _fonts(resources: Any) -> set[str]:
    """Return the names of the fonts that are there, and are fonts."""
    table = dictionary(dictionary(resources).get("/Font"))
    return {name for name, font in table.items() if _is_font(font)}


def _is_font(font: Any) -> bool:
    kind = str(dictionary(font).get("/Subtype"))
    if kind != "/Type0":
        return kind in _FONTS
    kids = font.get("/DescendantFonts")
    return isinstance(kids, pikepdf.Array) and len(kids) == 1 and "/Subtype" in dictionary(kids[0])


def _pruned(resources: Any, named: Used) -> Any:
    fresh = pikepdf.Dictionary(dict(resources.items()))
    changed = False
    for category in _CATEGORIES:
        table = resources.get(category)
        if not isinstance(table, pikepdf.Dictionary):
            continue
        kept = {
            key: value
            for key, value in table.items()
            if (category, key) in named
            or ("", key) in named
            or (category == "/ColorSpace" and key.startswith("/Default"))
        }
        if len(kept) < len(table):
            fresh[category] = pikepdf.Dictionary(kept)
            changed = True
    return fresh if changed else None


def _page_streams(page: Any) -> list[Any]:
    contents = page.get("/Contents")
    return list(contents) if isinstance(contents, pikepdf.Array) else [contents]


def _names(streams: Iterable[Any]) -> Used:
    """Return every name in content streams, with the kind of resource that it names.

    Those in strings and comments come too, which does no harm.
    """
    parts = [stream.read_bytes() for stream in streams if isinstance(stream, pikepdf.Stream)]
    found = set()
    for name, *operators in _NAME.findall(b"\n".join(parts)):
        plain = (
            _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), name) if b"#" in name else name
        )
        operator = b"".join(operators).decode()
        found.add((TAKES.get(operator, ""), "/" + plain.decode("utf-8", "replace")))
    return found
