"""Glossaries and translation memories: CSV and TMX files, found exactly, nearly, or term by term."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ..errors import ConfigError, UsageError
from . import sentences
from .base import Translation, Translator
from .markup import carried, tagged, untagged
from .protect import Token
from .tags import language, normal, same

_LARGEST = 256 << 20
# In shorter texts one letter makes another word: increase, decrease.
_LEAST_NEAR = 10
# Punctuation around a text: quotes, brackets, the ends of sentences, bullets.
_EDGE = (
    r"[\s\"'\u2018-\u201f\u00ab\u00bb()\[\].,;:!?\u00a1\u00bf\u2026"
    r"\u3002\uff0c\uff1a\uff1b\uff1f\uff01*\u2022-]"
)
_LEAD, _TAIL = re.compile(f"^{_EDGE}+"), re.compile(f"{_EDGE}+$")
_WORD = re.compile(r"\w+(?:[-'\u2019.]\w+)*")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# German and its kin write nouns with a capital wherever they stand.
_CAPITAL_NOUNS = frozenset(("de", "lb"))
# Marks of formatting in a TMX segment: their content is code, not text.
_TMX_CODES = frozenset(("bpt", "ept", "it", "ph", "ut"))


@dataclass(frozen=True, slots=True)
class GlossaryConfig:
    """Options of the translator ``glossary``."""

    file: tuple[str, ...] = ()
    """CSV (columns named by language, or source and target alone) or TMX files; the first entry of a
    text wins."""

    fuzzy: float = 0.85
    """Likeness (0.0-1.0) from which a whole text or sentence counts as one of the file; 1 takes only
    the same, whatever its case, spacing and closing punctuation."""

    partial: bool = True
    """Put terms of the file into texts of which the rest is not in it and stays as it is."""


# Start and end of a piece in a text and in its translation, and whether it is the same in both.
Pair = tuple[int, int, int, int, bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """A pair of the file, without the punctuation around it where both sides have it."""

    source: str
    target: str


class Glossary:
    """The entries of one direction.

    Args:
        pairs: source and target texts; the first of a source wins.
        source: BCP 47 tag.
        target: BCP 47 tag.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], source: str, target: str) -> None:
        self.source, self.target = source, target
        self.entries: dict[str, Entry] = {}
        for left, right in pairs:
            entry = _entry(left, right)
            if entry.source and entry.target:
                self.entries.setdefault(fold(entry.source), entry)
        self._longest = max((len(_WORD.findall(key)) for key in self.entries), default=0)
        self._letters = max(map(len, self.entries), default=0)

    def exact(self, text: str) -> str | None:
        """Return the translation of a whole text that stands in the file, its case carried over."""
        lead, core, tail = _parts(text)
        entry = self.entries.get(fold(core))
        return None if entry is None else lead + carry(core, entry, self.target) + tail

    def near(self, text: str, least: float) -> tuple[str, float] | None:
        """Return the translation of the likest text of the file and how like it is, 0.0-1.0.

        Numbers may differ: those of the text take the place of those of the file.
        """
        from rapidfuzz import fuzz, process

        lead, core, tail = _parts(text)
        query = _NUMBER.sub("#", fold(core))
        if least >= 1 or len(query) < _LEAST_NEAR:
            return None
        found = process.extractOne(
            query, self._numberless[0], scorer=fuzz.ratio, score_cutoff=100 * least
        )
        if found is None:
            return None
        entry = self.entries[self._numberless[1][found[2]]]
        target = _renumbered(entry, core)
        if target is None:
            return None
        return lead + carry(core, Entry(entry.source, target), self.target) + tail, found[1] / 100

    def terms(self, text: str) -> list[Token]:
        """Return the terms of the file that stand in a text: the longest first, from the left."""
        spans = self._spans_of_words(text)
        if language(self.source) in ("zh", "ja", "th"):
            spans = self._spans_of_characters(text)
        return [
            Token(start, end, "term", carry(text[start:end], entry, self.target))
            for start, end, entry in spans
        ]

    def _spans_of_words(self, text: str) -> Iterator[tuple[int, int, Entry]]:
        words = [match.span() for match in _WORD.finditer(text)]
        at = 0
        while at < len(words):
            for count in range(min(self._longest, len(words) - at), 0, -1):
                start, end = words[at][0], words[at + count - 1][1]
                entry = self.entries.get(fold(text[start:end]))
                if entry is not None:
                    yield start, end, entry
                    at += count - 1
                    break
            at += 1

    def _spans_of_characters(self, text: str) -> Iterator[tuple[int, int, Entry]]:
        at = 0
        while at < len(text):
            for end in range(min(len(text), at + self._letters), at, -1):
                entry = self.entries.get(fold(text[at:end])) if not text[at].isspace() else None
                if entry is not None:
                    yield at, end, entry
                    at = end - 1
                    break
            at += 1

    @cached_property
    def _numberless(self) -> tuple[list[str], list[str]]:
        keys = list(self.entries)
        return [_NUMBER.sub("#", key) for key in keys], keys


class GlossaryTranslator(Translator):
    """Translates with the pairs of CSV and TMX files alone; what is not in them stays."""

    name: ClassVar[str] = "glossary"
    tags: ClassVar[bool] = True
    Config: ClassVar[type[Any]] = GlossaryConfig
    config: GlossaryConfig

    def __init__(self, config: GlossaryConfig | None = None) -> None:
        super().__init__(config)
        self._rows: list[Mapping[str, str]] | None = None
        self._glossaries: dict[tuple[str, str], Glossary] = {}

    def check(self, source: str, target: str) -> None:
        """Raise UsageError without a file, or where it has nothing for these languages."""
        if not self.config.file:
            raise UsageError(
                "the translator glossary needs a file",
                hint="Give --glossary FILE.csv or FILE.tmx, or choose another --translator.",
            )
        rows = self._read()
        tags = sorted({tag for row in rows for tag in row if tag not in ("source", "target")})
        if source and self.glossary(source, target).entries:
            return
        if not source and any(_pick(row, target) for row in rows):
            return
        raise UsageError(
            f"the glossary has nothing for {source or 'any language'} to {target}",
            where=", ".join(self.config.file),
            why=f"its languages are {', '.join(tags)}" if tags else "it is empty",
            hint="Name the columns by language codes, or choose other languages.",
        )

    def glossary(self, source: str, target: str) -> Glossary:
        """Return the entries of one direction."""
        if (source, target) not in self._glossaries:
            pairs = [
                (left, right)
                for row in self._read()
                if (left := _pick(row, source, "source"))
                and (right := _pick(row, target, "target"))
            ]
            self._glossaries[source, target] = Glossary(pairs, source, target)
        return self._glossaries[source, target]

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """Return what the file says of each text."""
        glossary = self.glossary(source, target)
        return [self._one(text, glossary) for text in texts]

    def _one(self, text: str, glossary: Glossary) -> Translation:
        plain, parts = untagged(text)
        result, pairs = self._told(plain, glossary)
        if not parts or result.text is None:
            return result
        return replace(result, text=tagged(result.text, carried(parts, pairs)))

    def _told(self, text: str, glossary: Glossary) -> tuple[Translation, list[Pair]]:
        """Return the translation and which of its pieces stands for which of the text."""
        whole = self._whole(text, glossary)
        if whole is not None:
            return whole, [(0, len(text), 0, len(whole.text or ""), False)]
        parts = sentences.split(text, glossary.source)
        done = [self._whole(part, glossary) for part in parts] if len(parts) > 1 else [None]
        pieces: list[str] = []
        pairs: list[Pair] = []
        known = letters = 0.0
        flags: set[str] = set()
        at = new = 0
        for part, found in zip(parts, done, strict=True):
            size = _letters(part)
            letters += size
            own: list[Pair] = []
            if found is None:
                found, own = self._terms(part, glossary)
            if found.text is None:
                pieces.append(part)
                own = [(0, len(part), 0, len(part), True)]
                flags.add("partial")
            else:
                pieces.append(found.text)
                known += found.confidence * size
                flags.update(found.flags)
                own = own or [(0, len(part), 0, len(found.text), False)]
            at = max(at, text.find(part, at))
            new = len(sentences.join([*pieces[:-1], ""], glossary.target)) if pieces[1:] else 0
            pairs += [(at + a, at + b, new + c, new + d, same) for a, b, c, d, same in own]
            at += len(part)
        if not known:
            return Translation(None, 0.0, ("not in the glossary",)), []
        joined = sentences.join(pieces, glossary.target)
        return Translation(joined, known / max(1.0, letters), tuple(sorted(flags))), pairs

    def _whole(self, text: str, glossary: Glossary) -> Translation | None:
        exact = glossary.exact(text)
        if exact is not None:
            return Translation(exact)
        near = glossary.near(text, self.config.fuzzy)
        return None if near is None else Translation(near[0], 0.9 * near[1], ("fuzzy",))

    def _terms(self, text: str, glossary: Glossary) -> tuple[Translation, list[Pair]]:
        tokens = glossary.terms(text) if self.config.partial else []
        if not tokens:
            return Translation(None, 0.0), []
        out, at, known = "", 0, 0
        pairs: list[Pair] = []
        for start, end, instead in [
            *((token.start, token.end, token.instead) for token in tokens),
            (len(text), len(text), ""),
        ]:
            pairs.append((at, start, len(out), len(out) + start - at, True))
            out += text[at:start]
            pairs.append((start, end, len(out), len(out) + len(instead), False))
            out += instead
            known += _letters(text[start:end])
            at = end
        share = known / max(1, _letters(text))
        return Translation(out, share, () if share == 1 else ("partial",)), pairs

    def _read(self) -> list[Mapping[str, str]]:
        if self._rows is None:
            self._rows = [row for name in self.config.file for row in read(Path(name))]
        return self._rows


# --- texts ---------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """Return a text as it is compared: width, case, quotes and spacing do not count; accents do.

    >>> fold("Invoice\u00a0 NUMBER") == fold("invoice number")
    True
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.replace("\u2019", "'").split())


def carry(found: str, entry: Entry, target: str) -> str:
    """Return the entry's target in the case in which its source was found.

    >>> carry("INVOICE", Entry("invoice", "factura"), "es")
    'FACTURA'
    >>> carry("Invoice", Entry("invoice", "factura"), "es")
    'Factura'
    """
    cased = [c for c in found if c.isupper() or c.islower()]
    if not cased or found == entry.source:
        return entry.target
    if len(cased) > 1 and all(c.isupper() for c in cased) and not entry.source.isupper():
        return entry.target.upper()
    first, own = found[:1], entry.source[:1]
    if first.isupper() and own.islower():
        return entry.target[:1].upper() + entry.target[1:]
    plain = entry.target[1:2].islower() and language(target) not in _CAPITAL_NOUNS
    if first.islower() and own.isupper() and plain:
        return entry.target[:1].lower() + entry.target[1:]
    return entry.target


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _parts(text: str) -> tuple[str, str, str]:
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    tail = _TAIL.search(text, start)
    end = tail.start() if tail else len(text)
    return text[:start], text[start:end], text[end:]


def _entry(source: str, target: str) -> Entry:
    lead, core, tail = _parts(" ".join(source.split()))
    target = " ".join(target.split())
    own_lead, own_core, own_tail = _parts(target)
    before = "" if lead.strip() else own_lead
    after = "" if tail.strip() else own_tail
    return Entry(core, before + own_core + after)


def _renumbered(entry: Entry, text: str) -> str | None:
    """Return the target with the text's numbers for those of the source; None where it is unclear."""
    old, new = _NUMBER.findall(entry.source), _NUMBER.findall(text)
    if old == new:
        return entry.target
    if len(old) != len(new) or len(set(old)) != len(old):
        return None
    if sorted(_NUMBER.findall(entry.target)) != sorted(old):
        return None
    instead = dict(zip(old, new, strict=True))
    return _NUMBER.sub(lambda match: instead[match[0]], entry.target)


# --- files ---------------------------------------------------------------------------------------


def read(path: Path) -> list[Mapping[str, str]]:
    """Return the rows of a CSV or TMX file: language tag (or ``source``, ``target``) -> text.

    Raises:
        ConfigError: the file is missing, too large, or neither.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise _unreadable(path, f"it is larger than {_LARGEST >> 20} MB")
        rows = _read_tmx(path) if path.suffix.lower() == ".tmx" else _read_csv(path)
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise _unreadable(path, "it is not UTF-8 text") from None
    return rows


def _read_csv(path: Path) -> list[Mapping[str, str]]:
    import csv

    text = path.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count)
    try:
        table = [
            row
            for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise _unreadable(path, f"it is not CSV ({error})") from None
    if not table:
        return []
    names = _header(table[0])
    if names is None:
        short = next((number for number, row in enumerate(table, 1) if len(row) < 2), None)
        if short is not None:
            raise _unreadable(path, f"row {short} has one column")
        names = ["source", "target"]
    else:
        table = table[1:]
    return [
        {name: cell for name, cell in zip(names, row, strict=False) if name and cell.strip()}
        for row in table
    ]


def _header(row: Sequence[str]) -> list[str] | None:
    """Return the columns' tags, ``""`` for columns that are none; None for a row that is no header."""
    names: list[str] = []
    for cell in row:
        name = cell.strip().lower()
        if name in ("source", "target"):
            names.append(name)
            continue
        try:
            # Longer words can be tags too, of small languages: "term" is not meant as one.
            names.append(normal(cell) if re.match(r"[A-Za-z]{2,3}([-_]|$)", cell.strip()) else "")
        except UsageError:
            names.append("")
    return names if sum(map(bool, names)) >= 2 else None


def _read_tmx(path: Path) -> list[Mapping[str, str]]:
    from xml.etree import ElementTree

    rows: list[Mapping[str, str]] = []
    try:
        # expat resolves nothing outside the file, and stops entities that multiply.
        for _, element in ElementTree.iterparse(path):
            if _local(element.tag) == "tu":
                row = {}
                for variant in element.iter():
                    if _local(variant.tag) == "tuv":
                        tag = next(
                            (v for k, v in variant.attrib.items() if _local(k) == "lang"), ""
                        )
                        segment = next((c for c in variant if _local(c.tag) == "seg"), None)
                        if tag and segment is not None:
                            row[_tag(tag)] = _segment(segment)
                rows.append({tag: text for tag, text in row.items() if text.strip()})
                element.clear()
    except ElementTree.ParseError as error:
        raise _unreadable(path, f"it is not TMX ({error.msg.split(':')[0]})") from None
    return rows


def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2].lower()


def _tag(tag: str) -> str:
    try:
        return normal(tag)
    except UsageError:
        return tag


def _segment(element: Any) -> str:
    text = element.text or ""
    for child in element:
        if _local(child.tag) not in _TMX_CODES:
            text += _segment(child)
        text += child.tail or ""
    return text


def _pick(row: Mapping[str, str], tag: str, plain: str = "target") -> str:
    """Return the text of a row in a language: in that very tag, or else in another of its language."""
    found = row.get(tag) or row.get(plain)
    if found:
        return found
    return next((text for name, text in row.items() if name not in ("source", "target")
                 and same(name, tag)), "")  # fmt: skip


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "cannot read the glossary",
        where=str(path),
        why=why,
        hint="Give a UTF-8 CSV file with a column for each language, or a TMX file.",
    )
