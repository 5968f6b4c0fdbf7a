"""Audit a file, ours or not, and check an output before it is released.

Nothing here trusts the writer: text is read by MuPDF and PDFium, strings and streams are scanned as qpdf
decodes them, pictures of the page are compared. All of it runs in the parsing child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import BrokenError
from ..geometry import BBox
from ..model import Edit, EditStatus
from .child import Child
from .limits import Limits
from .moves import Move
from .needles import LONG, Needles, fold, is_piece

if TYPE_CHECKING:
    from .base import Source

_CHILD = "docharmony.io.verify_child:"

FindingKind = Literal["bad_redaction", "hidden_text", "carrier", "revision", "term"]
Reread = Callable[[Path, int, BBox], Sequence[str]]

# Rules whose value is only a secret where it stands: the same text elsewhere means something else.
_LOCAL_RULES = frozenset({"region", "pii:address", "pii:date_of_birth"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an audit found.

    Attributes:
        kind: ``"bad_redaction"`` (meant to be hidden, still to be had), ``"hidden_text"`` (in the text
            layer, not on the picture), ``"carrier"`` (holds data that no page shows), ``"revision"``
            (an earlier state of the file), ``"term"`` (a given term).
        page: 1-based, None for the document.
        bbox: on the displayed page, points.
        where: the place in words.
        text: what it says; it can be the secret itself, so that ``repr`` leaves it out.
    """

    kind: FindingKind
    page: int | None
    bbox: BBox | None
    where: str
    text: str = field(default="", repr=False)

    def to_json(self, *, show_text: bool = False) -> dict[str, Any]:
        """Return the finding as ``verify -f json`` has it; the text of a bad redaction on demand."""
        shown = show_text or self.kind != "bad_redaction"
        return {
            "kind": self.kind,
            "page": self.page,
            "bbox": None if self.bbox is None else [round(v, 2) for v in self.bbox],
            "where": self.where,
            "text": self.text if shown else "",
        }


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an output. ``detail`` never holds text of the document."""

    name: str
    passed: bool
    detail: str


def verify_pdf(
    path: Path,
    *,
    password: str | None = None,
    terms: Sequence[str] = (),
    whole_words: bool = False,
    pages: Sequence[int] | None = None,
    limits: Limits | None = None,
    name: str = "",
    after: Callable[[int], None] | None = None,
) -> list[Finding]:
    """Return what an audit of a PDF finds: pages in order, then the document.

    Args:
        path: the file; never altered.
        password: to open it with.
        terms: texts that it must not hold, wherever and however written.
        whole_words: terms are whole words only.
        pages: 1-based numbers to look at; all by default. The document is audited in any case.
        limits: of the parsing child.
        name: of the file, for messages; that of ``path`` by default.
        after: called with the number of each page that was looked at.

    Raises:
        InputError: the file is encrypted, broken or over a limit.
    """
    limits = limits or Limits()
    where = name or path.name
    args = {
        "path": str(path),
        "password": password,
        "terms": list(terms),
        "whole_words": whole_words,
    }
    with Child(limits) as child:
        whole, _ = child.call(
            _CHILD + "audit_document", args, where=where, timeout_s=10 * limits.timeout_s
        )
        findings: list[dict[str, Any]] = []
        for number in range(1, int(whole["pages"]) + 1) if pages is None else pages:
            found, _ = child.call(
                _CHILD + "audit_page",
                {**args, "number": number},
                where=f"{where}, page {number}",
            )
            findings += found
            if after is not None:
                after(number)
    return [_found(item) for item in [*findings, *whole["findings"]]]


def verify_image(
    path: Path,
    *,
    terms: Sequence[str] = (),
    whole_words: bool = False,
    limits: Limits | None = None,
    name: str = "",
) -> list[Finding]:
    """Return what an audit of an image file finds beside its pixels: metadata, and terms in it.

    Args:
        path: the file; never altered.
        terms: texts that it must not hold, wherever and however written.
        whole_words: terms are whole words only.
        limits: of the parsing child.
        name: of the file, for messages; that of ``path`` by default.

    Raises:
        InputError: the file is broken or over a limit.
    """
    with Child(limits) as child:
        found, _ = child.call(
            "docharmony.io.verify_image:audit",
            {"path": str(path), "terms": list(terms), "whole_words": whole_words},
            where=name or path.name,
        )
    return [_found(item) for item in found]


def _found(item: Mapping[str, Any]) -> Finding:
    return Finding(
        item["kind"],
        item["page"],
        None if item["bbox"] is None else BBox(*item["bbox"]),
        str(item["where"]),
        str(item["text"]),
    )


def check_output(
    path: Path,
    *,
    source: Source,
    edits: Mapping[int, Sequence[Edit]],
    terms: Sequence[str] = (),
    whole_words: bool = False,
    fill: str = "erase",
    moves: Mapping[int, Sequence[Move]] | None = None,
    reread: Reread | None = None,
    limits: Limits | None = None,
) -> list[Check]:
    """Check an output before it is released; release it only when every check passed.

    What is sought everywhere: the terms, and the originals of edits whose value is a secret wherever it
    stands (terms, patterns, numbers; not names, addresses or regions). Under every applied edit no
    character may stand and no ink of before may be seen. Places of REJECTED edits are left out.

    Args:
        path: the output.
        source: the input that it was made of.
        edits: page number -> edits, as given to ``apply_edits``.
        terms: texts that may stand nowhere.
        whole_words: terms are whole words only.
        fill: as given to ``apply_edits``.
        moves: page number -> lines that were set anew: what stands on them must stand where they say.
        reread: reads the pixels of an area anew: (path, page, box) -> texts; ``None`` skips that check.
        limits: of the parsing child.

    Raises:
        InputError: the output or the source cannot be read, or a limit was met.
        MissingExtraError: a package that checks is not installed.
    """
    limits = limits or Limits()
    media_type = source.info.media_type
    plan = _Plan.of(edits, terms, whole_words)
    checks: list[Check] = []
    with Child(limits) as child:
        try:
            if media_type == "application/pdf":
                checks += _check_pdf(child, path, source, plan, fill, moves or {}, limits)
            else:
                checks += _check_image(child, path, source, plan, fill, moves or {}, limits)
        except BrokenError as error:
            raise BrokenError(
                "the output cannot be checked",
                where=error.where,
                why=error.why,
                hint="Nothing was written. The input may be damaged: open it in a viewer and save it "
                "again.",
            ) from error
    if reread is not None:
        checks.append(_check_reread(path, plan, reread))
    return _merged(checks)


def unseen_text(
    source: Source,
    *,
    edits: Mapping[int, Sequence[Edit]],
    terms: Sequence[str],
    whole_words: bool,
    limits: Limits | None = None,
) -> dict[int, list[tuple[BBox, str]]]:
    """Return page number -> (place, word) of what of a PDF is sought and stands under no edit.

    All layers are switched on, and what lies off the page or is clipped is read too.

    Args:
        source: the input.
        edits: as for :func:`check_output`.
        terms: as for :func:`check_output`.
        whole_words: terms are whole words.
        limits: of the parsing child.
    """
    limits = limits or Limits()
    plan = _Plan.of(edits, terms, whole_words)
    with Child(limits) as child:
        found, _ = child.call(
            _CHILD + "unseen",
            {
                "path": str(source.path),
                "password": source.password,
                "areas": {
                    str(number): [
                        [list(p) for p in edit.bbox.polygon()] for edit in own if not edit.picture
                    ]
                    for number, own in edits.items()
                },
                **plan.sought(on_page=False),
            },
            where=source.info.name,
            timeout_s=10 * limits.timeout_s,
        )
    return {
        int(number): [(BBox(*box), str(text)) for box, text in places]
        for number, places in found.items()
    }


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a check needs to know of the edits; ``applied`` are those that clear a place of the page."""

    applied: Mapping[int, Sequence[Edit]]
    rejected: Mapping[int, Sequence[Edit]]
    needles: tuple[str, ...]
    terms: tuple[str, ...]
    spared: frozenset[str]
    whole_words: bool

    @classmethod
    def of(
        cls, edits: Mapping[int, Sequence[Edit]], terms: Sequence[str], whole_words: bool
    ) -> _Plan:
        done = (EditStatus.APPROVED, EditStatus.APPLIED)
        applied = {n: [e for e in items if e.status in done] for n, items in edits.items()}
        rejected = {
            n: [e for e in items if e.status is EditStatus.REJECTED] for n, items in edits.items()
        }
        secrets = [
            edit.original
            for items in applied.values()
            for edit in items
            if _everywhere(edit) and not (edit.rule == "term" and is_piece(edit.original, terms))
        ]
        # Somebody let these stand in a place: they are in the streams, and rightly so.
        spared = {fold(e.original) for items in rejected.values() for e in items}
        for items in rejected.values():
            spared |= {fold(terms[e.term - 1]) for e in items if 0 < e.term <= len(terms)}
        return cls(
            {n: [e for e in items if not e.picture] for n, items in applied.items()},
            rejected,
            tuple(dict.fromkeys(secrets)),
            tuple(terms),
            frozenset(spared),
            whole_words,
        )

    def sought(self, *, on_page: bool) -> dict[str, Any]:
        """Return what may stand nowhere; on pages spared texts too, but for their own places."""

        def chosen(texts: Sequence[str]) -> list[str]:
            return [text for text in texts if on_page or fold(text) not in self.spared]

        return {
            "needles": chosen(self.needles),
            "terms": chosen(self.terms),
            "whole_words": self.whole_words,
        }


def _everywhere(edit: Edit) -> bool:
    """Return whether the text of an edit may stand nowhere else."""
    if edit.rule == "term":
        return True
    if edit.rule in _LOCAL_RULES:
        return False
    if edit.rule == "pii:name":
        return len(edit.original.split()) > 1
    text = fold(edit.original)
    return len(text) >= LONG and any(c.isdigit() or c == "@" for c in text)


def _check_pdf(
    child: Child,
    path: Path,
    source: Source,
    plan: _Plan,
    fill: str,
    moves: Mapping[int, Sequence[Move]],
    limits: Limits,
) -> list[Check]:
    args = {"path": str(path), "password": source.password, "source": str(source.path)}
    where = f"output of {source.info.name}"
    found, _ = child.call(
        _CHILD + "check_document",
        {**args, **plan.sought(on_page=False)},
        where=where,
        timeout_s=10 * limits.timeout_s,
    )
    checks = [Check(*item) for item in found]
    for number in range(1, source.info.page_count + 1):
        applied = plan.applied.get(number, ())
        found, _ = child.call(
            _CHILD + "check_page",
            {
                **args,
                **plan.sought(on_page=True),
                "number": number,
                "polygons": [[list(p) for p in _area(edit)] for edit in applied],
                "labels": sorted({edit.rule.removeprefix("pii:") for edit in applied}),
                "allowed": [
                    [list(p) for p in _area(edit)] for edit in plan.rejected.get(number, ())
                ],
                "fill": fill,
                "moves": [move.to_json() for move in moves.get(number, ())],
            },
            where=f"{where}, page {number}",
        )
        checks += [Check(*item) for item in found]
    return checks


def _check_image(
    child: Child,
    path: Path,
    source: Source,
    plan: _Plan,
    fill: str,
    moves: Mapping[int, Sequence[Move]],
    limits: Limits,
) -> list[Check]:
    found, _ = child.call(
        "docharmony.io.verify_image:check",
        {
            "path": str(path),
            "source": str(source.path),
            "polygons": {
                str(number): [[list(p) for p in _area(edit)] for edit in items]
                for number, items in plan.applied.items()
            },
            "fill": fill,
            "moves": {str(n): [move.to_json() for move in own] for n, own in moves.items()},
            **plan.sought(on_page=False),
        },
        where=f"output of {source.info.name}",
        timeout_s=10 * limits.timeout_s,
    )
    return [Check(*item) for item in found]


def _area(edit: Edit) -> Sequence[Sequence[float]]:
    box = edit.bbox
    if len(set(edit.polygon)) < 3 or box.is_empty:
        return box.grow(0.5).polygon()
    return edit.polygon


def _check_reread(path: Path, plan: _Plan, reread: Reread) -> Check:
    failed = count = 0
    for number, items in sorted(plan.applied.items()):
        for edit in items:
            count += 1
            needles = Needles((), (*plan.needles, *plan.terms, edit.original))
            if any(needles.hit(text) for text in reread(path, number, edit.bbox)):
                failed += 1
    return Check("re-read pixels", not failed, f"{failed} of {count} areas are still legible")


def _merged(checks: Sequence[Check]) -> list[Check]:
    """Return one check a name: failed where any failed, with the detail of the first failure."""
    merged: dict[str, Check] = {}
    for check in checks:
        known = merged.get(check.name)
        if known is None or (known.passed and not check.passed):
            merged[check.name] = check
    counts = {name: sum(1 for c in checks if c.name == name) for name in merged}
    return [
        check
        if counts[name] == 1 or not check.passed
        else Check(name, True, f"passed on {counts[name]} pages")
        for name, check in merged.items()
    ]
