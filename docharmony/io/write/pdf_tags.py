"""Tags: new text takes the place of the old one in the structure of a tagged PDF (ISO 32000-2, 14.7)."""

from __future__ import annotations

from typing import Any

import pikepdf

_MAX_DEPTH = 12


def adopt(pdf: pikepdf.Pdf, page: pikepdf.Page, old: int) -> int | None:
    """Give the structure element of some marked content one more piece, and return its number.

    Args:
        pdf: the document.
        page: where both stand.
        old: number (MCID) of the marked content that the element has.

    Returns:
        The number for the new marked content; None where the page is not tagged, or wrongly.
    """
    parents = _parents(pdf, page)
    element = renewed(pdf, page, old)
    if parents is None or element is None:
        return None
    fresh = len(parents)
    parents.append(element)
    kids = element.get("/K")
    own = page.obj.objgen == getattr(element.get("/Pg"), "objgen", None)
    piece: Any = fresh
    if not own:
        piece = pikepdf.Dictionary(Type=pikepdf.Name("/MCR"), Pg=page.obj, MCID=fresh)
    if isinstance(kids, pikepdf.Array):
        kids.append(piece)
    else:
        element["/K"] = pikepdf.Array([piece] if kids is None else [kids, piece])
    return fresh


def renewed(pdf: pikepdf.Pdf, page: pikepdf.Page, number: int) -> Any:
    """Take from the structure element of some marked content what repeats its text; return it.

    Args:
        pdf: the document.
        page: where the content stands.
        number: its MCID.

    Returns:
        The element; None where the page is not tagged, or wrongly.
    """
    parents = _parents(pdf, page)
    if parents is None or not 0 <= number < len(parents):
        return None
    element = parents[number]
    if not isinstance(element, pikepdf.Dictionary):
        return None
    for key in ("/ActualText", "/E"):
        if key in element:
            del element[key]
    return element


def _parents(pdf: pikepdf.Pdf, page: pikepdf.Page) -> Any:
    """Return the elements that a page's marked contents belong to, by MCID; None without tags."""
    root = pdf.Root.get("/StructTreeRoot")
    number = page.get("/StructParents")
    if not isinstance(root, pikepdf.Dictionary) or not isinstance(number, int):
        return None
    parents = _entry(root.get("/ParentTree"), number, 0)
    return parents if isinstance(parents, pikepdf.Array) else None


def _entry(tree: Any, number: int, depth: int) -> Any:
    """Return the value of a number tree, None where it has none."""
    if not isinstance(tree, pikepdf.Dictionary) or depth > _MAX_DEPTH:
        return None
    pairs = tree.get("/Nums")
    if isinstance(pairs, pikepdf.Array):
        for index in range(0, len(pairs) - 1, 2):
            if pairs[index] == number:
                return pairs[index + 1]
    kids = tree.get("/Kids")
    for kid in kids if isinstance(kids, pikepdf.Array) else ():
        limits = kid.get("/Limits") if isinstance(kid, pikepdf.Dictionary) else None
        if limits is None or int(limits[0]) <= number <= int(limits[1]):
            found = _entry(kid, number, depth + 1)
            if found is not None:
                return found
    return None
