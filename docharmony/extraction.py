"""Fill a schema from a document: fields from the best page, rows of tables from every page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .asking import Asked, options_of, run
from .model import SCHEMA
from .pipeline import opened
from .qa import tables
from .qa.schema import Field, Normal, Rows, Schema, normal, read_schema, schema_of
from .schema import failure_to_json, source_to_json

if TYPE_CHECKING:
    from .io.base import Source
    from .model import PageFailure, SourceInfo
    from .pipeline import Pipeline
    from .qa.graph import Graph
    from .stages.qa import QaConfig


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value: as it stands, in its normal form, and where; all None where nothing was found."""

    text: str | None
    normal: Normal
    confidence: float
    page: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    evidence: tuple[str, ...] = ()
    reader: str = "rules"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        data: dict[str, Any] = {
            "value": self.text,
            "normal": self.normal.value,
            "confidence": round(self.confidence, 4),
            "page": self.page,
            "bbox": None if self.bbox is None else [round(v, 2) for v in self.bbox],
            "evidence": list(self.evidence),
            "reader": self.reader,
        }
        if self.normal.currency:
            data["currency"] = self.normal.currency
        return data


@dataclass(frozen=True, slots=True)
class Record:
    """What a document says to a schema.

    Attributes:
        fields: name -> value; every field of the schema is there.
        rows: name -> rows, each name of a column -> value.
        missing: required fields and rows without a value.
        failures: pages that could not be read and were left out.
    """

    schema: str
    source: SourceInfo
    fields: Mapping[str, Value]
    rows: Mapping[str, list[dict[str, Value]]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    failures: tuple[PageFailure, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as ``ask --schema -f json`` shows it."""
        return {
            "schema": SCHEMA,
            "name": self.schema,
            "source": source_to_json(self.source),
            "fields": {name: value.to_json() for name, value in self.fields.items()},
            "rows": {
                name: [{key: value.to_json() for key, value in row.items()} for row in rows]
                for name, rows in self.rows.items()
            },
            "missing": list(self.missing),
            "failures": [failure_to_json(failure) for failure in self.failures],
        }


def extract(
    source: Source | str | os.PathLike[str],
    schema: Schema | Mapping[str, Any] | str | os.PathLike[str],
    *,
    pipeline: Pipeline | None = None,
    options: QaConfig | None = None,
) -> Record:
    """Return the fields and rows of a schema as the document fills them.

    Args:
        source: an open source, or the path of a PDF or an image.
        schema: a Schema, plain data, or the path of a TOML file.
        pipeline: how pages are read; None takes the defaults.
        options: as for :func:`docharmony.ask`.

    Raises:
        ConfigError: the schema is not one.
        InputError, StageError: as elsewhere.
    """
    from .pipeline import Pipeline

    if isinstance(schema, str | os.PathLike):
        schema = read_schema(os.fspath(schema))
    elif not isinstance(schema, Schema):
        schema = schema_of(schema)
    pipeline = pipeline or Pipeline()
    config = options or options_of(pipeline.config)
    asked = {spec.name: Asked(spec.ask()) for spec in schema.fields}
    by_page: dict[int, dict[str, list[dict[str, Value]]]] = {}
    day_first: dict[int, bool] = {}

    def see(graph: Graph) -> None:
        number = graph.page.number
        day_first[number] = graph.day_first
        by_page[number] = {rows.name: _rows(rows, graph) for rows in schema.rows}

    with opened(source, pipeline) as document:
        failures = run(document, list(asked.values()), pipeline, config, also=see)
        info = document.info
    found = {
        rows.name: [row for number in sorted(by_page) for row in by_page[number][rows.name]]
        for rows in schema.rows
    }
    first = all(day_first.values())
    fields = {spec.name: _value(spec, asked[spec.name], day_first=first) for spec in schema.fields}
    missing = [spec.name for spec in schema.fields if spec.required and not fields[spec.name].text]
    missing += [rows.name for rows in schema.rows if rows.required and not found[rows.name]]
    return Record(schema.name, info, fields, found, tuple(missing), tuple(failures))


def _value(spec: Field, asked: Asked, *, day_first: bool) -> Value:
    result = asked.best
    answer = result.answer
    if answer.text is None:
        return Value(None, Normal(None), answer.confidence, reader=answer.reader)
    return Value(
        answer.text,
        normal(spec.type, answer.text, day_first=day_first),
        answer.confidence,
        result.page,
        answer.bbox,
        answer.evidence,
        answer.reader,
    )


def _rows(rows: Rows, graph: Graph) -> list[dict[str, Value]]:
    questions = [spec.ask() for spec in rows.columns]
    found = []
    kinds = [spec.type for spec in rows.columns]
    for cells in tables.records([question.asked for question in questions], graph, kinds):
        row = {}
        for spec, cell in zip(rows.columns, cells, strict=True):
            if cell is None:
                row[spec.name] = Value(None, Normal(None), 1.0)
                continue
            text = cell.text.strip()
            form = normal(spec.type, text, day_first=graph.day_first)
            sure = cell.line.confidence * (0.9 if form.value is not None else 0.4)
            row[spec.name] = Value(text, form, sure, graph.page.number, cell.place, (cell.line.id,))
        found.append(row)
    return found
