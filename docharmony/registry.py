"""Registry: name -> target, a ``"module:attribute"`` string that is imported on first use."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from .errors import DocharmonyError, MissingExtraError, PluginError, UsageError

# Names that the project's own distributions register, to say which one is missing.
ELSEWHERE = {
    ("executor", "ray"): "docharmony-ray",
    ("stage", "ocr.rapidocr"): "docharmony-rapidocr",
    ("stage", "ocr.tesseract"): "docharmony-tesseract",
    ("translator", "apertium"): "docharmony-apertium",
    ("translator", "http"): "docharmony-http",
    ("translator", "transformers"): "docharmony-transformers",
    ("detector", "name"): "docharmony-rampart",
    ("detector", "address"): "docharmony-rampart",
    ("embedder", "minilm"): "docharmony-small",
    ("command", "export"): "docharmony-export",
    ("command", "train"): "docharmony-train",
}


def missing(kind: str, name: str) -> MissingExtraError | None:
    """Return the error that says which distribution has a name, where one of the project's own has."""
    package = ELSEWHERE.get((kind, name))
    if package is None:
        return None
    return MissingExtraError(
        f"the {kind} {name!r} is in a package that is not installed",
        where=package,
        hint=f"pip install {package}",
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered name.

    Attributes:
        kind: what it is, e.g. ``"stage"``.
        name: how the user picks it.
        target: ``"module:attribute"``, or a path for a checkpoint, or an object given directly.
        summary: one line for lists and help.
        distribution: the package that registered it.
        version: that package's version, ``""`` for a loose file.
    """

    kind: str
    name: str
    target: Any
    summary: str
    distribution: str
    version: str

    def load(self) -> Any:
        """Import and return the target; raise PluginError when that fails."""
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            found: Any = import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except DocharmonyError:
            raise
        except (ImportError, AttributeError, ValueError) as error:
            raise PluginError(
                f"cannot load {self.kind} {self.name!r}",
                where=f"{self.target}, from {self.distribution}",
                why=f"{type(error).__name__}: {error}",
                hint="Install or mend that package, or pick another name: `docharmony plugins`.",
            ) from error
        return found


class Registry:
    """Names of one kind. Filled by hooks; an installed plugin is used only when it is named."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        """Add an entry; raise PluginError when another package already has the name."""
        old = self._entries.get(entry.name)
        if old is not None:
            raise PluginError(
                f"two plugins register the {self.kind} {entry.name!r}",
                where=f"{old.distribution} and {entry.distribution}",
                why="a name has one owner",
                hint="Uninstall one of them, or name the plugins you want in DOCHARMONY_PLUGINS.",
            )
        self._entries[entry.name] = entry

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._entries)

    def entry(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            MissingExtraError: a distribution of this project has it, which is not installed.
            UsageError: nobody has it; near names are in the hint.
        """
        found = self._entries.get(name)
        if found is None:
            if elsewhere := missing(self.kind, name):
                raise elsewhere
            near = difflib.get_close_matches(name, self._entries, 3, 0.5)
            raise UsageError(
                f"unknown {self.kind} {name!r}",
                hint=f"Did you mean {' or '.join(near)}?"
                if near
                else f"Known: {', '.join(self.names()) or 'none'}.",
            )
        return found

    def get(self, name: str) -> Any:
        """Import and return what the name stands for."""
        return self.entry(name).load()
