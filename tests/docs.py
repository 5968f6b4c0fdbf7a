"""Write the generated parts of the documentation anew; ``make docs`` runs it, test_docs compares.

Generated: the commands and their options in README.md, the hooks in plugins/README.md.
"""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

from docharmony.cli.app import build_parser, global_options
from docharmony.hookspecs import HOOKS
from docharmony.plugins import Plugins

ROOT = Path(__file__).parent.parent


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """Return a line an option: its names, its value, its help. Not argparse's own text, which
    differs between versions of Python."""
    lines = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction | argparse._VersionAction):
            continue
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        if action.option_strings and action.nargs != 0:
            value = action.metavar or (
                "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest
            )
            names += f" {value}"
        if isinstance(action, argparse._AppendAction):
            names += " ..."
        text = (action.help or "").replace("%%", "%")
        lines.append(f"  {names:<44} {text}".rstrip())
    return lines


def commands() -> str:
    """Return the block of commands with their options."""
    parser = build_parser(Plugins(allow=[]))
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    shared = _options(global_options())
    lines = ["docharmony [global options] COMMAND ...", "", "global options", *shared]
    common = None
    for listed in subparsers._choices_actions:
        name, summary = listed.dest, listed.help
        command = subparsers.choices[name]
        own = _options(command)
        documents = [line for line in own if _is_common(line)]
        if documents and common is None:
            common = documents
        own = [line for line in own if not _is_common(line)]
        lines += ["", f"docharmony {name}: {summary}", *own]
    lines += ["", "options of every command on documents", *(common or [])]
    return "```text\n" + "\n".join(lines) + "\n```"


def _is_common(line: str) -> bool:
    return bool(re.match(r"  --(pages|password|dpi|checkpoint|device|timeout|max-memory)\b", line))


def hooks() -> str:
    """Return each hook with its arguments and what its docstring says."""
    parts = []
    for name, hook in HOOKS.items():
        arguments = ", ".join(inspect.signature(hook).parameters)
        parts.append(f"### `{name}({arguments})`\n\n{_prose(inspect.getdoc(hook) or '')}")
    return "\n\n".join(parts)


def _prose(text: str) -> str:
    text = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text)
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    return re.sub(r"::\n\n((?:    .*\n?|\n)+)", _code, text)


def _code(match: re.Match[str]) -> str:
    body = "\n".join(line[4:] for line in match[1].rstrip().splitlines())
    return f":\n\n```python\n{body}\n```"


GENERATED = {
    ROOT / "README.md": ("commands", commands),
    ROOT / "plugins" / "README.md": ("hooks", hooks),
}


def renewed(path: Path) -> str:
    """Return the text of the file with its generated part made anew."""
    name, make = GENERATED[path]
    pattern = re.compile(f"(<!-- {name} begin[^>]*-->\n).*?(<!-- {name} end -->)", re.DOTALL)
    text, count = pattern.subn(
        lambda m: f"{m[1]}{make()}\n{m[2]}", path.read_text(encoding="utf-8")
    )
    assert count == 1, f"{path} has no part {name}"
    return text


if __name__ == "__main__":
    for file in GENERATED:
        file.write_text(renewed(file), encoding="utf-8")
