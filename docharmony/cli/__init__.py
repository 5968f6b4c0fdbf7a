"""The command line: ``main(argv) -> int``; one small file a command. Only here is printed and exited."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code (see :class:`docharmony.ExitCode`)."""
    from .app import run

    return run(sys.argv[1:] if argv is None else list(argv))


def entry() -> None:
    """Run the command of ``sys.argv`` and exit."""
    sys.exit(main())
