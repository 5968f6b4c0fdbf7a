"""New text in form fields: their value, and what each of their widgets shows of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pikepdf

from ...geometry import Affine, BBox, Point, Polygon
from ...model import Align
from ...schema import setting_to_json
from .fitted import Fitted
from .pdf_objects import dictionary
from .pdf_setting import Setter
from .setting import Planned, setting_of

# Bits of /Ff (ISO 32000-1, table 228): fields of several lines, and those whose value is no plain text.
_MULTILINE, _ODD = 1 << 12, 1 << 13 | 1 << 20 | 1 << 24 | 1 << 25
_DEEP = 32
# Space between the border of a field and its text, in points, and the height of a line in em.
_PAD, _LINE = 2.0, 1.15

_ALIGN: tuple[Align, ...] = ("start", "center", "end")  # by /Q

Plan = Callable[[pikepdf.Page, Mapping[str, Any]], Planned | Fitted]


@dataclass
class Fields:
    """Sets values of text fields anew. Fields of several widgets are set once, and shown by all.

    Args:
        pdf: the document.
        setter: draws what widgets show.
        plan: fits a text into its box.
    """

    pdf: pikepdf.Pdf
    setter: Setter
    plan: Plan
    _done: dict[tuple[int, int], list[tuple[str, str]]] = field(default_factory=dict)
    _at: dict[tuple[int, int], int] = field(default_factory=dict)

    def set(self, page: pikepdf.Page, matrix: Affine, item: Planned) -> Fitted | None:
        """Put a new text in place of the old one in the field where that stands; None where it cannot be.

        Args:
            page: with the field's widget.
            matrix: from its user space to the displayed page.
            item: the edit.
        """
        polygon = Polygon.of(item.edit["polygon"])
        for widget in _widgets(page):
            box = _box(widget, matrix)
            if box is not None and box.contains(polygon.bbox.center):
                return self._change(page, matrix, widget, box, item)
        return None

    def _change(
        self, page: pikepdf.Page, matrix: Affine, widget: Any, box: BBox, item: Planned
    ) -> Fitted | None:
        owner = _owner(widget)
        flags = int(_inherited(widget, "/Ff") or 0)
        if owner is None or not owner.is_indirect or flags & _ODD or "/RV" in owner:
            return None
        if int(dictionary(widget.get("/MK")).get("/R", 0)) or matrix.b or matrix.c:
            return None
        old, new = str(item.edit["original"]), str(item.edit["replacement"])
        key = owner.objgen
        whole = str(owner["/V"])
        if (old, new) not in self._done.get(key, []) or self._find(old, whole, key) is not None:
            span = self._find(old, whole, key)
            if span is None:
                return None
            changed = whole[: span[0]] + new + whole[span[1] :]
            shown = [
                (kid, self._shown(page, kid, changed, flags, item, matrix)) for kid in _kids(owner)
            ]
            unfit = next((result for _, result in shown if isinstance(result, Fitted)), None)
            if unfit is not None:
                return replace(unfit, id=str(item.edit["id"]))
            owner["/V"] = pikepdf.String(changed)
            for kid, planned in shown:
                if isinstance(planned, Planned):
                    self._draw(kid, planned)
            self._at[key] = span[0] + len(new)
            self._done.setdefault(key, []).append((old, new))
            planned = shown[0][1] if shown else None
        else:
            planned = None
        scale = planned.layout.scale if isinstance(planned, Planned) else 1.0
        face = planned.face if isinstance(planned, Planned) else ""
        return Fitted(str(item.edit["id"]), True, scale, 1, face, "in a form field")

    def _find(self, old: str, whole: str, key: tuple[int, int]) -> tuple[int, int] | None:
        pattern = r"\s+".join(map(re.escape, old.split()))
        found = re.compile(pattern).search(whole, self._at.get(key, 0)) if pattern else None
        return None if found is None else found.span()

    def _shown(
        self, page: pikepdf.Page, widget: Any, text: str, flags: int, item: Planned, matrix: Affine
    ) -> Planned | Fitted | None:
        """Return the text of a widget fitted into it; None for one that viewers draw by themselves."""
        stream = dictionary(widget.get("/AP")).get("/N")
        if not isinstance(stream, pikepdf.Stream):
            return None
        x0, y0, x1, y1 = _rectangle(widget)
        wide, high = x1 - x0, y1 - y0
        setting = setting_of(item.edit)
        size = setting.size or 10.0
        align = _ALIGN[max(0, min(2, int(_inherited(widget, "/Q") or 0)))]
        if flags & _MULTILINE:
            frame = BBox(_PAD, _PAD, max(_PAD + 1, wide - _PAD), max(_PAD + 1, high - _PAD))
        else:
            top = self._top(widget, matrix, item, high, size)
            frame = BBox(_PAD, top, max(_PAD + 1, wide - _PAD), top + _LINE * size)
        setting = replace(
            setting, align=align, baseline=0.0, room=(0.0, 0.0, 0.0, 0.0), inline=(), alike=False,
            line_height=_LINE * size if flags & _MULTILINE else 0.0, indent=0.0,
        )  # fmt: skip
        edit = {
            **item.edit,
            "replacement": text.replace("\r\n", "\n").replace("\r", "\n"),
            "polygon": [list(point) for point in frame.polygon()],
            "setting": setting_to_json(setting),
        }
        edit.pop("most", None)
        return self.plan(page, edit)

    def _top(self, widget: Any, matrix: Affine, item: Planned, high: float, size: float) -> float:
        """Return where the line begins: as far down in its field as the old one, else in the middle."""
        polygon = Polygon.of(item.edit["polygon"])
        box = _box(widget, matrix)
        baseline = setting_of(item.edit).baseline
        if box is not None and box.contains(polygon.bbox.center) and baseline:
            return polygon[0].y + baseline - box.y0 - item.type.ascent * size
        return (high - _LINE * size) / 2

    def _draw(self, widget: Any, planned: Planned) -> None:
        """Give a widget a new appearance: the old one with the new text for its text."""
        x0, y0, x1, y1 = _rectangle(widget)
        wide, high = x1 - x0, y1 - y0
        old = widget["/AP"]["/N"]
        lines, fonts = self.setter.form(planned, Affine(1, 0, 0, -1, 0, high))
        clip = f"{_PAD / 2:g} {_PAD / 2:g} {wide - _PAD:.4g} {high - _PAD:.4g} re W n"
        before, after = (pikepdf.unparse_content_stream(part) for part in _ground(old))
        text = "\n".join(["q", clip, *lines, "Q"]).encode("ascii")
        stream = self.pdf.make_stream(b"\n".join([before, text, after]))
        stream["/Type"], stream["/Subtype"] = pikepdf.Name.XObject, pikepdf.Name.Form
        stream["/BBox"] = pikepdf.Array([0, 0, round(wide, 4), round(high, 4)])
        resources = dict(dictionary(old.get("/Resources")).items())
        known = dict(dictionary(resources.get("/Font")).items())
        resources["/Font"] = pikepdf.Dictionary({**known, **fonts})
        stream["/Resources"] = pikepdf.Dictionary(resources)
        widget["/AP"] = pikepdf.Dictionary(N=self.pdf.make_indirect(stream))


def _ground(stream: Any) -> tuple[list[Any], list[Any]]:
    """Return the operators of an appearance that draw no text, before its text and after it."""
    parts: tuple[list[Any], list[Any]] = [], []
    inside = seen = moved = False
    for instruction in pikepdf.parse_content_stream(stream):
        operator = str(instruction.operator)
        moved |= operator == "cm"
        # Text in axes that are not those of the widget is set behind all else.
        seen |= operator == "BT" and not moved
        inside |= operator == "BT"
        if not inside:
            parts[seen].append(instruction)
        inside &= operator != "ET"
    return parts


def _widgets(page: pikepdf.Page) -> Iterator[Any]:
    found = page.get("/Annots")
    for annotation in found if isinstance(found, pikepdf.Array) else ():
        if (
            isinstance(annotation, pikepdf.Dictionary)
            and annotation.get("/Subtype") == "/Widget"
            and _inherited(annotation, "/FT") == "/Tx"
        ):
            yield annotation


def _inherited(widget: Any, name: str) -> Any:
    at = widget
    for _ in range(_DEEP):
        if not isinstance(at, pikepdf.Dictionary):
            return None
        if name in at:
            return at[name]
        at = at.get("/Parent")
    return None


def _owner(widget: Any) -> Any:
    """Return the field that holds the value which a widget shows."""
    at = widget
    for _ in range(_DEEP):
        if not isinstance(at, pikepdf.Dictionary):
            return None
        if isinstance(at.get("/V"), pikepdf.String):
            return at
        at = at.get("/Parent")
    return None


def _kids(owner: Any, depth: int = 0) -> list[Any]:
    """Return the widgets of a field."""
    found = [owner] if owner.get("/Subtype") == "/Widget" else []
    kids = owner.get("/Kids")
    if isinstance(kids, pikepdf.Array) and depth < _DEEP:
        for kid in kids:
            if isinstance(kid, pikepdf.Dictionary) and "/V" not in kid:
                found += _kids(kid, depth + 1)
    return found


def _rectangle(widget: Any) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in widget["/Rect"])
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _box(widget: Any, matrix: Affine) -> BBox | None:
    """Return where a widget stands on the displayed page; None where nothing tells."""
    try:
        x0, y0, x1, y1 = _rectangle(widget)
    except (KeyError, TypeError, ValueError):
        return None
    corners = [Point(x0, y0), Point(x1, y0), Point(x1, y1), Point(x0, y1)]
    return Polygon(tuple(matrix.apply(point) for point in corners)).bbox
