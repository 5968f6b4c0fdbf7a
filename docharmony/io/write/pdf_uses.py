"""What of a PDF draws pictures: every use of one on a page, with its map to the page as displayed.

On layers that are off, off the page, in forms, patterns, soft masks and annotations, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pikepdf

from ...geometry import Affine
from .pdf_annots import placed
from .pdf_objects import dictionary, floats, inline_stream, matrix_of

# Pictures and all that places them.
OPERATORS = "q Q cm Do gs cs CS sc SC scn SCN BI ID EI INLINE IMAGE"
_DEEP = 12
_INLINE = re.compile(rb"(?<!\S)BI[\s/]")
_MASKS = ("/SMask", "/Mask")


class Use(NamedTuple):
    """A picture in one place.

    Attributes:
        key: of the object, ``"12 0"``; of an inline image that of its holder and its number there.
        image: the object.
        place: from its unit square to the page as displayed.
        plain: whether it can be compared: neither a stencil nor with a mask.
    """

    key: str
    image: Any
    place: Affine
    plain: bool


def size_of(image: Any) -> tuple[int, int]:
    """Return the width and height that an image says it has, in pixels."""
    try:
        return int(image.get("/Width", 0)), int(image.get("/Height", 0))
    except (TypeError, ValueError):
        return 0, 0


def may_draw(page: Any) -> bool:
    """Return whether a page can draw a picture: a glance that spares most pages the walk."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [_resources_of(page)]
    for annotation in _annotations(page):
        waiting.append(annotation.get("/AP"))
    contents = page.get("/Contents")
    streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
    if any(_has_inline(stream) for stream in streams):
        return True
    while waiting:
        item = waiting.pop()
        if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            continue
        if item.is_indirect:
            if item.objgen in seen:
                continue
            seen.add(item.objgen)
        if isinstance(item, pikepdf.Stream):
            if item.get("/Subtype") == "/Image" or _has_inline(item):
                return True
            waiting.append(item.get("/Resources"))
            continue
        waiting += [value for key, value in item.items() if key not in ("/Parent", "/Font")]
    return False


def _has_inline(stream: Any) -> bool:
    """Return whether a stream of instructions may hold an inline image."""
    if not isinstance(stream, pikepdf.Stream) or stream.get("/Subtype") == "/Image":
        return False
    if "/FunctionType" in stream or "/ShadingType" in stream or "/N" in stream:
        return False
    try:
        data = stream.read_bytes()
    except pikepdf.PdfError:
        return False
    return _INLINE.search(data) is not None


def uses(pdf: pikepdf.Pdf, page: pikepdf.Page, matrix: Affine) -> Iterator[Use]:
    """Yield the pictures that a page draws, its annotations and those on layers that are off too."""
    done: set[Any] = set()
    yield from _drawn(pdf, page.obj, page, _resources_of(page.obj), matrix, matrix, 0, done)
    for annotation in _annotations(page.obj):
        looks = annotation.get("/AP")
        for look in dictionary(looks).values():
            states = [look] if isinstance(look, pikepdf.Stream) else dictionary(look).values()
            for form in states:
                place = placed(annotation, form) if isinstance(form, pikepdf.Stream) else None
                if place is not None:
                    yield from _form(pdf, form, place.then(matrix), pikepdf.Dictionary(), 0, done)


def _drawn(
    pdf: pikepdf.Pdf,
    holder: Any,
    stream: Any,
    resources: Any,
    base: Affine,
    ctm: Affine,
    depth: int,
    done: set[Any],
) -> Iterator[Use]:
    """Yield what a stream of instructions draws, and what it draws that with.

    Args:
        pdf: the document.
        holder: the object that the stream belongs to.
        stream: the instructions.
        resources: of the stream.
        base: where patterns begin.
        ctm: from its space to the page as displayed.
        depth: of the recursion.
        done: what was walked before, and where.
    """
    try:
        instructions = pikepdf.parse_content_stream(stream, OPERATORS)
    except pikepdf.PdfError:
        return
    stack: list[Affine] = []
    count = 0
    for instruction in instructions:
        if isinstance(instruction, pikepdf.ContentStreamInlineImage):
            count += 1
            image = _inline(pdf, instruction, resources)
            if image is not None:
                key = f"{holder.objgen[0]} {holder.objgen[1]} {count}"
                yield Use(key, image, ctm, plain=False)
            continue
        try:
            operator, operands = str(instruction.operator), instruction.operands
            if operator == "q":
                stack.append(ctm)
            elif operator == "Q":
                ctm = stack.pop() if stack else ctm
            elif operator == "cm":
                ctm = Affine(*floats(list(operands), 6)).then(ctm)
            elif operator == "Do":
                item = dictionary(resources.get("/XObject")).get(str(operands[0]))
                yield from _object(pdf, item, resources, ctm, depth, done)
            elif operator == "gs":
                settings = dictionary(dictionary(resources.get("/ExtGState")).get(str(operands[0])))
                group = dictionary(settings.get("/SMask")).get("/G")
                if isinstance(group, pikepdf.Stream):
                    yield from _form(pdf, group, ctm, resources, depth + 1, done)
            elif len(operands) and isinstance(operands[-1], pikepdf.Name):
                pattern = dictionary(resources.get("/Pattern")).get(str(operands[-1]))
                if isinstance(pattern, pikepdf.Stream) and depth < _DEEP:
                    place = matrix_of(pattern.get("/Matrix")).then(base)
                    if (pattern.objgen, place) not in done:
                        done.add((pattern.objgen, place))
                        own = dictionary(pattern.get("/Resources"))
                        yield from (
                            use._replace(plain=False)  # one tile stands for all
                            for use in _drawn(
                                pdf, pattern, pattern, own, place, place, depth + 1, done
                            )
                        )
        except (TypeError, ValueError, IndexError, KeyError):
            continue  # viewers skip it, too


def _object(
    pdf: pikepdf.Pdf, item: Any, resources: Any, ctm: Affine, depth: int, done: set[Any]
) -> Iterator[Use]:
    if not isinstance(item, pikepdf.Stream):
        return
    if item.get("/Subtype") == "/Image":
        masks = [mask for key in _MASKS if isinstance(mask := item.get(key), pikepdf.Stream)]
        plain = not masks and "/Mask" not in item and not item.get("/ImageMask", False)
        for image in (item, *masks):
            yield Use(f"{image.objgen[0]} {image.objgen[1]}", image, ctm, plain)
    elif item.get("/Subtype") == "/Form":
        yield from _form(pdf, item, ctm, resources, depth + 1, done)


def _form(
    pdf: pikepdf.Pdf, form: Any, ctm: Affine, inherited: Any, depth: int, done: set[Any]
) -> Iterator[Use]:
    place = matrix_of(form.get("/Matrix")).then(ctm)
    if depth > _DEEP or (form.objgen, place) in done:
        return
    done.add((form.objgen, place))
    own = form.get("/Resources")
    resources = dictionary(inherited if own is None else own)
    yield from _drawn(pdf, form, form, resources, place, place, depth, done)


def _inline(pdf: pikepdf.Pdf, instruction: Any, resources: Any) -> Any:
    try:
        return inline_stream(pdf, instruction.iimage, dictionary(resources.get("/ColorSpace")))
    except (pikepdf.PdfError, TypeError, ValueError, KeyError, AttributeError):
        return None


def _annotations(page: Any) -> list[Any]:
    found = page.get("/Annots")
    listed = found if isinstance(found, pikepdf.Array) else ()
    return [item for item in listed if isinstance(item, pikepdf.Dictionary)]


def _resources_of(page: Any) -> Any:
    """Return the resources of a page, its own or those that it inherits."""
    for _ in range(60):
        own = page.get("/Resources")
        if own is not None:
            return dictionary(own)
        page = page.get("/Parent")
        if not isinstance(page, pikepdf.Dictionary):
            break
    return pikepdf.Dictionary()


def find(pdf: pikepdf.Pdf, key: str) -> Any:
    """Return the image of a key, an inline one as an image XObject; None where there is none."""
    number, generation, *inline = map(int, key.split())
    holder = pdf.get_object(number, generation)
    if not inline:
        return holder if isinstance(holder, pikepdf.Stream) else None
    stream = pikepdf.Page(holder) if holder.get("/Type") == "/Page" else holder
    instructions = pikepdf.parse_content_stream(stream, OPERATORS)
    images = [i for i in instructions if isinstance(i, pikepdf.ContentStreamInlineImage)]
    resources = _resources_of(holder)
    return _inline(pdf, images[inline[0] - 1], resources) if inline[0] <= len(images) else None
