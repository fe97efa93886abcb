"""What to do with runs whose process died: keep what they left, and say so in `runs`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from kalm_data.workspace.segments import Segments

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from kalm_data.workspace.database import Database


def close_dead_runs(database: Database) -> None:
    """Merge the segments of killed resumable runs, drop those of others; needs the lock.

    Whoever holds the workspace's lock knows that every run still marked as running is dead.
    """
    folder = database.folder / "runs"
    left = sorted(folder.iterdir()) if folder.exists() else []
    with database.write() as connection:
        for run in left:
            if (run / "resumable").exists():
                Segments(run).merge(connection)
                _record_progress(connection, run)
        connection.execute(
            "UPDATE runs SET status = 'interrupted', error = 'killed' WHERE status = 'running'"
        )
    for run in left:
        shutil.rmtree(run)


def _record_progress(connection: duckdb.DuckDBPyConnection, run: Path) -> None:
    """The counts that the killed run had reported last, its rejects as they are stored."""
    report = run / "progress.json"
    if not report.exists():
        return
    progress = json.loads(report.read_text())
    rejected = connection.execute(
        "SELECT reason, count(*) FROM rejects WHERE run_id = ? GROUP BY reason ORDER BY reason",
        [run.name],
    ).fetchall()
    connection.execute(
        "UPDATE runs SET planned = ?, kept = ?, rejected = ?, seconds = ? WHERE run_id = ?",
        [progress["planned"], progress["kept"], json.dumps(dict(rejected)), progress["seconds"],
         run.name],
    )  # fmt: skip
