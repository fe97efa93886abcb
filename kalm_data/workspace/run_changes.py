"""How two runs of one workspace differ: their counts, settings, inputs, and what they rejected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.difference import Cause, RowChange
from kalm_data.core.errors import InputError
from kalm_data.workspace.changes import change_of, count_changes, find_changes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from kalm_data.core.difference import Counts
    from kalm_data.workspace.database import Database

PARTS = ("reason", "negatives")
_AT_ONCE = 10_000

# A run that rejects a row lacks it: so the rejects of one run are rows of the other side. The rows
# of a draw are examples with their negatives.
_SIDE = """
CREATE TEMP TABLE side_{side} AS
SELECT '' AS task, stage AS split, key, list_sort(list(reason)) AS reason,
    list_sort(list(numbers)) AS numbers, NULL::UBIGINT AS negatives, any_value(text) AS text
FROM rejects WHERE run_id = $rejected_by GROUP BY ALL
UNION ALL
SELECT e.task, 'draw', j.example_id, [], [], hash(list_sort(list(j.text_hash))), any_value(t.text)
FROM judgements j JOIN examples e USING (example_id) JOIN texts t ON t.text_hash = e.query_hash
WHERE j.run_id = $drawn_by AND j.origin = 'miner' AND j.label = 'negative' GROUP BY ALL
"""

_DETAILS = """
SELECT c.change, c.task, c.split, c.key, coalesce(b.text, a.text), c.parts,
    a.reason, a.numbers, b.reason, b.numbers
FROM changes c LEFT JOIN side_a a USING (task, split, key)
LEFT JOIN side_b b USING (task, split, key)
ORDER BY c.task, c.split, c.key LIMIT $limit
"""

_RUN = """
SELECT configuration, versions, inputs, status, planned, kept, rejected, seconds
FROM runs WHERE run_id = ?
"""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run tells of itself."""

    configuration: Mapping[str, object]
    versions: Mapping[str, str]
    inputs: Mapping[str, str]
    figures: Mapping[str, str | float]


def read_run(database: Database, run_id: str) -> RunFacts:
    """Raises InputError where the workspace has no such run."""
    with database.read() as connection:
        row = connection.execute(_RUN, [run_id]).fetchone()
    if row is None:
        message = (
            f"{run_id}: neither a folder of a shard set or workspace, nor a run of "
            f"{database.folder}. `kalm-data status` lists its runs."
        )
        raise InputError(message)
    configuration, versions, inputs, status, planned, kept, rejected, seconds = row
    reasons = {f"rejected: {name}": count for name, count in json.loads(rejected).items()}
    figures = {"status": status, "planned": planned, "kept": kept, **reasons, "seconds": seconds}
    return RunFacts(json.loads(configuration), json.loads(versions), json.loads(inputs), figures)


class RunChanges:
    """What one of two runs rejected, or drew, and the other did not; `counts` tells of all."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, a: str, b: str) -> None:
        self._connection, self._runs = connection, (a, b)
        for side, drawn_by, rejected_by in (("a", a, b), ("b", b, a)):
            named = {"drawn_by": drawn_by, "rejected_by": rejected_by}
            connection.execute(_SIDE.format(side=side), named)
        find_changes(connection, PARTS)
        self.counts: tuple[Counts, ...] = count_changes(connection)

    def rows(self, limit: int | None) -> Iterator[list[RowChange]]:
        """By task, stage and key, some thousands at a time; `limit` in all."""
        named = {"limit": limit if limit is not None else 2**62}
        found = self._connection.execute(_DETAILS, named)
        while rows := found.fetchmany(_AT_ONCE):
            yield [self._row(*row) for row in rows]

    def _row(
        self, change: str, task: str, split: str, key: str, text: str, parts: Sequence[str],
        *told: Sequence[str] | None,
    ) -> RowChange:  # fmt: skip
        """`told`: reasons and numbers of the second run, then of the first."""
        of_second, of_first = told[:2], told[2:]
        causes = [
            Cause(split, reason, numbers, run_id)
            for run_id, (reasons, each) in zip(self._runs, (of_first, of_second), strict=True)
            for reason, numbers in zip(reasons or (), each or (), strict=True)
        ]
        return RowChange(
            change_of(change), task, split, key, text, tuple(parts), causes=tuple(causes)
        )
