"""The page that a person reads after a redaction: one self-contained HTML file, free of secrets.

It shows the pages of the **output** only. The picture of how a page was before is the same picture with
a hatched field over each place that was cleared: nothing of the input's pixels is in the file, so
nothing can be got back from it. The fields are rounded to a grid, since the very width of a removed
text can tell what it was. No text of the document and no file name is in it but what the pictures of
the output show, small.
"""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import _version
from .geometry import BBox
from .model import Edit, Page
from .plan import RedactionReport

if TYPE_CHECKING:
    from PIL import Image

    from .io.base import Source

_WIDTH = 380  # pixels of a picture
_GRID = 24.0  # page units (at 72 dpi) to which places are rounded outwards
_MOST_PAGES = 100  # of which pictures are shown
_MOST_ROWS = 2000
_QUALITY = 70
_DONE = {
    "cleaned": "what was removed, or could not be searched, was taken out",
    "removed": "taken out as a whole",
    "kept": "left as it was, without a search",
}
# What a check looks for, by the start of its name, in words of the reader of the page.
_MEANING = {
    "pages": "Two programs that did not write the file open it and count its pages.",
    "strings and streams": "Everything stored in the file is unpacked and searched for what was removed.",
    "written anew": "The file holds no earlier version of itself.",
    "text": "Two programs copy all text out of the file: nothing removed is in it.",
    "places": "No character stands where something was removed.",
    "rest of the page": "What was not removed is still there, in its place.",
    "pixels read again": "The pages were read like a scan: nothing removed can be read.",
    "pixels": "The picture of each place no longer shows what stood there.",
    "gaps": "What was set anew leaves its gaps empty.",
    "kind": "The picture is of the kind it was.",
    "metadata": "The picture file says nothing about itself.",
    "bytes": "The bytes of the file are searched for what was removed.",
    "re-read pixels": "The places were read like a scan: nothing can be read there.",
}

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem 4rem; color: #1d2430; background: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
p { margin: .4rem 0; } .soft { color: #5b6472; }
.verdict { margin: 1.2rem 0; padding: .8rem 1rem; border-radius: .5rem; border: 1px solid; }
.good { background: #eef8f0; border-color: #9ccfa8; } .bad { background: #fdf0ef; border-color: #e0a39d; }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1rem 0 0; padding: 0; }
.numbers div { min-width: 6rem; } .numbers dt { color: #5b6472; font-size: .85rem; }
.numbers dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #e3e6ea; vertical-align: top; }
td.n, th.n { text-align: right; width: 1%; white-space: nowrap; font-variant-numeric: tabular-nums; }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; word-break: break-all; }
.pages { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem 1.5rem; align-items: start; }
figure { margin: 0; } figcaption { font-size: .85rem; color: #5b6472; margin: 0 0 .3rem; }
figure img { max-width: 100%; display: block; border: 1px solid #c9ced6; }
.mark { display: inline-block; min-width: 3.6rem; font-weight: 600; }
.pass { color: #1b7a36; } .fail { color: #b3261e; }
@media print { body { max-width: none; padding: 0; } figure, tr { break-inside: avoid; } }
"""


def to_html(report: RedactionReport, output: Source) -> str:
    """Return the report as one HTML page without links to anything outside it.

    Args:
        report: what was done.
        output: the released file, open; its pages are drawn small.

    Raises:
        InputError: a page of the output cannot be drawn.
    """
    passed = all(check.passed for check in report.checks)
    pages = output.info.page_count
    body = [
        "<h1>Redaction report</h1>",
        (
            '<p class="soft">What was removed from a document, and how it was checked. '
            "This page holds none of what was removed.</p>"
        ),
        _verdict(report, passed),
        _numbers(report, pages),
        _removed(report),
        _pictures(report, output),
        _gaps(report),
        _carriers(report),
        _checks(report),
        _uncertain(report),
        _hashes(report),
        _places(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n"
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Redaction report</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + f'\n<p class="soft">docharmony {_escaped(_version.__version__)}</p>\n</body>\n</html>\n'
    )


def _escaped(value: object) -> str:
    return html.escape(str(value), quote=True)


def _verdict(report: RedactionReport, passed: bool) -> str:
    count = len(report.checks)
    if passed:
        text = f"<strong>All {count} checks passed.</strong> The output was released."
    else:
        failed = sum(not check.passed for check in report.checks)
        text = f"<strong>{failed} of {count} checks failed.</strong> Do not hand out the file."
    if not report.count:
        text += " Nothing was removed: no rule found anything. The output is a cleaned copy."
    return (
        f'<div class="verdict {"good" if passed else "bad"}">{text}</div>'
        '<p class="soft">The checks say that what was found is gone from the file. They cannot say that '
        "all was found that should go: look at the pages below, or at the output itself.</p>"
    )


def _numbers(report: RedactionReport, pages: int) -> str:
    numbers = {
        "places removed": report.count,
        "pages with removals": len(report.edits),
        "pages in all": pages,
        "hidden parts changed": len(report.carriers),
        "lines hard to read": len(report.uncertain),
    }
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers.items()
    )
    return f'<dl class="numbers">{cells}</dl>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: int = 0) -> str:
    """Return a table of escaped texts; the first ``numeric`` columns are numbers."""

    def row(cells: Sequence[object], tag: str) -> str:
        return (
            "<tr>"
            + "".join(
                f"<{tag}{' class=n' if index < numeric else ''}>{_escaped(cell)}</{tag}>"
                for index, cell in enumerate(cells)
            )
            + "</tr>"
        )

    return (
        f"<table><thead>{row(heads, 'th')}</thead><tbody>"
        + "".join(row(cells, "td") for cells in rows)
        + "</tbody></table>"
    )


def _removed(report: RedactionReport) -> str:
    if not report.count:
        return ""
    counts = Counter(_what(edit) for own in report.edits.values() for edit in own)
    found: dict[str, set[int]] = {}
    for page, own in report.edits.items():
        for edit in own:
            found.setdefault(_what(edit), set()).add(page)
    rows = [
        (count, what, _page_list(sorted(found[what]))) for what, count in sorted(counts.items())
    ]
    return "<h2>What was removed</h2>" + _table(("places", "what", "on pages"), rows, numeric=1)


def _places(report: RedactionReport) -> str:
    rows = [
        (page, index, _what(edit), _rule(edit), f"{edit.confidence:.2f}")
        for page, own in sorted(report.edits.items())
        for index, edit in enumerate(own, 1)
    ]
    if not rows:
        return ""
    heads = ("page", "place", "what", "rule", "certainty")
    table = _table(heads, rows[:_MOST_ROWS], numeric=2)
    if len(rows) > _MOST_ROWS:
        table += f'<p class="soft">… and {len(rows) - _MOST_ROWS} more: see the JSON report.</p>'
    return f"<h2>Each place, and why</h2>{table}"


def _what(edit: Edit) -> str:
    """Return what was removed in words: of a term that was given, only which one it was."""
    return edit.reason.replace("term ", "given text no. ") if edit.rule == "term" else edit.reason


def _rule(edit: Edit) -> str:
    return f"term {edit.term}" if edit.rule == "term" and edit.term else edit.rule


def _page_list(pages: Sequence[int]) -> str:
    return ", ".join(map(str, pages[:30])) + (", …" if len(pages) > 30 else "")


def _pictures(report: RedactionReport, output: Source) -> str:
    if not report.edits:
        return ""
    parts = [
        "<h2>Before and after</h2>",
        (
            '<p class="soft">Left: where something stood (hatched, with its number in the list below; '
            f"fields are rounded to {_GRID / 72:.2g} inch, so that they do not give away how long it "
            "was). Right: the page as it is now. Both are drawn from the output.</p>"
        ),
        '<div class="pages">',
    ]
    chosen = sorted(report.edits)
    for number in chosen[:_MOST_PAGES]:
        page = output.page(number)
        picture = _small(output, page)
        marked = _hatched(picture, page, report.edits[number])
        count = len(report.edits[number])
        places = f"{count} {'place' if count == 1 else 'places'}"
        parts += [
            _figure(marked, f"page {number} before: {places}"),
            _figure(picture, f"page {number} after"),
        ]
    parts.append("</div>")
    if len(chosen) > _MOST_PAGES:
        parts.append(f'<p class="soft">… and {len(chosen) - _MOST_PAGES} more pages.</p>')
    return "\n".join(parts)


def _figure(picture: Image.Image, caption: str) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return (
        f"<figure><figcaption>{_escaped(caption)}</figcaption>"
        f'<img alt="{_escaped(caption)}" width="{picture.width}" height="{picture.height}" '
        f'src="data:image/jpeg;base64,{data}"></figure>'
    )


def _small(output: Source, page: Page) -> Image.Image:
    from PIL import Image

    inches = page.width / (72 if page.unit == "pt" else max(1, page.dpi))
    dpi = max(8, min(page.dpi, round(2 * _WIDTH / max(inches, 1e-3))))
    picture = Image.fromarray(output.raster(page.number, dpi))
    height = max(1, min(8 * _WIDTH, round(picture.height * _WIDTH / picture.width)))
    return picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)


def _hatched(picture: Image.Image, page: Page, edits: Sequence[Edit]) -> Image.Image:
    """Return the picture with opaque hatched fields over the places of the edits."""
    from PIL import Image, ImageDraw

    grid = _GRID if page.unit == "pt" else _GRID * page.dpi / 72
    sx, sy = picture.width / page.width, picture.height / page.height
    cover = Image.new("L", picture.size)
    pen = ImageDraw.Draw(cover)
    outlines = []
    for edit in edits:
        box = _rounded(edit.bbox, grid).intersection(page.bbox)
        spot = (box.x0 * sx, box.y0 * sy, max(box.x1 * sx, 1.0), max(box.y1 * sy, 1.0))
        outlines.append(spot)
        pen.rectangle(spot, fill=255)
    hatch = Image.new("RGB", picture.size, (250, 236, 219))
    lines = ImageDraw.Draw(hatch)
    for start in range(-picture.height, picture.width, 6):
        lines.line((start, picture.height, start + picture.height, 0), fill=(201, 120, 46), width=1)
    marked = Image.composite(hatch, picture, cover)
    frame = ImageDraw.Draw(marked)
    for index, spot in enumerate(outlines, 1):
        frame.rectangle(spot, outline=(150, 78, 12))
        corner = spot[0] + 2, spot[1] + 1
        frame.rectangle(frame.textbbox(corner, str(index)), fill=(255, 255, 255))
        frame.text(corner, str(index), fill=(150, 78, 12))
    return marked


def _rounded(box: BBox, grid: float) -> BBox:
    """Return the box with its left and right side moved out to a grid, its top and bottom a little.

    >>> _rounded(BBox(25, 10, 50, 20), 24)
    BBox(x0=24.0, y0=7.0, x1=72.0, y1=23.0)
    """
    more = grid / 8
    return BBox(
        float(box.x0 // grid * grid), box.y0 - more, float(-(-box.x1 // grid) * grid), box.y1 + more
    )


def _gaps(report: RedactionReport) -> str:
    if not report.count:
        return ""
    lines = sum(map(len, report.moved.values()))
    parts = ["<h2>Gaps</h2>"]
    if lines:
        pages = sorted(report.moved)
        parts.append(
            f"<p>{lines} {'line was' if lines == 1 else 'lines were'} set anew on "
            f"{'page' if len(pages) == 1 else 'pages'} {_page_list(pages)}, so that the width of a gap "
            "does not tell what stood there. Hatched fields show where it stood before that.</p>"
        )
    if report.gaps:
        numbers = {
            (page, edit.id): index
            for page, own in report.edits.items()
            for index, edit in enumerate(own, 1)
        }
        rows = sorted(
            (gap.page, numbers.get((gap.page, gap.edit), 0), gap.why) for gap in report.gaps
        )
        parts.append(
            "<p>What is left around these places still tells something of how wide the removed text "
            "was, so that who guesses a word can try whether it would fit. Where no figure stands, the "
            "gap is as wide as it was: of 10,000 surnames about 100 fit. Redact the whole line or "
            "paragraph where that matters.</p>"
        )
        parts.append(_table(("page", "place", "why"), rows[:_MOST_ROWS], numeric=2))
    return "".join(parts) if len(parts) > 1 else ""


def _carriers(report: RedactionReport) -> str:
    head = "<h2>Beside the pages</h2>"
    if not report.carriers:
        return head + "<p>Nothing that no page shows had to be cleaned.</p>"
    rows = [(carrier["where"], _DONE[carrier["action"]]) for carrier in report.carriers]
    return (
        f'{head}<p class="soft">Parts of the file that no page shows, in which something could be '
        "hidden.</p>" + _table(("part", "what was done"), rows)
    )


def _checks(report: RedactionReport) -> str:
    rows = "".join(
        f'<tr><td><span class="mark {"pass" if check.passed else "fail"}">'
        f"{'passed' if check.passed else 'failed'}</span></td>"
        f"<td>{_escaped(_meaning(check.name))}</td>"
        f"<td>{_escaped(check.name)}: {_escaped(check.detail)}</td></tr>"
        for check in report.checks
    )
    return (
        "<h2>Checks of the output</h2><table><thead><tr><th></th><th>what was checked</th>"
        f"<th>result</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _meaning(name: str) -> str:
    """Return what a check looks for; names of checks may go on with that of a reader or a list."""
    return next((text for start, text in _MEANING.items() if name.startswith(start)), name)


def _uncertain(report: RedactionReport) -> str:
    if not report.uncertain:
        return ""
    counts = Counter(place.page for place in report.uncertain)
    worst = {page: min(p.confidence for p in report.uncertain if p.page == page) for page in counts}
    return (
        "<h2>Look at these pages yourself</h2>"
        "<p>Lines on them were hard to read. What they say may be something that was to go.</p>"
        + _table(
            ("page", "lines", "least certainty"),
            [(page, counts[page], f"{worst[page]:.2f}") for page in sorted(counts)],
            numeric=2,
        )
    )


def _hashes(report: RedactionReport) -> str:
    return (
        "<h2>Files</h2><table><tbody>"
        f"<tr><td>input, SHA-256</td><td><code>{_escaped(report.input_sha256)}</code></td></tr>"
        f"<tr><td>output, SHA-256</td><td><code>{_escaped(report.output_sha256)}</code></td></tr>"
        "</tbody></table>"
    )
