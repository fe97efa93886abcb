"""What to do with runs whose process died: keep what they left, and say so in `runs`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError
from kalm_data.workspace.segments import Segments

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from kalm_data.workspace.database import Database


def close_dead_runs(database: Database) -> None:
    """Merge the segments of killed resumable runs, drop those of others; needs the lock.

    Whoever holds the workspace's lock knows that every run still marked as running is dead.
    """
    left = _left(database.folder / "runs")
    if not left and not _any_running(database):
        return
    with database.write() as connection:
        for run in left:
            if (run / "resumable").exists():
                _merge(connection, run)
                _record_progress(connection, run)
        connection.execute(
            "UPDATE runs SET status = 'interrupted', error = 'killed' WHERE status = 'running'"
        )
    for run in left:
        shutil.rmtree(run)


def _any_running(database: Database) -> bool:
    with database.read() as connection:
        return bool(connection.execute("SELECT 1 FROM runs WHERE status = 'running'").fetchall())


def _left(folder: Path) -> list[Path]:
    """The folders of runs; a stray file among them is nobody's run."""
    if not folder.is_dir():
        if folder.exists() or folder.is_symlink():
            message = f"{folder}: a file, where runs are kept in a folder. Move it away."
            raise InputError(message)
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _merge(connection: duckdb.DuckDBPyConnection, run: Path) -> None:
    segments = Segments(run)
    try:
        segments.merge(connection)
    except (pa.ArrowException, OSError) as error:
        broken = next((path for path in segments.pending() if not _is_readable(path)), run)
        message = (
            f"{broken}: damaged rows of a killed run ({str(error).splitlines()[0]}). "
            "Remove this folder; the same command makes again what it held."
        )
        raise InputError(message) from error


def _is_readable(segment: Path) -> bool:
    try:
        for file in segment.glob("*.parquet"):
            pq.read_table(file, page_checksum_verification=True, partitioning=None)
    except (pa.ArrowException, OSError):
        return False
    return True


def _record_progress(connection: duckdb.DuckDBPyConnection, run: Path) -> None:
    """The counts that the killed run had reported last, its rejects as they are stored."""
    counts = _read_counts(run / "progress.json")
    if counts is None:
        return
    planned, kept, seconds = counts
    rejected = connection.execute(
        "SELECT reason, count(*) FROM rejects WHERE run_id = ? GROUP BY reason ORDER BY reason",
        [run.name],
    ).fetchall()
    connection.execute(
        "UPDATE runs SET planned = ?, kept = ?, rejected = ?, seconds = ? WHERE run_id = ?",
        [planned, kept, json.dumps(dict(rejected)), seconds, run.name],
    )


def _read_counts(report: Path) -> tuple[int, int, float] | None:
    """Planned, kept and seconds; none where the report is missing or was cut short."""
    try:
        progress = json.loads(report.read_text())
        return int(progress["planned"]), int(progress["kept"]), float(progress["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
