"""Work on several things at once in threads; networks and most array work let each other run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Thing = TypeVar("_Thing")
_Found = TypeVar("_Found")


def side_by_side(
    work: Callable[[_Thing], _Found], things: Sequence[_Thing], workers: int
) -> list[_Found]:
    """Return what ``work`` makes of each thing, in their order; at most ``workers`` run at once.

    Threads last for this call alone, so that none is left behind where a process is forked.

    >>> side_by_side(len, ["a", "bc"], 2)
    [1, 2]

    Raises:
        Exception: the first that ``work`` raises, in the order of things.
    """
    workers = min(workers, len(things))
    if workers < 2:
        return [work(thing) for thing in things]
    with ThreadPoolExecutor(workers, "docharmony") as pool:
        return list(pool.map(work, things))
