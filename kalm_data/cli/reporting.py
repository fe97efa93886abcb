"""How a command ends: data and JSON on stdout, words for people on stderr, the exit status."""

from __future__ import annotations

import errno
import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from kalm_data.api.outcome import Interrupted, KalmError, Outcome, RunSummary
from kalm_data.cli.progress import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

GATE_MISSED = 3


class Reporter:
    """Prints what one command did."""

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.command = command
        self.as_json = as_json
        self.progress = ProgressLine(command)
        self.people = Console(stderr=True, highlight=False, soft_wrap=True)
        self.data = Console(highlight=False)

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
        if self.as_json:
            counts = summary_json(summary) if summary else {"run_id": None}
            named = {"command": self.command, "status": status, "error": message}
            print_json(counts | named)
        self.people.print(f"{self.command}: {message}", markup=False)


@contextmanager
def reporting(command: str, *, as_json: bool) -> Iterator[Reporter]:
    """Turn what a user can mend into one line and its exit status; bugs keep their traceback."""
    reporter = Reporter(command, as_json=as_json)
    try:
        yield reporter
    except KalmError as error:
        status = "interrupted" if isinstance(error, Interrupted) else "failed"
        reporter.fail(str(error), status, error.summary)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        reporter.fail("interrupted", "interrupted", None)
        raise typer.Exit(Interrupted.exit_code) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            reporter.fail(f"internal error: {error}", "failed", None)
            raise
        reporter.fail(f"{error.filename or 'disk'}: {error.strerror}", "failed", None)
        raise typer.Exit(1) from error
    except typer.Exit:
        raise
    except BaseException as error:
        reporter.fail(f"internal error: {error!r}; please report it", "failed", None)
        raise


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
    """One line; a lone surrogate (of a file's name, say) is written as JSON escapes it."""
    line = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _counts(summary: RunSummary) -> str:
    rejected = ", ".join(f"{reason} {count}" for reason, count in summary.rejected.items())
    tail = f"; rejected: {rejected}" if rejected else ""
    return (
        f"{summary.command}: {summary.kept} of {summary.planned} kept{tail} "
        f"({summary.seconds:.1f} s, run {summary.run_id})"
    )
