"""How a command ends: data and JSON on stdout, words for people on stderr, the exit status."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

import typer
from rich.console import Console

from kalm_data.api.outcome import Interrupted, KalmError, Outcome, RunSummary
from kalm_data.cli.people import people_console
from kalm_data.cli.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

GATE_MISSED = 3


class Reporter:
    """Prints what one command did."""

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        self.progress = ProgressLine(command)
        self.people = people_console()
        if isinstance(sys.stdout, io.TextIOWrapper):  # tables in a charset without their letters
            sys.stdout.reconfigure(errors="backslashreplace")

    @property
    def data(self) -> Console:
        _refuse_closed_stdout()
        return Console(file=cast("IO[str]", _Stdout()), highlight=False)

    def stage(self, summary: RunSummary) -> None:
        """Print how one stage of several went."""
        self.progress.close()
        self.people.print(_counts(summary), markup=False)

    def finish(self, outcome: Outcome[Any], *shown: RenderableType) -> None:
        """Print the outcome; raises Exit(3) where a gate of the user was missed."""
        self.progress.close()
        status = "failed" if outcome.missed else outcome.run.status
        if self.as_json:
            details = asdict(outcome.result)
            print_json(
                summary_json(outcome.run)
                | {"command": self.command, "status": status, "missed": outcome.missed}
                | details
            )
        self.people.print(_counts(outcome.run), markup=False)
        for item in shown:
            self.people.print(item)
        for gate in outcome.missed:
            self.people.print(f"{self.command}: gate missed: {gate}", markup=False)
        if outcome.missed:
            raise typer.Exit(GATE_MISSED)

    def fail(self, message: str, status: str, summary: RunSummary | None) -> None:
        self.progress.close()
        self.people.print(f"{self.command}: {message}", markup=False)
        if self.as_json:
            counts = summary_json(summary) if summary else {"run_id": None}
            named = {"command": self.command, "status": status, "error": message}
            print_json(counts | named)


@contextmanager
def reporting(command: str, *, as_json: bool) -> Iterator[Reporter]:
    """Turn what a user can mend into one line and its exit status; bugs keep their traceback."""
    reporter = Reporter(command, as_json=as_json)
    try:
        if as_json:
            _refuse_closed_stdout()
        yield reporter
    except KalmError as error:
        status = "interrupted" if isinstance(error, Interrupted) else "failed"
        reporter.fail(str(error), status, error.summary)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        reporter.fail("interrupted", "interrupted", None)
        raise typer.Exit(Interrupted.exit_code) from error
    except OSError as error:
        _end_by_system(reporter, error)
        raise
    except (typer.Exit, SystemExit):
        raise
    except BaseException as error:
        reporter.fail(f"internal error: {error!r}; please report it", "failed", None)
        raise


def _end_by_system(reporter: Reporter, error: OSError) -> None:
    """Raise Exit where a user can mend it: a full disk, a forbidden place."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        reporter.fail(f"{error.filename or 'disk'}: {error.strerror}", "failed", None)
        raise typer.Exit(1) from error
    reporter.fail(f"internal error: {error}", "failed", None)


def summary_json(summary: RunSummary) -> dict[str, object]:
    return {
        "command": summary.command,
        "run_id": summary.run_id,
        "status": summary.status,
        "planned": summary.planned,
        "kept": summary.kept,
        "rejected": dict(summary.rejected),
        "pending": summary.pending,
        "seconds": summary.seconds,
        "warnings": list(summary.warnings),
    }


def print_json(value: dict[str, Any]) -> None:
    """One line; what stdout's charset lacks (a lone surrogate, say) is written as JSON escapes it.

    Raises SystemExit(1) where stdout takes nothing; a person has been told then.
    """
    _refuse_closed_stdout()
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    try:
        sys.stdout.write((line if _can_write(line) else json.dumps(value)) + "\n")
        sys.stdout.flush()
    except OSError as error:
        _leave_stdout(error)


def _can_write(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Stdout:
    """stdout for tables: where it takes nothing, the command ends as `print_json` ends it."""

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stdout, name)

    def write(self, text: str) -> int:
        try:
            return sys.stdout.write(text)
        except OSError as error:
            _leave_stdout(error)

    def flush(self) -> None:
        try:
            sys.stdout.flush()
        except OSError as error:
            _leave_stdout(error)


def _refuse_closed_stdout() -> None:
    if sys.stdout is None:  # the caller closed it: `>&-`
        _say("standard output is closed. Send it to a file or a pipe.")
        raise SystemExit(1)


def _leave_stdout(error: OSError) -> NoReturn:
    """End with status 1; a reader that went away (`| head`) wants no word about it.

    What is left in the buffer goes nowhere, lest Python complains about it at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        _say(f"standard output: {error.strerror}. Send it where there is room.")
    raise SystemExit(1) from error


def _say(line: str) -> None:
    people_console().print(f"kalm-data: {line}", markup=False)


def on_devices(devices: Sequence[str]) -> str:
    """The end of a line about what was encoded and searched there."""
    return f"; on {', '.join(devices)}" if devices else ""


def _counts(summary: RunSummary) -> str:
    rejected = ", ".join(f"{reason} {count}" for reason, count in summary.rejected.items())
    tail = f"; rejected: {rejected}" if rejected else ""
    return (
        f"{summary.command}: {summary.kept} of {summary.planned} kept{tail} "
        f"({summary.seconds:.1f} s, run {summary.run_id})"
    )
