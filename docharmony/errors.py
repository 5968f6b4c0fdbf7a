"""Errors that docharmony raises, each with the exit code that the command line returns for it.

::

    DocharmonyError 1              has .hint: what to do next
    ├── UsageError 2
    ├── ConfigError 2
    ├── InputError 3
    │   ├── EncryptedError         no or wrong password
    │   ├── UnsupportedError       not a kind of file that a reader knows
    │   ├── BrokenError            damaged beyond what the parser repairs
    │   └── LimitExceededError     too large, too slow, too much memory
    ├── OutputError 4
    ├── PluginError 5
    ├── CheckpointError 6
    │   ├── CheckpointNotFoundError
    │   ├── CheckpointCorruptError
    │   └── CheckpointIncompatibleError
    ├── MissingExtraError 7
    ├── EngineError 8
    ├── StageError 9               .page, .stage; the cause is chained
    └── RedactionLeakError 10      the output was withheld

A message never contains text of a document: it may be the secret that somebody removes.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the ``docharmony`` command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    INPUT = 3
    OUTPUT = 4
    PLUGIN = 5
    CHECKPOINT = 6
    MISSING_EXTRA = 7
    ENGINE = 8
    STAGE = 9
    LEAK = 10
    PARTIAL = 20
    INTERRUPTED = 130


class DocharmonyError(Exception):
    """Say what went wrong, where and why; ``hint`` says what to do next.

    Args:
        what: what could not be done, e.g. ``"cannot open the file"``.
        where: file, page or option concerned; empty when there is no place to name.
        why: the reason, in words of the user's world.
        hint: one sentence that names the next thing to try.
    """

    exit_code: ExitCode = ExitCode.UNEXPECTED
    usual_hint = ""

    def __init__(self, what: str, *, where: str = "", why: str = "", hint: str = "") -> None:
        self.what, self.where, self.why, self.hint = what, where, why, hint or self.usual_hint
        message = what + (f" ({where})" if where else "") + (f": {why}" if why else "")
        super().__init__(" ".join(message.split()))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), dict(self.__dict__), str(self)))


def _rebuild(cls: type[DocharmonyError], state: dict[str, object], message: str) -> DocharmonyError:
    """Rebuild an error that crossed a process border, whatever its own ``__init__`` takes."""
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class UsageError(DocharmonyError):
    """The command or call was put together wrongly."""

    exit_code = ExitCode.USAGE
    usual_hint = "`docharmony COMMAND --help` says what can be given."


class ConfigError(DocharmonyError):
    """A configuration key or value is unknown or out of range."""

    exit_code = ExitCode.USAGE


class InputError(DocharmonyError):
    """The input cannot be used."""

    exit_code = ExitCode.INPUT


class EncryptedError(InputError):
    """The input needs a password, or the one given is wrong."""

    usual_hint = "Give the password with --password or in DOCHARMONY_PASSWORD."


class UnsupportedError(InputError):
    """No reader knows this kind of file."""

    usual_hint = "Convert it to PDF or PNG first."


class BrokenError(InputError):
    """The input is damaged beyond what its parser repairs."""

    usual_hint = "Open it in a viewer and save it again, or fetch it anew."


class LimitExceededError(InputError):
    """The input is over a limit of size, time or memory."""

    usual_hint = "Scale it down, or leave it out."


class OutputError(DocharmonyError):
    """The output cannot be written."""

    exit_code = ExitCode.OUTPUT
    usual_hint = "Write to another folder."


class PluginError(DocharmonyError):
    """A plugin cannot be loaded, or two plugins claim one name."""

    exit_code = ExitCode.PLUGIN


class CheckpointError(DocharmonyError):
    """A checkpoint cannot be used."""

    exit_code = ExitCode.CHECKPOINT
    usual_hint = "Choose another one with --checkpoint; `docharmony checkpoints` lists them."


class CheckpointNotFoundError(CheckpointError):
    """No checkpoint has this name."""


class CheckpointCorruptError(CheckpointError):
    """A file of the checkpoint is missing or has another hash than the manifest says."""


class CheckpointIncompatibleError(CheckpointError):
    """The checkpoint's schema or anatomy is not one that this version runs."""


class MissingExtraError(DocharmonyError):
    """An optional package is needed; the hint gives the pip line."""

    exit_code = ExitCode.MISSING_EXTRA


class EngineError(DocharmonyError):
    """The engine or its device failed."""

    exit_code = ExitCode.ENGINE
    usual_hint = "Try another --device or --checkpoint."


class StageError(DocharmonyError):
    """A stage failed on a page.

    Attributes:
        page: 1-based page number.
        stage: name of the stage.
    """

    exit_code = ExitCode.STAGE

    def __init__(self, what: str, *, page: int, stage: str, why: str = "", hint: str = "") -> None:
        super().__init__(what, where=f"page {page}, stage {stage}", why=why, hint=hint)
        self.page, self.stage = page, stage


class RedactionLeakError(DocharmonyError):
    """Something that was to be removed is still in the output, which was therefore withheld."""

    exit_code = ExitCode.LEAK
