"""Turns torch's errors into the engine's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

from ...errors import EngineError

P = ParamSpec("P")
R = TypeVar("R")


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function for inference; out of memory, and whatever torch cannot do, is an EngineError.

    Torch says most things by RuntimeError. ValueError is left alone: it tells of wrong arguments.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with torch.inference_mode():
                return function(*args, **kwargs)
        except (RuntimeError, MemoryError) as error:
            raise EngineError(
                "the engine failed",
                why=type(error).__name__,
                hint="less memory is used with --device cpu, engine.batch=1, engine.dtype=bfloat16 "
                "or fewer --jobs",
            ) from error

    return run
