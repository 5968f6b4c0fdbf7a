"""Two PDFs in one, on objects. Runs in a :class:`..child.Child` only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf

from ...errors import BrokenError, EncryptedError
from ..wire import Buffer

Reply = tuple[Any, list[Buffer]]
_Link = tuple[dict[str, Any], str | None, int | None]

# Space between two pages on one sheet, in points.
_GAP = 12.0
# What of an annotation of the original has a meaning on the translated page too.
_LINK_KEYS = ("/Rect", "/Border", "/BS", "/C", "/H", "/F", "/QuadPoints", "/Contents")


def combine(
    blobs: list[bytearray],
    *,
    path: str,
    translated: str,
    password: str | None,
    layout: str,
    numbers: list[int],
    out: str,
) -> Reply:
    """Write the original with its translation; answer with the number of pages."""
    with _open(path, password) as pdf, _open(translated, password) as other:
        if len(pdf.pages) != len(other.pages):
            raise BrokenError("the translation has another number of pages")
        # What fields hold and marks show belongs to what is seen; links stay as they are.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other.flatten_annotations("screen")
        if layout == "side":
            for number in numbers:
                page, translation = pdf.pages[number - 1], other.pages[number - 1]
                links = _links(translation, other)
                shift = _beside(pdf, page, translation)
                _link(pdf, page, [_shifted(link, shift) for link in links], list(pdf.pages))
        else:
            _interleave(pdf, other, [number - 1 for number in numbers])
        encryption: Any = False
        if pdf.is_encrypted and password:
            encryption = pikepdf.Encryption(user=password, owner=password, R=6, allow=pdf.allow)
        count = len(pdf.pages)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pdf.save(out, encryption=encryption)
    return count, []


def _open(path: str, password: str | None) -> Pdf:
    try:
        return Pdf.open(path, password=password or "")
    except pikepdf.PasswordError:
        raise EncryptedError(
            "cannot open the PDF", why="it is encrypted", hint="Give --password."
        ) from None
    except pikepdf.PdfError:
        raise BrokenError("cannot read the PDF", why="its structure is damaged") from None


# --- page after page -----------------------------------------------------------------------------


def _interleave(pdf: Pdf, other: Pdf, chosen: Sequence[int]) -> None:
    """Put the chosen pages (0-based, rising) of the translation behind their originals."""
    labels = [page.label for page in pdf.pages] if Name.PageLabels in pdf.Root else []
    links = {index: _links(other.pages[index], other) for index in chosen}
    originals, pages = list(pdf.pages), list(other.pages)
    added: dict[int, Any] = {}
    for shift, index in enumerate(chosen, 1):
        page = pages[index]
        # Fields, pop-ups and the tags' way back belong to the original page alone.
        for key in ("/Annots", "/StructParents", "/B", "/AA", "/PieceInfo"):
            if key in page.obj:
                del page.obj[key]
        pdf.pages.insert(index + shift, page)
        added[index] = pdf.pages[index + shift]
    # To the translation of the page, where there is one.
    targets = [added.get(index, page) for index, page in enumerate(originals)]
    for index, page in added.items():
        _link(pdf, page, links[index], targets)
    if labels:
        # Both pages of a pair bear the label of the original.
        numbers: list[Any] = []
        for index, label in enumerate(labels):
            entry = Dictionary(P=pikepdf.String(label))
            for _ in range(2 if index in added else 1):
                numbers += [len(numbers) // 2, entry]
        pdf.Root.PageLabels = Dictionary(Nums=Array(numbers))


def _link(pdf: Pdf, page: Any, links: Sequence[_Link], targets: Sequence[Any]) -> None:
    """Add links to a page.

    Args:
        pdf: of the page.
        page: gets them.
        links: as :func:`_links` returns them.
        targets: the pages that they lead to, by number.
    """
    found = page.obj.get(Name.Annots)
    annotations = list(found) if isinstance(found, Array) else []
    before = len(annotations)
    for keys, uri, target in links:
        link = Dictionary(Type=Name.Annot, Subtype=Name.Link)
        for key, value in keys.items():
            link[key] = value
        if uri is not None:
            link.A = Dictionary(S=Name.URI, URI=pikepdf.String(uri))
        elif target is not None and target < len(targets):
            link.Dest = Array([targets[target].obj, Name.Fit])
        else:
            continue
        annotations.append(pdf.make_indirect(link))
    if len(annotations) > before:
        page.obj.Annots = pdf.make_indirect(Array(annotations))


def _shifted(link: _Link, shift: tuple[float, float]) -> _Link:
    """Return a link somewhere else on its page."""
    keys = dict(link[0])
    for name in ("/Rect", "/QuadPoints"):
        if name in keys:
            numbers = (float(value) for value in keys[name])
            keys[name] = Array([round(v + shift[n % 2], 3) for n, v in enumerate(numbers)])
    return keys, link[1], link[2]


def _links(page: Any, pdf: Pdf) -> list[_Link]:
    """Return the links of a page as plain data: their look, and a URI or the index of a page."""
    found = []
    annotations = page.obj.get(Name.Annots)
    for item in annotations if isinstance(annotations, Array) else []:
        if not isinstance(item, Dictionary) or item.get(Name.Subtype) != Name.Link:
            continue
        action = item.get(Name.A)
        uri = target = None
        if isinstance(action, Dictionary) and action.get(Name.S) == Name.URI:
            uri = str(action.get(Name.URI, ""))
        elif isinstance(action, Dictionary) and action.get(Name.S) == Name.GoTo:
            target = _index(action.get(Name.D), pdf)
        elif Name.Dest in item:
            target = _index(item.get(Name.Dest), pdf)
        if uri is None and target is None:
            continue
        keys = {key: _plain(item[key]) for key in _LINK_KEYS if key in item}
        found.append((keys, uri, target))
    return found


def _plain(value: Any) -> Any:
    """Return a value without references to the file it comes from, as far as links have any."""
    if isinstance(value, Array):
        return Array([_plain(item) for item in value])
    if isinstance(value, Dictionary):
        return Dictionary({key: _plain(item) for key, item in value.items()})
    return value


def _index(destination: Any, pdf: Pdf) -> int | None:
    """Return the index of the page that a destination leads to; None where that is unclear."""
    if isinstance(destination, Name | pikepdf.String | str):
        destination = _named(str(destination).lstrip("/"), pdf)
    if isinstance(destination, Dictionary):
        destination = destination.get(Name.D)
    if not isinstance(destination, Array) or not len(destination):
        return None
    first: Any = destination[0]
    if isinstance(first, int):
        return first
    if isinstance(first, Object) and isinstance(first, Dictionary):
        return next(
            (n for n, page in enumerate(pdf.pages) if page.obj.objgen == first.objgen), None
        )
    return None


def _named(name: str, pdf: Pdf) -> Any:
    names = pdf.Root.get(Name.Names)
    if isinstance(names, Dictionary) and Name.Dests in names:
        try:
            return pikepdf.NameTree(names.Dests).get(name)
        except (pikepdf.PdfError, ValueError, TypeError, KeyError):
            return None
    dests = pdf.Root.get(Name.Dests)
    return dests.get(f"/{name}") if isinstance(dests, Dictionary) else None


# --- side by side --------------------------------------------------------------------------------


def _beside(pdf: Pdf, page: Any, other: Any) -> tuple[float, float]:
    """Make a page as wide as two and show the other one in the new half; return how far away that is."""
    media, crop = list(map(float, page.mediabox)), list(map(float, page.cropbox))
    x0, y0 = max(media[0], crop[0]), max(media[1], crop[1])
    x1, y1 = min(media[2], crop[2]), min(media[3], crop[3])
    width, height = x1 - x0, y1 - y0
    turn = int(page.obj.get(Name.Rotate, _inherited(page, Name.Rotate, 0))) % 360
    unit = float(page.obj.get(Name.UserUnit, 1))
    gap = _GAP / unit
    form = pdf.copy_foreign(_picture(other))
    name = page.add_resource(form, Name.XObject)
    # In the page's own space "right" is where /Rotate turns it to, and the picture, which is not
    # turned itself, is turned with the page.
    dx, dy = {
        0: (width + gap, 0.0),
        90: (0.0, height + gap),
        180: (-width - gap, 0.0),
        270: (0.0, -height - gap),
    }[turn]
    box = [min(x0, x0 + dx), min(y0, y0 + dy), max(x1, x1 + dx), max(y1, y1 + dy)]
    closing = "Q " * (1 + _unclosed(page))
    # What the crop box has hidden so far stays hidden.
    page.contents_add(
        f"q {x0:.3f} {y0:.3f} {width:.3f} {height:.3f} re W n\n".encode(), prepend=True
    )
    page.contents_add(
        f"\n{closing}q 1 0 0 1 {dx:.3f} {dy:.3f} cm {x0:.3f} {y0:.3f} {width:.3f} {height:.3f} re W n "
        f"{name} Do Q".encode()
    )
    for key in ("/MediaBox", "/CropBox"):
        page.obj[key] = Array(box)
    for key in ("/TrimBox", "/BleedBox", "/ArtBox"):
        if key in page.obj:
            del page.obj[key]
    return dx, dy


def _unclosed(page: Any) -> int:
    """Return how many saved graphics states the content of a page leaves open."""
    depth = 0
    for instruction in pikepdf.parse_content_stream(page, "q Q"):
        depth = depth + 1 if str(instruction.operator) == "q" else max(0, depth - 1)
    return depth


def _picture(page: Any) -> Any:
    """Return a page as a form in its own space, without turning it."""
    return page.as_form_xobject(handle_transformations=False)


def _inherited(page: Any, key: Name, default: int) -> Any:
    node = page.obj.get(Name.Parent)
    for _ in range(64):
        if not isinstance(node, Dictionary):
            break
        if key in node:
            return node[key]
        node = node.get(Name.Parent)
    return default
