"""Runs: who works on the workspace, how far it is, and the law of conservation."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from kalm_data.core.errors import ConservationError, Interrupted, KalmError
from kalm_data.core.full_disk import naming
from kalm_data.core.records import Reject
from kalm_data.core.summary import Progress, RunSummary, Status
from kalm_data.core.text import storable
from kalm_data.workspace.lock import writing
from kalm_data.workspace.recovery import close_dead_runs
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kalm_data.core.record_columns import RecordColumns
    from kalm_data.core.records import Record
    from kalm_data.workspace.database import Database

MERGE_EVERY_S = 5.0
_REPORT_EVERY_S = 0.5
_VERSIONED = ("kalm-data", "duckdb", "pyarrow", "numpy", "torch", "transformers",
              "sentence-transformers")  # fmt: skip


_ALWAYS_KEPT = (TABLES[Reject],)

_KEPT_OUTSIDE = {
    "build-shards": "files that were finished are used again",
    "train": "checkpoints that were written are used again",
}
"""By command: what an interrupted run leaves outside the workspace for the next one."""


class WorkspaceRun:
    """One execution of a command; satisfies `core.protocols.Run`."""

    def __init__(
        self, database: Database, command: str, on_progress: Callable[[Progress], None] | None
    ) -> None:
        self.sequence = _next_sequence(database)
        self.run_id = f"{self.sequence:04d}-{command}"
        self._database = database
        self._command = command
        self._folder = database.folder / "runs" / self.run_id
        self._folder.mkdir(parents=True, exist_ok=True)
        self._segments = Segments(self._folder)
        self._planned = self._expected = 0
        self._kept = 0
        self._rejected: Counter[str] = Counter()
        self._activity, self._under_way = "", 0.0
        self._inputs: dict[str, str] = {}
        self._warnings: list[str] = []
        self._started = self._merged_at = time.monotonic()
        self._reported_at = 0.0
        self._on_progress = on_progress

    def plan(self, count: int) -> None:
        self._planned += count
        self._report(force=True)

    def expect(self, count: int) -> None:
        self._expected = self._kept + self._rejected.total() + count

    def keep(self, count: int = 1) -> None:
        self._kept += count
        self._activity, self._under_way = "", 0.0
        self._report()

    def reject(self, rejects: Sequence[Reject]) -> None:
        self._rejected.update(reject.reason for reject in rejects)
        self.append(rejects)
        self._report()

    def append(self, rows: Sequence[Record]) -> None:
        if rows:
            self._segments.append(rows)

    def hold(self, rows: RecordColumns) -> None:
        if rows.count:
            self._segments.hold(rows)

    def checkpoint(self) -> None:
        if time.monotonic() - self._merged_at >= MERGE_EVERY_S:
            self.merge()

    def tell(self, activity: str, units: float = 0.0) -> None:
        self._activity, self._under_way = activity, units
        self._report()

    def record_input(self, name: str, fingerprint: str) -> None:
        self._inputs[name] = fingerprint

    def warn(self, line: str) -> None:
        line = storable(line)
        if line not in self._warnings:
            self._warnings.append(line)
            self._report(force=True, warning=line)

    def summary(self, status: Status) -> RunSummary:
        return RunSummary(
            self._command,
            self.run_id,
            status,
            self._planned,
            self._kept,
            dict(sorted(self._rejected.items())),
            round(time.monotonic() - self._started, 3),
            tuple(self._warnings),
        )

    def open(self, configuration: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO runs VALUES "
                "(?, ?, ?, 'running', ?, ?, '{}', 0, 0, '{}', [], ?, 0, '')",
                [self.sequence, self.run_id, self._command, configuration, _versions(),
                 datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")],
            )  # fmt: skip

    def close(self, status: Status, *, merge: bool, error: str = "") -> RunSummary:
        """Merge what is pending and record how the run ended, in one transaction.

        Of a run whose rows do not count the rejects are kept: they may be why it failed.
        """
        self._report(force=True)
        summary = self.summary(status)
        with self._database.write() as connection:
            merged = self._segments.merge(connection, TABLES.values() if merge else _ALWAYS_KEPT)
            connection.execute(
                "UPDATE runs SET status = ?, inputs = ?, planned = ?, kept = ?, rejected = ?, "
                "warnings = ?, seconds = ?, error = ? WHERE run_id = ?",
                [status, json.dumps(self._inputs, sort_keys=True), summary.planned, summary.kept,
                 json.dumps(summary.rejected), list(summary.warnings), summary.seconds,
                 storable(error), self.run_id],
            )  # fmt: skip
        self._segments.forget([*merged, self._folder])
        return summary

    def check_conservation(self) -> None:
        summary = self.summary("ok")
        if summary.pending:
            message = (
                f"run {self.run_id}: planned {summary.planned} is not kept {summary.kept} + "
                f"rejected {dict(summary.rejected)}"
            )
            raise ConservationError(message)

    def merge(self) -> None:
        with self._database.write() as connection:
            merged = self._segments.merge(connection)
        self._segments.forget(merged)
        self._merged_at = time.monotonic()

    def _report(self, *, force: bool = False, warning: str = "") -> None:
        now = time.monotonic()
        if not force and now - self._reported_at < _REPORT_EVERY_S:
            return
        self._reported_at = now
        rejected = self._rejected.total()
        progress = Progress(
            self._command, self.run_id, self._planned, self._kept, rejected, now - self._started,
            self._activity, warning, self._expected, self._under_way,
        )  # fmt: skip
        _write_progress(self._folder / "progress.json", progress)
        if self._on_progress:
            self._on_progress(progress)


@contextmanager
def running(
    database: Database,
    command: str,
    configuration: str,
    *,
    resumable: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[WorkspaceRun]:
    """Run one command on a workspace, alone; `configuration` is JSON.

    What a resumable run has appended is kept when it is interrupted, fails or is killed; of any
    other run either all is kept or nothing.
    """
    with writing(database.folder, command), database.kept_open():
        database.create()
        close_dead_runs(database)
        run = WorkspaceRun(database, command, on_progress)
        _mark(database.folder / "runs" / run.run_id, resumable=resumable)
        run.open(configuration)
        try:
            yield run
            run.check_conservation()
        except KeyboardInterrupt as error:
            summary = run.close("interrupted", merge=resumable, error="interrupted")
            stopped = Interrupted(_interrupted_line(summary, resumable=resumable))
            stopped.summary = summary
            raise stopped from error
        except BaseException as error:
            summary = _close_failed(run, merge=resumable, error=error)
            if isinstance(error, KalmError):
                error.summary = summary
            raise
        run.close("ok", merge=True)


def _close_failed(run: WorkspaceRun, *, merge: bool, error: BaseException) -> RunSummary:
    """Record the failure; where even that fails (a full disk), the first error is what matters."""
    try:
        return run.close("failed", merge=merge, error=str(error))
    except (KalmError, OSError):
        return run.summary("failed")


def _interrupted_line(summary: RunSummary, *, resumable: bool) -> str:
    if resumable:
        done = f"{summary.kept} of {summary.planned} done and kept"
        return f"interrupted: {done}. The same command goes on from there."
    used = _KEPT_OUTSIDE.get(summary.command)
    again = f"Run the same command again: {used}." if used else "Run the same command again."
    return f"interrupted: nothing of this run is kept in the workspace. {again}"


def _mark(folder: Path, *, resumable: bool) -> None:
    if resumable:
        (folder / "resumable").touch()


def _next_sequence(database: Database) -> int:
    with database.read() as connection:
        rows = connection.execute("SELECT coalesce(max(sequence), 0) + 1 FROM runs").fetchall()
    return int(rows[0][0])


def _versions() -> str:
    found = {}
    for package in _VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return json.dumps(found)


def _write_progress(file: Path, progress: Progress) -> None:
    partial = file.with_suffix(".partial")
    state = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
    with naming(partial), partial.open("w") as stream:
        stream.write(json.dumps(state))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
