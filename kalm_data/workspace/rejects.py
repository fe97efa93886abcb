"""Reads what was turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.config.rejects import LISTED
from kalm_data.core.errors import InputError
from kalm_data.core.records import Reject
from kalm_data.core.rejected import RejectCount, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from kalm_data.core.config.rejects import RejectsConfig
    from kalm_data.workspace.database import Database

_ASKED = """
FROM rejects j JOIN runs r ON r.run_id = j.run_id
WHERE ($run = '' OR j.run_id = $run) AND ($stage = '' OR j.stage = $stage)
    AND ($reason = '' OR j.reason = $reason)
"""

# the query of an example, or the document that no query was made of, where none is told
TEXT_OF = """
LEFT JOIN examples e ON e.example_id = listed.key AND listed.text = ''
LEFT JOIN texts asked ON asked.text_hash = e.query_hash
LEFT JOIN texts held ON held.text_hash = listed.source AND listed.text = ''
"""

_REJECTS = f"""
WITH listed AS (
    SELECT j.run_id, j.stage, j.reason, j.key, j.numbers, j.source, j.line, j.text, r.sequence
    {_ASKED}
    ORDER BY r.sequence DESC, j.stage, j.source, j.line, j.reason, j.key
    LIMIT $limit
)
SELECT listed.run_id, listed.stage, listed.reason, listed.key, listed.numbers, listed.source,
    listed.line, coalesce(nullif(listed.text, ''), asked.text, held.text, '')
FROM listed {TEXT_OF}
ORDER BY listed.sequence DESC, listed.stage, listed.source, listed.line, listed.reason, listed.key
"""

_COUNTS = f"""
SELECT j.run_id, j.stage, j.reason, count(*) {_ASKED}
GROUP BY r.sequence, j.run_id, j.stage, j.reason ORDER BY r.sequence DESC, j.stage, j.reason
"""


_ROWS_AT_ONCE = 10_000

_RUNS_NAMED = 20
"""How many runs are named where one asks for a run that is not there, the latest first."""


def read_rejects(database: Database, config: RejectsConfig) -> Rejected:
    """The rejects asked for, the latest run first, then by source and line.

    Raises InputError where the named run does not exist.
    """
    asked = config.model_dump(exclude={"limit"})
    with database.read() as connection:
        if config.run:
            _refuse_unknown_run(connection, config.run)
        listed = asked | {"limit": config.limit or LISTED}
        rows = connection.execute(_REJECTS, listed).fetchall()
        counts = connection.execute(_COUNTS, asked).fetchall()
    return Rejected(tuple(Reject(*row) for row in rows), tuple(RejectCount(*row) for row in counts))


def reject_blocks(database: Database, config: RejectsConfig) -> Iterator[list[Reject]]:
    """All rejects asked for, or the first `limit`, in the same order."""
    with database.read() as connection:
        if config.run:
            _refuse_unknown_run(connection, config.run)
        found = connection.execute(_REJECTS, config.model_dump())
        while rows := found.fetchmany(_ROWS_AT_ONCE):
            yield [Reject(*row) for row in rows]


def _refuse_unknown_run(connection: duckdb.DuckDBPyConnection, wanted: str) -> None:
    found = connection.execute("SELECT run_id FROM runs ORDER BY sequence DESC").fetchall()
    runs = [run_id for (run_id,) in found]
    if wanted not in runs:
        more = ", …" if len(runs) > _RUNS_NAMED else ""
        named = ", ".join(runs[:_RUNS_NAMED]) or "none yet"
        raise InputError(f"no run {wanted}; runs: {named}{more}")
