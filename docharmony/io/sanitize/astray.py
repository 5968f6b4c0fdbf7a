"""Streams out of place: what stands where a key asks for something else.

In a damaged file a reference leads elsewhere: to the content of a page where a font's map should be, to a
hidden picture where a bookmark should be. No page draws it from there and no reader of pages searches
it. So each stream has to be of the kind that the key asks for by which it is reached, from a holder that
may have such a key; ISO 32000-2 says which. What is not goes.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pikepdf

from .base import Job

Key = tuple[int, int]
# Names of the author's own choice are the keys of these dictionaries.
_TABLES = frozenset({
    "/XObject", "/Pattern", "/Shading", "/ColorSpace", "/CharProcs", "/EF", "/HT", "/Colorants",
    "/SpectralData", "/State",
})  # fmt: skip
# Dictionaries whose keys mean what they mean nowhere else.
_HOLDERS = _TABLES | {"/Resources", "/AP", "/MK", "/SMask"}
_LOOKS = frozenset({"/N", "/R", "/D"})
_ICONS = frozenset({"/I", "/RI", "/IX"})
# What programs keep for themselves: other carriers decide on it as a whole.
_PRIVATE = frozenset({"/PieceInfo", "/SpiderInfo"})
_DEEP = 60
# Codes of pictures; qpdf need not know them.
_CODES = frozenset({
    "/ASCIIHexDecode", "/AHx", "/ASCII85Decode", "/A85", "/LZWDecode", "/LZW", "/FlateDecode", "/Fl",
    "/RunLengthDecode", "/RL", "/CCITTFaxDecode", "/CCF", "/JBIG2Decode", "/DCTDecode", "/DCT",
    "/JPXDecode",
})  # fmt: skip
_LARGEST = 1 << 26

_MAP = re.compile(rb"begincmap|begincodespacerange|beginbf|begincid|usecmap")
# What shows text after BT, an inline image, a path: what no data holds.
_TEXT = re.compile(rb"(?<!\S)BT\s")
_SHOW = re.compile(rb"[)>\]]\s{0,9}(?:T[jJ]|['\"])(?!\S)")
_INLINE = re.compile(rb"(?<!\S)BI\s")
_PIXELS = re.compile(rb"\sID\s")
_NUMBER = rb"[-+.\d]{1,20}\s{1,9}"
_PATH = re.compile(
    rb"(?:%b){2}m\s{1,9}(?:%b){2}(?:l|(?:%b){2}[vy]|(?:%b){4}c)\s" % ((_NUMBER,) * 4)
)


def clean(job: Job) -> None:
    """Remove streams that are not what their key asks for, and the content of pages that are none."""
    if not (job.needles or job.touched or job.removes):
        return
    for item in job.pdf.objects:
        if isinstance(item, pikepdf.Stream):
            _mend(job, item)
    pages = {page.obj.objgen for page in job.pdf.pages}
    good: set[tuple[Any, ...]] = set()
    bad: dict[tuple[Any, ...], _Edge] = {}
    for edge in _edges(job.pdf, pages):
        if edge.fits:
            good.add(edge.place)
        else:
            bad[edge.place] = edge
    for place, edge in bad.items():
        if place in good:
            continue
        if isinstance(edge.holder, pikepdf.Array):
            edge.holder[edge.key] = None
        elif edge.key in edge.holder:
            del edge.holder[edge.key]
        job.note("objects out of place", "removed")


def _mend(job: Job, stream: Any) -> None:
    """Replace a stream that cannot be decoded by what can be; nobody can search the rest.

    Viewers show of a damaged stream what stands before the damage, and nothing in unknown codes.
    """
    filters = stream.get("/Filter")
    names = list(filters) if isinstance(filters, pikepdf.Array) else [filters]
    if filters is None or (_kind(stream) == "/Image" and all(str(n) in _CODES for n in names)):
        return
    try:
        stream.read_bytes()
        return
    except pikepdf.PdfError:
        raw = stream.read_raw_bytes()
    plain = b""
    if names in (["/FlateDecode"], ["/Fl"]) and "/DecodeParms" not in stream:
        coder = zlib.decompressobj()
        with contextlib.suppress(zlib.error):
            for at in range(0, len(raw), 64):  # what comes before the damage is kept
                plain += coder.decompress(raw[at : at + 64], _LARGEST)
                if len(plain) > _LARGEST:
                    break
    stream.write(plain)
    job.note("streams that cannot be decoded", "cleaned" if plain else "removed")


class _Edge(NamedTuple):
    """A reference as it is reached; ``place`` says from where: the object, and the way into it."""

    place: tuple[Any, ...]
    holder: Any
    key: Any
    fits: bool


def _edges(pdf: pikepdf.Pdf, pages: set[Key]) -> Iterator[_Edge]:
    """Yield every reference to a stream, once for each role in which its holder is reached.

    And those to annotations of a page that is not in the document.
    """
    seen: set[tuple[Key, str]] = set()
    fits: dict[tuple[Key, str], bool] = {}
    waiting: list[tuple[Any, str, tuple[Any, ...]]] = [(pdf.trailer, "", ((0, 0),))]
    while waiting:
        holder, role, place = waiting.pop()
        for key, value, asked in _parts(holder, role, pages):
            if key == "/Annots" and holder.objgen not in pages:
                yield _Edge((*place, key), holder, key, fits=False)
                continue
            if not isinstance(value, pikepdf.Dictionary | pikepdf.Array | pikepdf.Stream):
                continue
            inside: tuple[Any, ...] = (*place, key)
            if isinstance(value, pikepdf.Stream):
                known = (value.objgen, asked)
                if known not in fits:
                    fits[known] = _fits(value, asked)
                yield _Edge(inside, holder, key, fits[known])
                if not fits[known]:
                    continue
                asked = ""
            elif isinstance(value, pikepdf.Dictionary) and asked not in _HOLDERS:
                asked = ""
            if value.is_indirect:
                if (value.objgen, asked) in seen:
                    continue
                seen.add((value.objgen, asked))
                inside = (value.objgen,)
            if len(inside) < _DEEP:
                waiting.append((value, asked, inside))


def _parts(holder: Any, role: str, pages: set[Key]) -> Iterator[tuple[Any, Any, str]]:
    """Yield each entry of a holder, with the role that it is asked to play."""
    if isinstance(holder, pikepdf.Array):
        for index, value in enumerate(holder):
            yield index, value, role
    else:
        for key, value in holder.items():
            if key not in _PRIVATE:
                yield key, value, _role(holder, role, key, value, pages)


def _role(holder: Any, role: str, key: str, value: Any, pages: set[Key]) -> str:
    if role in _TABLES:
        return role
    if role == "/AP":
        states = isinstance(value, pikepdf.Dictionary) and not isinstance(value, pikepdf.Stream)
        return "" if key not in _LOOKS else "/State" if states else "look"
    if key in ("/XObject", "/Pattern"):
        return key if role == "/Resources" else ""
    if key == "/Shading":
        return key if role == "/Resources" else "shading"
    if key == "/Contents":
        return key if holder.objgen in pages else ""
    if key == "/Resources":
        return key if _has_resources(holder, pages) else ""
    if key == "/DR":
        return "/Resources"
    if key == "/CharProcs":
        return key if holder.get("/Subtype") == "/Type3" else ""
    if role == "/MK" and key in _ICONS:
        return "look"
    if role == "/SMask":
        return "group" if key == "/G" else key
    return key


def _has_resources(holder: Any, pages: set[Key]) -> bool:
    return (
        holder.objgen in pages
        or isinstance(holder, pikepdf.Stream)
        or "/Kids" in holder
        or holder.get("/Subtype") == "/Type3"
    )


def _fits(stream: Any, role: str) -> bool:
    """Return whether a stream is of the kind that a role asks for."""
    test = _KINDS.get(role)
    return test is not None and test(stream)


def _kind(stream: Any) -> str:
    return str(stream.get("/Subtype", ""))


def _image(stream: Any) -> bool:
    return _kind(stream) in ("/Image", "")  # thumbnails need not say it


def _look(stream: Any) -> bool:
    return _kind(stream) in ("/Form", "")


def _data(stream: Any) -> bool:
    """Return whether a stream is data: no picture, and nothing that draws."""
    if _kind(stream) in ("/Image", "/Form") or "/PatternType" in stream:
        return False
    try:
        return not _draws(stream.read_bytes())
    except pikepdf.PdfError:
        return True  # in codes that qpdf does not know; the checks withhold what they cannot read


def _draws(data: bytes) -> bool:
    """Return whether bytes are the content of a page or a form: show text, pixels or paths."""
    for begin, rest in ((_TEXT, _SHOW), (_INLINE, _PIXELS)):
        if (found := begin.search(data)) and rest.search(data, found.end()):
            return True
    return bool(_PATH.search(data))


def _map(stream: Any) -> bool:
    try:
        return _data(stream) and bool(_MAP.search(stream.read_bytes()))
    except pikepdf.PdfError:
        return False


_DATA = (
    "/Metadata", "/FontFile", "/FontFile2", "/FontFile3", "/CIDToGIDMap", "/CIDSet", "/JBIG2Globals",
    "/DestOutputProfile", "/SpectralData", "/ColorSpace", "/CS", "/Cs", "/Base", "/Alternate",
    "/Colorants",
    "/Function", "/Functions", "/TR", "/TR2", "/BG", "/BG2", "/UCR", "/UCR2", "/HT", "/TransferFunction",
    "/SpotFunction", "/TintTransform", "/DotGain", "/MixingHints", "/Solidities",
    "/JS", "/XFA", "/V", "/DV", "/RV", "/RC", "/OnInstantiate",
)  # fmt: skip
_KINDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_DATA, _data),
    **dict.fromkeys(("/ToUnicode", "/Encoding", "/UseCMap"), _map),
    **dict.fromkeys(("/SMask", "/Mask", "/Thumb", "/Poster"), _image),
    **dict.fromkeys(("look", "group", "/State", "/Contents", "/CharProcs"), _look),
    **dict.fromkeys(("/EF", "/Sound", "/3DD"), lambda _: True),
    "/XObject": lambda stream: _kind(stream) in ("/Image", "/Form", "/PS"),
    "/Pattern": lambda stream: "/PatternType" in stream,
    "/Shading": lambda stream: "/ShadingType" in stream,
    "shading": lambda stream: "/ShadingType" in stream,
}
