"""The JSON form of the document model: schema 1, as the README shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .geometry import BBox, Polygon
from .model import (
    SCHEMA,
    Answer,
    AnswerSpan,
    Block,
    BlockKind,
    Cell,
    Document,
    Edit,
    EditKind,
    EditStatus,
    Inline,
    Line,
    Page,
    PageFailure,
    Setting,
    SourceInfo,
    Word,
)


def document_to_json(document: Document) -> dict[str, Any]:
    """Return a document as plain data."""
    return {
        "schema": document.schema,
        "source": source_to_json(document.source),
        "pages": [page_to_json(page) for page in document.pages],
        "failures": [failure_to_json(failure) for failure in document.failures],
    }


def document_from_json(data: Mapping[str, Any]) -> Document:
    """Rebuild a document from :func:`document_to_json`; raise ValueError for another schema."""
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema {data.get('schema')!r} is not {SCHEMA}")
    source = data["source"]
    return Document(
        SourceInfo(
            source["name"], source["sha256"], source["media_type"], source.get("page_count", 0)
        ),
        tuple(page_from_json(page) for page in data["pages"]),
        tuple(PageFailure(f["page"], f["stage"], f["error"]) for f in data["failures"]),
    )


def _numbers(values: Iterable[float]) -> list[float]:
    return [round(value, 2) for value in values]


def source_to_json(source: SourceInfo) -> dict[str, Any]:
    """Return the ``source`` object of schema 1."""
    return {
        "name": source.name,
        "sha256": source.sha256,
        "media_type": source.media_type,
        "page_count": source.page_count,
    }


def failure_to_json(failure: PageFailure) -> dict[str, Any]:
    """Return one entry of ``failures``."""
    return {"page": failure.page, "stage": failure.stage, "error": failure.error}


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """Return one edit, **with** its original text: for plans, never for reports."""
    data: dict[str, Any] = {
        "id": edit.id,
        "kind": str(edit.kind),
        "bbox": _numbers(edit.bbox),
        "polygon": [_numbers(p) for p in edit.polygon],
        "rule": edit.rule,
        "reason": edit.reason,
        "original": edit.original,
        "replacement": edit.replacement,
        "status": str(edit.status),
        "confidence": round(edit.confidence, 4),
        "term": edit.term,
    }
    if edit.areas:
        data["areas"] = [[_numbers(p) for p in area] for area in edit.areas]
    if edit.setting is not None:
        data["setting"] = setting_to_json(edit.setting)
    if edit.picture:
        data["picture"] = edit.picture
    return data


# Values that are boxes.
_BOXES = ("links", "rules")


def setting_to_json(setting: Setting) -> dict[str, Any]:
    """Return how text is set, as plain data."""
    return _rounded(asdict(setting))


def _rounded(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 3)
        if isinstance(value, float)
        else [_rounded(item) for item in value]
        if name == "inline"
        else [_numbers(box) for box in value]
        if name in _BOXES
        else list(value)
        if isinstance(value, tuple)
        else value
        for name, value in data.items()
    }


def setting_from_json(data: Mapping[str, Any]) -> Setting:
    """Rebuild a setting; raise KeyError or ValueError when the data does not fit."""
    return Setting(**_typed(Setting, data))


def _typed(of: type[Setting] | type[Inline], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for a dataclass; raise KeyError or ValueError when the data does not fit."""
    values: dict[str, Any] = {}
    for name, kind in get_type_hints(of).items():
        if name not in data:
            continue
        given = data[name]
        if name == "inline":
            given = tuple(Inline(**_typed(Inline, item)) for item in given)
        elif name in _BOXES:
            given = tuple(BBox(*map(float, box)) for box in given)
        elif get_origin(kind) is tuple:
            numbers = get_args(kind)
            if len(given) != len(numbers):
                raise ValueError(name)
            given = tuple(number(value) for number, value in zip(numbers, given, strict=True))
        elif get_origin(kind) is Literal:
            if given not in get_args(kind):
                raise ValueError(name)
        else:
            given = kind(given)
        values[name] = given
    if set(data) - set(values):
        raise KeyError(sorted(set(data) - set(values))[0])
    return values


def edit_from_json(data: Mapping[str, Any]) -> Edit:
    """Rebuild an edit; raise KeyError or ValueError when the data does not fit."""
    return Edit(
        id=str(data["id"]),
        kind=EditKind(data["kind"]),
        polygon=Polygon.of(data["polygon"]),
        rule=str(data["rule"]),
        reason=str(data["reason"]),
        original=str(data.get("original", "")),
        replacement=str(data.get("replacement", "")),
        status=EditStatus(data["status"]),
        confidence=float(data.get("confidence", 1.0)),
        term=int(data.get("term", 0)),
        areas=tuple(Polygon.of(area) for area in data.get("areas", ())),
        setting=setting_from_json(data["setting"]) if data.get("setting") else None,
        picture=str(data.get("picture", "")),
    )


def answer_to_json(answer: Answer, page: int | None) -> dict[str, Any]:
    """Return one answer; ``page`` is where it stands, None for none."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "confidence": round(answer.confidence, 4),
        "page": page,
        "bbox": None if answer.bbox is None else _numbers(answer.bbox),
        "evidence": list(answer.evidence),
        "reader": answer.reader,
        "spans": [[span.line, span.start, span.end] for span in answer.spans],
    }


def _word_to_json(word: Word) -> dict[str, Any]:
    data: dict[str, Any] = {
        "text": word.text,
        "bbox": _numbers(word.bbox),
        "confidence": round(word.confidence, 4),
    }
    if word.quad is not None:
        data["polygon"] = [_numbers(p) for p in word.quad]
    return data


def page_to_json(page: Page) -> dict[str, Any]:
    """Return one page of schema 1."""
    blocks = []
    for block in page.blocks:
        item: dict[str, Any] = {
            "id": block.id,
            "kind": str(block.kind),
            "bbox": _numbers(block.bbox),
            "lines": list(block.lines),
        }
        if block.level:
            item["level"] = block.level
        if block.cells:
            item["cells"] = [
                {
                    "row": cell.row,
                    "column": cell.column,
                    "row_span": cell.row_span,
                    "column_span": cell.column_span,
                    "bbox": _numbers(cell.bbox),
                    "text": cell.text,
                }
                for cell in block.cells
            ]
        blocks.append(item)
    return {
        "number": page.number,
        "width": round(page.width, 2),
        "height": round(page.height, 2),
        "unit": page.unit,
        "rotation": page.rotation,
        "dpi": page.dpi,
        "route": page.route,
        "blocks": blocks,
        "lines": [
            {
                "id": line.id,
                "text": line.text,
                "bbox": _numbers(line.bbox),
                "polygon": [_numbers(p) for p in line.polygon],
                "confidence": round(line.confidence, 4),
                "origin": line.origin,
                "direction": round(line.direction, 1),
                "size": round(line.size, 2),
                "bold": line.bold,
                "visible": line.visible,
                **({"vertical": True} if line.vertical else {}),
                "words": [_word_to_json(word) for word in line.words],
            }
            for line in page.lines
        ],
        "images": [_numbers(box) for box in page.images],
        "answers": [answer_to_json(answer, page.number) for answer in page.answers],
        "edits": [edit_to_json(edit) for edit in page.edits],
        "has": sorted(page.has),
    }


def page_from_json(data: Mapping[str, Any]) -> Page:
    """Rebuild a page from :func:`page_to_json` (coordinates come back rounded to 0.01)."""
    lines = []
    for item in data["lines"]:
        words = tuple(
            Word(
                w["text"],
                BBox(*w["bbox"]),
                w["confidence"],
                item["origin"],
                Polygon.of(w["polygon"]) if "polygon" in w else None,
            )
            for w in item["words"]
        )
        polygon = Polygon.of(item["polygon"])
        lines.append(
            Line(
                item["id"],
                words,
                BBox(*item["bbox"]),
                None if polygon.is_axis_aligned else polygon,
                item.get("direction", 0.0),
                item.get("size", 0.0),
                item.get("bold", False),
                item.get("visible", True),
                vertical=item.get("vertical", False),
            )
        )
    blocks = tuple(
        Block(
            b["id"],
            BlockKind(b["kind"]),
            BBox(*b["bbox"]),
            tuple(b["lines"]),
            b.get("level", 0),
            tuple(
                Cell(
                    c["row"],
                    c["column"],
                    BBox(*c["bbox"]),
                    c["text"],
                    c["row_span"],
                    c["column_span"],
                )
                for c in b.get("cells", ())
            ),
        )
        for b in data["blocks"]
    )
    answers = tuple(
        Answer(
            a["question"],
            a["answer"],
            a["confidence"],
            None if a["bbox"] is None else BBox(*a["bbox"]),
            tuple(a["evidence"]),
            a.get("reader", "rules"),
            tuple(AnswerSpan(*span) for span in a.get("spans", ())),
        )
        for a in data["answers"]
    )
    return Page(
        data["number"],
        data["width"],
        data["height"],
        data["unit"],
        data["rotation"],
        data["dpi"],
        data["route"],
        tuple(lines),
        blocks,
        tuple(BBox(*box) for box in data.get("images", ())),
        answers,
        tuple(edit_from_json(e) for e in data["edits"]),
        frozenset(data.get("has", ())),
    )
