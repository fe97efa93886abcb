"""Reads what was turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.records import Reject

if TYPE_CHECKING:
    from kalm_data.core.config.rejects import RejectsConfig
    from kalm_data.workspace.database import Database

_REJECTS = """
SELECT j.run_id, j.stage, j.reason, j.key, j.numbers, j.source, j.line, j.text
FROM rejects j JOIN runs r ON r.run_id = j.run_id
WHERE ($run = '' OR j.run_id = $run) AND ($stage = '' OR j.stage = $stage)
    AND ($reason = '' OR j.reason = $reason)
ORDER BY r.sequence DESC, j.stage, j.source, j.line, j.reason, j.key
LIMIT $limit
"""


def read_rejects(database: Database, config: RejectsConfig) -> tuple[Reject, ...]:
    """The rejects asked for, the latest run first, then by source and line."""
    with database.read() as connection:
        rows = connection.execute(_REJECTS, config.model_dump()).fetchall()
    return tuple(Reject(*row) for row in rows)
