"""Finding regular expressions on a page, under a time limit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from ..errors import LimitExceededError, UsageError
from .text import QUOTES, PageText, View, natural, tight


@dataclass(frozen=True, slots=True)
class PatternMatch:
    """A place where a pattern matches: indices into ``PageText.text`` and into the patterns given."""

    start: int
    end: int
    pattern: int


class Patterns:
    """Python regular expressions, ready to search pages.

    A pattern sees a page's text in reading order: words separated by single spaces, lines by ``\\n``,
    blocks by a blank line. So ``.`` stays on its line, ``^`` and ``$`` stand at the ends of lines, and
    ``\\s`` goes across. A space written in a pattern also matches a line end. Values that a line end
    or odd spacing breaks are searched a second time in one piece.

    Args:
        patterns: what to find; case counts unless the pattern says ``(?i)``.
        timeout: seconds that one pattern may take on one page.

    Raises:
        UsageError: a pattern is no regular expression.
    """

    def __init__(self, patterns: Sequence[str], *, timeout: float = 5.0) -> None:
        self.timeout = timeout
        self.patterns = [_compile(pattern, index) for index, pattern in enumerate(patterns)]

    def find(self, page: PageText) -> list[PatternMatch]:
        """Return all matches on the page.

        Raises:
            LimitExceededError: a pattern takes longer than the limit.
        """
        if not self.patterns:
            return []
        views = [view for view in (natural(page), tight(page)) if view is not None]
        found: set[tuple[int, int, int]] = set()
        for index, pattern in enumerate(self.patterns):
            until = monotonic() + self.timeout
            for view in views:
                found |= self._search(pattern, index, view, page, until)
        return [PatternMatch(*match) for match in sorted(found)]

    def _search(
        self, pattern: Any, index: int, view: View, page: PageText, until: float
    ) -> set[tuple[int, int, int]]:
        try:
            matches = pattern.finditer(view.text, timeout=max(0.01, until - monotonic()))
            return {
                (*view.span(match.start(), match.end(), page), index)
                for match in matches
                if match.end() > match.start()
            }
        except TimeoutError:
            raise LimitExceededError(
                f"pattern {index + 1} takes too long",
                why=f"more than {self.timeout:g} s on one page",
                hint="Write it without nested repeats such as (a+)+, or raise "
                "stages.redact.pattern_timeout.",
            ) from None


def _compile(pattern: str, index: int) -> Any:
    import regex

    try:
        return regex.compile(_across_lines(pattern), regex.MULTILINE)
    except (regex.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"pattern {index + 1} is not a regular expression",
            why=getattr(error, "msg", None) or type(error).__name__,
            hint="Check its brackets and backslashes; quote it for the shell.",
        ) from None


def _across_lines(pattern: str) -> str:
    """Return the pattern with each literal space also matching a line end, and quotes made plain."""
    if re.search(r"\(\?[a-wyz]*x", pattern):
        return pattern  # A verbose pattern's spaces mean nothing.
    out: list[str] = []
    in_class = False
    index = 0
    while index < len(pattern):
        unit = pattern[index : index + 2] if pattern[index] == "\\" else pattern[index]
        index += len(unit)
        if unit == "[" and not in_class:
            in_class = True
            # A bracket that comes first, or after ^, is a member of the class.
            first = re.compile(r"\^?\]?").match(pattern, index)
            unit += first.group() if first else ""
            index += len(unit) - 1
        elif unit == "]":
            in_class = False
        elif unit in (" ", "\\ "):
            # In front, so that a range that starts at the space stays one.
            unit = "\\n" + unit if in_class else "[ \\n]"
        out.append(QUOTES.get(unit, unit))
    return "".join(out)
