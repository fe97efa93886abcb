"""What to do with runs whose process died: keep what they left, and say so in `runs`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from kalm_data.workspace.segments import Segments

if TYPE_CHECKING:
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
        connection.execute(
            "UPDATE runs SET status = 'interrupted', error = 'killed' WHERE status = 'running'"
        )
    for run in left:
        shutil.rmtree(run)
