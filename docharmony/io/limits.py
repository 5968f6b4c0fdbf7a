"""Limits under which an input is parsed and rendered."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ConfigError

MIB = 1 << 20
GIB = 1 << 30

# A child needs about 150 MiB of address space before it opens anything.
_LEAST_MEMORY = 256 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one input may cost. Everything over a limit raises LimitExceededError.

    Attributes:
        timeout_s: seconds a page may take to parse, and again to render; also for opening the file.
        max_memory: bytes of address space that a parsing process may hold (a long PDF has two such
            processes while its pages are streamed). Enforced where the
            system knows RLIMIT_AS (Linux, most Unix); elsewhere the time limit alone holds.
        max_pixels: pixels of one raster. A page that is larger at the dpi asked for gets a lower
            ``Page.dpi``; an image file that is larger is refused.
        max_page_points: longest side of a PDF page, in points.
        max_pages: pages of one document.
        max_file_bytes: size of the file.
    """

    timeout_s: float = 60.0
    max_memory: int = 2 * GIB
    max_pixels: int = 100_000_000
    max_page_points: float = 72_000.0
    max_pages: int = 20_000
    max_file_bytes: int = 2 * GIB

    def __post_init__(self) -> None:
        for name in ("timeout_s", "max_pixels", "max_page_points", "max_pages", "max_file_bytes"):
            if not getattr(self, name) > 0:
                raise ConfigError("a limit must be above zero", where=name)
        if self.max_memory < _LEAST_MEMORY:
            raise ConfigError(
                "the memory limit is too low",
                where="max_memory",
                why=f"the parser needs at least {_LEAST_MEMORY // MIB} MiB",
                hint="Give --max-memory 512M or more.",
            )
