"""``docharmony plugins`` and ``docharmony checkpoints``: what is installed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from ..errors import DocharmonyError, ExitCode
from . import common


def add(subparsers: Any) -> None:
    """Add the commands ``plugins`` and ``checkpoints``."""
    for name, summary, run in (
        ("plugins", "list plugins and every name that they register", run_plugins),
        ("checkpoints", "list checkpoints of the engine", run_checkpoints),
    ):
        parser = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"example:\n  docharmony {name} -f json",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument(
            "-f", "--format", choices=("text", "json"), default="text", help="output format"
        )
        if name == "checkpoints":
            parser.add_argument(
                "names",
                metavar="NAME|DIR|hf:ORG/NAME@REV",
                nargs="*",
                help="look at these (default: all that are registered)",
            )
            parser.add_argument(
                "--verify", action="store_true", help="compare the hashes of all files too"
            )
        parser.set_defaults(run=run)


def run_plugins(args: argparse.Namespace) -> int:
    """Print plugins and registered names; nothing heavy is imported for it."""
    plugins = args.plugins
    names = [
        {
            "kind": entry.kind,
            "name": entry.name,
            "summary": entry.summary,
            "distribution": entry.distribution,
            "version": entry.version,
            "target": str(entry.target),
        }
        for registry in plugins.registries
        for entry in registry
    ]
    if args.format == "json":
        listed = [
            {
                "name": info.name,
                "distribution": info.distribution,
                "version": info.version,
                "location": info.location,
            }
            for info in plugins.infos
        ]
        _print_json({"schema": 1, "plugins": listed, "names": names})
        return ExitCode.DONE
    lines = ["plugins"]
    lines += _columns(
        [(i.name, f"{i.distribution} {i.version}".strip(), i.location) for i in plugins.infos]
    )
    for registry in plugins.registries:
        rows = [(e.name, f"{e.distribution} {e.version}".strip(), e.summary) for e in registry]
        if rows:
            lines += ["", f"{registry.kind}s", *_columns(rows)]
    _print("\n".join(lines))
    return ExitCode.DONE


def run_checkpoints(args: argparse.Namespace) -> int:
    """Print checkpoints with what their manifests say.

    A damaged one among the registered is a row; one that was asked for by name is an error.
    """
    from .. import checkpoint
    from ..engine.opening import check_complete

    entries = {entry.name: entry for entry in args.plugins.checkpoints}
    registered = {name: entry.target for name, entry in entries.items()}
    rows = []
    for name in args.names or registered:
        row: dict[str, Any] = {"name": name, "summary": "", "distribution": "", "version": ""}
        if name in entries:
            entry = entries[name]
            row |= {
                "summary": entry.summary,
                "distribution": entry.distribution,
                "version": entry.version,
            }
        recipe = registered.get(name)
        if isinstance(recipe, checkpoint.Recipe) and not args.names and not recipe.folder.is_dir():
            rows.append({**row, "ok": True, "made": False, "path": str(recipe.folder)})
            continue
        try:
            row["path"] = path = str(checkpoint.find(name, registered))
            manifest = checkpoint.load_manifest(path)
            if args.verify:
                checkpoint.verify(manifest.parts.values())
                check_complete(manifest)
            row |= {"ok": True, **checkpoint.describe(manifest)}
            row["summary"] = row["summary"] or ", ".join(row["abilities"])
        except DocharmonyError as error:
            if args.names:
                raise
            row |= {"ok": False, "error": str(error)}
        rows.append(row)
    if args.format == "json":
        _print_json({"schema": 1, "checkpoints": rows})
    else:
        _print(
            "\n".join(
                _columns(
                    [
                        (
                            row["name"],
                            _size(row),
                            row.get("licence", ""),
                            row["summary"] if row["ok"] else row["error"],
                        )
                        for row in rows
                    ]
                )
            )
        )
    return ExitCode.DONE


def _size(row: dict[str, Any]) -> str:
    if not row["ok"]:
        return "damaged"
    return f"{row['bytes'] / 1e6:.1f} MB" if "bytes" in row else "made on first use"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        "  " + "  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _print(text: str) -> None:
    with common.output(None) as stream:
        stream.write(text.encode() + b"\n")


def _print_json(data: Any) -> None:
    _print(json.dumps(data, indent=1, ensure_ascii=False))
