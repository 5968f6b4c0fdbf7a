"""Errors: the tree in the docstring is the tree in the code; messages are one line and travel."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from docharmony import errors
from docharmony.errors import DocharmonyError, ExitCode, StageError

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, DocharmonyError)
]


def test_the_docstring_draws_every_class_with_its_code() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+)(?: (\d+))?", errors.__doc__ or ""))
    assert set(drawn) == {cls.__name__ for cls in CLASSES} - {"DocharmonyError"}
    for cls in CLASSES:
        if drawn.get(cls.__name__):
            assert cls.exit_code == int(drawn[cls.__name__]), cls


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_travel_between_processes(cls: type[DocharmonyError]) -> None:
    error = (
        StageError("it failed", page=3, stage="ocr", why="no", hint="Try again.")
        if cls is StageError
        else cls("it failed", where="a.pdf", why="no", hint="Try again.")
    )
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (str(again), again.hint) == (str(error), "Try again.")
    assert vars(again) == vars(error)


def test_a_message_is_one_line() -> None:
    error = DocharmonyError("a\nb", where="c\td", why="e  f")
    assert str(error) == "a b (c d): e f"


def test_exit_codes_are_those_promised() -> None:
    assert sorted(ExitCode) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 130]


@pytest.mark.parametrize(
    "cls", [errors.UsageError, errors.OutputError, *errors.InputError.__subclasses__()]
)
def test_what_users_meet_says_what_to_do_next(cls: type[DocharmonyError]) -> None:
    assert re.fullmatch(r"[A-Z`].*\.", cls("it failed").hint)
