"""The errors a user can meet.

KalmError
├── InputError          a file, a row or a setting the user can mend      exit 1
│   └── RowError        one row of a file; becomes a reject where asked   exit 1
├── WorkspaceBusy       another command holds the workspace               exit 1
├── Interrupted         Ctrl-C; the same command goes on where it stopped  exit 130
├── StaleMeasurement    what was measured no longer fits what is there    exit 1
└── GateMissed          a quality gate that the user set was missed       exit 3

Anything else that escapes is a bug of ours and keeps its traceback.
"""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.summary import RunSummary


class KalmError(Exception):
    """A failure that one line explains: what, where, which value, and the remedy."""

    exit_code = 1
    summary: "RunSummary | None" = None
    """How far the run had come, where there was one."""


class InputError(KalmError):
    """A file, a row or a setting that the user can mend."""


class RowError(InputError):
    """One bad row; `reason` is the word under which it is counted as a reject."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class WorkspaceBusy(KalmError):
    """Another process holds the workspace; the message names it."""


class StaleMeasurement(KalmError):
    """Rankings of another pool or other positives; `commands` refresh them."""

    def __init__(self, what: str, commands: "Sequence[str]") -> None:
        super().__init__(f"{what} Run {' and '.join(f'`{command}`' for command in commands)}.")
        self.what, self.commands = what, commands

    def at(self, workspace: "Path") -> "StaleMeasurement":
        """The same, with commands that name the workspace."""
        named = shlex.join(["--workspace", str(workspace)])
        stale = StaleMeasurement(self.what, [f"{command} {named}" for command in self.commands])
        stale.summary = self.summary
        return stale


class GateMissed(KalmError):
    """A quality gate set by the user was missed."""

    exit_code = 3


class Interrupted(KalmError):
    """The user stopped the run; what was done is kept."""

    exit_code = 130


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read or written, in words for people."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    return error.strerror or str(error)


class ConservationError(AssertionError):
    """Rows appeared or vanished in a run: a bug of ours, never the user's."""
