"""Typed fields of a document: what a schema asks for, and values in a normal form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .question import Question, understand
from .question import field as field_question
from .values import KINDS, find

TYPES = (*KINDS, "yesno")
_KEYS = ("type", "description", "required", "question")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema.

    Attributes:
        name: key in the result.
        type: one of TYPES; ``"text"`` takes what stands there.
        description: words that name the field, e.g. as a form would label it.
        required: whether its absence is told.
        question: a question in words, asked instead of name and description.
    """

    name: str
    type: str = "text"
    description: str = ""
    required: bool = False
    question: str = ""

    def ask(self) -> Question:
        """Return the question for the field."""
        if self.question or self.type == "yesno":
            return understand(self.question or f"Is {self.description or self.name}?")
        kind = "" if self.type == "text" else self.type
        return field_question(self.name, kind, self.description)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that repeat: its columns are fields, named as the table's heads would."""

    name: str
    columns: tuple[Field, ...]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """What to take out of a document."""

    name: str
    fields: tuple[Field, ...] = ()
    rows: tuple[Rows, ...] = field(default=())


def read_schema(path: str | Path) -> Schema:
    """Return the schema of a TOML file.

    ::

        name = "invoice"
        [fields.invoice_number]
        type = "id"
        required = true
        [fields.due]
        type = "date"
        description = "payment due date"
        [rows.items.columns.description]
        [rows.items.columns.quantity]
        type = "number"

    Raises:
        ConfigError: no such file, not TOML, an unknown key or type, or nothing asked for.
    """
    import tomllib

    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            "no such schema", where=str(path), hint="Check the path of --schema."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            "cannot read the schema",
            where=str(path),
            why=str(error),
            hint="It must be a TOML file in UTF-8.",
        ) from error
    return schema_of(data, where=str(path))


def schema_of(data: Mapping[str, Any], *, where: str = "schema") -> Schema:
    """Return the schema of plain data; raise ConfigError as :func:`read_schema` does."""
    _known(data, ("name", "fields", "rows"), where)
    name = data.get("name", "")
    if not isinstance(name, str):
        raise ConfigError("the name of a schema is a text", where=where)
    fields = tuple(
        _field(key, spec, f"{where}: fields.{key}")
        for key, spec in _table(data.get("fields", {}), f"{where}: fields").items()
    )
    rows = []
    for key, spec in _table(data.get("rows", {}), f"{where}: rows").items():
        place = f"{where}: rows.{key}"
        spec = _table(spec, place)
        _known(spec, ("columns", "required"), place)
        columns = tuple(
            _field(column, options, f"{place}.columns.{column}")
            for column, options in _table(spec.get("columns", {}), place).items()
        )
        if not columns:
            raise ConfigError(
                "rows without columns", where=place, hint=f"Add [rows.{key}.columns.NAME]."
            )
        rows.append(Rows(key, columns, spec.get("required") is True))
    if not fields and not rows:
        raise ConfigError(
            "the schema asks for nothing", where=where, hint="Add [fields.NAME] with a type."
        )
    return Schema(name, fields, tuple(rows))


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError("this must be a table", where=where, hint="Write it as [fields.NAME].")
    return value


def _known(data: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in keys:
            raise ConfigError(
                f"unknown key {key!r}", where=where, hint=f"Known keys: {', '.join(keys)}."
            )


def _field(name: str, spec: Any, where: str) -> Field:
    spec = _table(spec, where)
    _known(spec, _KEYS, where)
    for key in ("type", "description", "question"):
        if not isinstance(spec.get(key, ""), str):
            raise ConfigError(f"{key} must be a text", where=where)
    if not isinstance(spec.get("required", False), bool):
        raise ConfigError("required must be true or false", where=where)
    kind = spec.get("type", "text")
    if kind not in TYPES:
        raise ConfigError(
            f"unknown type {kind!r}", where=where, hint=f"Choose one of: {', '.join(TYPES)}."
        )
    return Field(
        name,
        kind,
        spec.get("description", ""),
        spec.get("required", False),
        spec.get("question", ""),
    )


@dataclass(frozen=True, slots=True)
class Normal:
    """A value in its normal form: a text, a number or a truth value; ``currency`` of an amount."""

    value: str | bool | None
    currency: str = ""


def normal(kind: str, text: str, *, day_first: bool = True) -> Normal:
    """Return the normal form of a value, ``None`` where the text is no value of that kind.

    Dates are ISO 8601, times HH:MM, numbers and amounts decimals with a point, as texts so that no
    digit is lost; phone numbers and IBANs have no spaces.

    >>> normal("date", "12 March 2024").value, normal("money", "1.234,50 \u20ac")
    ('2024-03-12', Normal(value='1234.50', currency='EUR'))
    """
    if kind == "yesno":
        from .question import answers
        from .words import tokens

        said = {token.text for token in tokens(text)}
        known = answers()
        return Normal(True if said & known["yes"] else False if said & known["no"] else None)
    if kind in ("text", "name", "org", "party", "place", "address", "job", "id"):
        return Normal(" ".join(text.split()) or None)
    values = [v for v in find(text, day_first) if v.kind == kind]
    if values:
        best = max(values, key=lambda v: v.end - v.start)
        return Normal(best.normal, best.currency)
    if kind in ("money", "number", "percent"):
        plain = [v for v in find(text, day_first) if v.kind in ("number", "money")]
        return Normal(plain[0].normal if plain else None)
    return Normal(None)
