"""What ``make demo`` shows: read, ask, redact and replace in a born-digital PDF and a scan.

Everything it prints comes from the outputs of the very commands that it shows.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
INPUTS = HERE / "tests" / "resources" / "demo"
OUT = HERE / "demo-output"

SECRETS = ["--pii", "email,phone,iban,credit_card"]
QUESTIONS = {
    "report.pdf": ["Who is the director?", "What is the total?", "Who won the football match?"],
    "scan.pdf": ["What is our reference?", "How much was paid for the hotel?", "Who signed?"],
}
NEW = {
    "report.pdf": ["Calder Lifts=Merriweather Lifts"],
    "scan.pdf": ["Meridian Travel=Polaris Ferries", "Philippa Voss=Henrietta Alder"],
}


def main() -> None:
    """Run the demonstration."""
    OUT.mkdir(exist_ok=True)
    for name, questions in QUESTIONS.items():
        source = INPUTS / name
        stem = source.stem
        redacted, report = OUT / f"{stem}.redacted.pdf", OUT / f"{stem}.report.json"
        say(f"\n== {name} ==")
        docharmony("ocr", source, "-f", "markdown", "-o", OUT / f"{stem}.md")
        docharmony("layout", source, "-f", "png", "-o", OUT / f"{stem}.blocks.png")
        docharmony("ask", source, *questions, "-f", "text")
        page = OUT / f"{stem}.report.html"
        docharmony("redact", source, "-o", redacted, *SECRETS, "--report", report, "--report", page)
        docharmony("verify", redacted)
        tell(stem, json.loads(report.read_text(encoding="utf-8")))
        side_by_side(source, redacted, OUT / f"{stem}.before-after.png")
        replaced, maps = OUT / f"{stem}.replaced.pdf", [o for m in NEW[name] for o in ("--map", m)]
        docharmony("replace", source, "-o", replaced, *maps)
        side_by_side(source, replaced, OUT / f"{stem}.replaced.png")
    say(
        f"\nLook at {OUT.name}/: *.md what was read, *.blocks.png where, *.before-after.png what is gone,"
        "\n*.report.html how that was checked, *.replaced.png what stands there instead."
    )


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


def docharmony(*arguments: object) -> None:
    """Run a command as a user would, and show it."""
    plain = (str(a.relative_to(HERE)) if isinstance(a, Path) else str(a) for a in arguments)
    shown = shlex.join(plain)
    say(f"$ docharmony {shown}")
    command = [sys.executable, "-m", "docharmony", *map(str, arguments)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"the command above ended with exit code {done.returncode}")


def tell(stem: str, report: dict[str, object]) -> None:
    """Print what was read and what was removed, without the removed text itself."""
    read = (OUT / f"{stem}.md").read_text(encoding="utf-8")
    say(f"read: {len(read.split())} words; the first lines:")
    for line in [line for line in read.splitlines() if line.strip()][:5]:
        say(f"    {line[:96]}")
    edits: list[dict[str, object]] = report["edits"]  # type: ignore[assignment]
    say(f"removed: {len(edits)} places")
    for edit in edits:
        x0, y0, x1, y1 = edit["bbox"]  # type: ignore[misc]
        say(f"    page {edit['page']}  {edit['rule']:<18} {x1 - x0:.0f} x {y1 - y0:.0f} pt")
    verification: dict[str, object] = report["verification"]  # type: ignore[assignment]
    checks: list[dict[str, object]] = verification["checks"]  # type: ignore[assignment]
    passed = sum(bool(check["passed"]) for check in checks)
    say(f"verified: {passed} of {len(checks)} checks passed")


def side_by_side(before: Path, after: Path, out: Path) -> None:
    """Write a picture with each page before (left) and after (right)."""
    from PIL import Image

    import docharmony as dh

    rows = []
    with dh.open(before) as old, dh.open(after) as new:
        for number in range(1, old.info.page_count + 1):
            left, right = (Image.fromarray(s.raster(number, 80)) for s in (old, new))
            row = Image.new("RGB", (left.width + right.width + 12, left.height + 12), "gray")
            row.paste(left, (0, 0))
            row.paste(right, (left.width + 12, 0))
            rows.append(row)
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), "gray")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(out)


if __name__ == "__main__":
    main()
