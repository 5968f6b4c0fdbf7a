"""Translator ``apertium``: calls the apertium programs, texts in and out through pipes.

One process translates a whole batch, and nothing is written to disk. Apertium translates by
dictionaries and rules: words are right far more often than sentences, between near languages (Spanish
and Portuguese, Catalan, Italian) well, from English roughly.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from docharmony import EngineError, MissingExtraError, Translation, Translator

from . import pairs, stream

# Rules have no confidence of their own: this for a text of which every word is known.
_KNOWN = 0.8


@dataclass(frozen=True, slots=True)
class ApertiumConfig:
    """Options of the translator ``apertium``."""

    program: str = "apertium"
    """Name or path of the program."""

    data: str = ""
    """Folder of the language data; empty takes the program's own."""

    timeout: float = 120.0
    """Seconds that a batch of texts may take."""


class ApertiumTranslator(Translator):
    """Translates with whatever pairs of apertium are installed."""

    name: ClassVar[str] = "apertium"
    tags: ClassVar[bool] = True
    Config: ClassVar[type[Any]] = ApertiumConfig
    config: ApertiumConfig

    def __init__(self, config: ApertiumConfig | None = None) -> None:
        super().__init__(config)
        self._installed: list[str] | None = None

    def check(self, source: str, target: str) -> None:
        """Raise MissingExtraError, with the line that installs it, where the pair is missing."""
        modes = self._modes(source, target)
        if source:
            self._mode(source, target)
        elif not any(pairs.mode([name], name.partition("-")[0], target) for name in modes):
            raise self._missing("any language", target, None)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """Return the translation of each text; words that apertium does not know stay as they are."""
        mode = self._mode(source, target)
        options = ["-d", self.config.data] if self.config.data else []
        output = self._run([*options, "-z", "-f", "none", mode], stream.write(texts))
        results = []
        for text, found in zip(texts, stream.read(output, texts), strict=True):
            if found is None:
                results.append(Translation(None, 0.0, ("no answer",), failed=True))
                continue
            words = max(1, len(re.findall(r"[^\W\d_]+", text)))
            confidence = _KNOWN * max(0.0, 1 - found.unknown / words)
            flags = ("unknown words",) if found.unknown else ()
            # It leaves spaces before the stops that it has moved words away from.
            clean = re.sub(r"(?<=\w) (?=[.,;:!?](?:\s|$))", "", found.text)
            results.append(Translation(clean or None, confidence, flags))
        return results

    def _mode(self, source: str, target: str) -> str:
        found = pairs.mode(self._modes(source, target), source, target)
        if found is None:
            raise self._missing(source, target, pairs.package(source, target))
        return found

    def _modes(self, source: str, target: str) -> list[str]:
        if self._installed is None:
            options = ["-d", self.config.data] if self.config.data else []
            package = pairs.package(source, target) if source else None
            listed = self._run([*options, "-l"], "", package or "apertium-LANG-LANG")
            self._installed = [line.strip() for line in listed.splitlines() if "-" in line]
        return self._installed

    def _missing(self, source: str, target: str, package: str | None) -> MissingExtraError:
        installed = ", ".join(sorted(self._installed or ())) or "none"
        return MissingExtraError(
            f"apertium cannot translate from {source} to {target}",
            why=f"that pair is not installed (installed: {installed})",
            hint=f"Run: apt-get install {package}"
            if package
            else "Debian has no such pair: see `apt-cache search apertium-`, or choose another "
            "--translator.",
        )

    def _run(self, arguments: Sequence[str], text: str, package: str = "") -> str:
        """Return what the program prints."""
        try:
            done = subprocess.run(
                [self.config.program, *arguments],
                input=text.encode(),
                capture_output=True,
                timeout=self.config.timeout,
                env={**os.environ, "LC_ALL": "C.UTF-8"},
                check=False,
            )
        except (FileNotFoundError, PermissionError):
            raise MissingExtraError(
                "apertium cannot start",
                where=self.config.program,
                why="there is no such program",
                hint=f"Run: apt-get install apertium {package}".rstrip()
                + ", or set translators.apertium.program to its path.",
            ) from None
        except subprocess.TimeoutExpired:
            # "from None": the chained error would carry text of the page.
            raise EngineError(
                "apertium takes too long",
                why=f"{self.config.timeout:g} s are over",
                hint="Raise translators.apertium.timeout.",
            ) from None
        if done.returncode:
            raise EngineError(
                "apertium failed",
                where=" ".join(arguments),
                why=f"exit code {done.returncode}",
                hint="Try `echo test | apertium PAIR` to see whether it works at all.",
            )
        return done.stdout.decode("utf-8", "replace")
