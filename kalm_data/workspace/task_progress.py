"""Reads how far each task is, by which run made what."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.mining import DRAW
from kalm_data.core.next_steps import DoneRun, RuleInForce, TaskProgress
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    import duckdb

_RUNS = "SELECT sequence, run_id, command, status, configuration FROM runs ORDER BY sequence"

_TASKS = "SELECT definition FROM current_tasks ORDER BY task"

_DOCUMENTS = "SELECT DISTINCT collection, run_id FROM documents ORDER BY ALL"

_EXAMPLES = """
SELECT task, split, run_id, count(*) FROM (
    SELECT task, split, run_id FROM examples
    UNION ALL SELECT task, split, run_id FROM labels
    UNION ALL SELECT task, split, run_id FROM scored_pairs
)
GROUP BY ALL ORDER BY ALL
"""

_UNRANKED = """
SELECT DISTINCT task FROM labels UNION SELECT DISTINCT task FROM scored_pairs ORDER BY task
"""

_HEADS = """
SELECT task, kind, name, sequence, basis, settings FROM current_heads WHERE run_id <> ''
ORDER BY ALL
"""


def read_runs(connection: duckdb.DuckDBPyConnection) -> list[DoneRun]:
    """All of them, by sequence."""
    return [DoneRun(*row) for row in connection.execute(_RUNS).fetchall()]


def read_progress(
    connection: duckdb.DuckDBPyConnection, documents: dict[str, int], runs: list[DoneRun]
) -> list[TaskProgress]:
    """By name of the task. documents: how many each collection has."""
    sequences = {run.run_id: run.sequence for run in runs}
    filled: defaultdict[str, int] = defaultdict(int)
    for collection, run_id in connection.execute(_DOCUMENTS).fetchall():
        filled[collection] = max(filled[collection], sequences.get(run_id, 0))
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    asked: defaultdict[str, int] = defaultdict(int)
    for task, split, run_id, count in connection.execute(_EXAMPLES).fetchall():
        counts[task, split] += count
        if split == "train":
            asked[task] = max(asked[task], sequences.get(run_id, 0))
    unranked = {row[0] for row in connection.execute(_UNRANKED).fetchall()}
    draws: dict[str, tuple[int, str, str]] = {}
    rules: defaultdict[str, list[RuleInForce]] = defaultdict(list)
    for task, kind, name, *told in connection.execute(_HEADS).fetchall():
        if kind == "rule":
            rules[task].append(RuleInForce(name, *told))
        elif name == DRAW:
            draws[task] = (told[0], told[1], told[2])
    found = []
    for (definition,) in connection.execute(_TASKS).fetchall():
        one = Task.model_validate_json(definition)
        changed = max(asked[one.name], *(filled[collection] for collection in one.pool))
        found.append(
            TaskProgress(
                one.name,
                one.is_ranked and one.name not in unranked,
                sum(documents.get(collection, 0) for collection in one.pool),
                counts[one.name, "train"],
                0 if one.name in unranked else counts[one.name, "test"],
                changed,
                *draws.get(one.name, (0, "", "")),
                tuple(rules[one.name]),
            )
        )
    return found
