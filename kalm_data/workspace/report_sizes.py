"""Counts of a workspace for its report: sizes, rejects, coverage, repeats, runs."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from kalm_data.core.report.figures import (
    Asked,
    Coverage,
    Reason,
    Repeats,
    RunFigures,
    TaskSize,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from kalm_data.core.tasks import Task

_SHOWN_PERSONAS = 10
_SHOWN_REPEATS = 5

_SPLITS = """
SELECT task, split, count(*) FROM (
    SELECT task, split FROM examples UNION ALL SELECT task, split FROM labels
    UNION ALL SELECT task, split FROM scored_pairs
) WHERE task IN (SELECT unnest($tasks)) GROUP BY ALL
"""

_DOCUMENTS = """
SELECT count(DISTINCT text_hash) FROM current_documents
WHERE collection IN (SELECT unnest($collections))
"""

_POSITIVES = """
WITH said AS (
    SELECT DISTINCT e.task, j.example_id, j.text_hash
    FROM judgements j JOIN examples e USING (example_id)
    WHERE j.label = 'positive' AND e.split = 'train' AND e.task IN (SELECT unnest($tasks))
),
dropped AS (SELECT DISTINCT example_id, text_hash, true AS gone FROM current_drops)
SELECT task, count(*), count(*) FILTER (gone IS NULL),
    count(DISTINCT example_id) FILTER (gone IS NULL)
FROM said LEFT JOIN dropped USING (example_id, text_hash) GROUP BY task
"""

_NEGATIVES = """
SELECT e.task, count(*), count(DISTINCT j.example_id), count(*) FILTER (j.padding)
FROM judgements j JOIN examples e USING (example_id)
JOIN current_heads h ON h.kind = 'draw' AND h.task = e.task AND h.run_id = j.run_id
WHERE j.origin = 'miner' AND e.task IN (SELECT unnest($tasks)) AND j.example_id IN (
    SELECT example_id FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)
    WHERE label = 'positive'
)
GROUP BY e.task
"""

# a thing that several runs turned away counts once, for the latest reason
_REASONS = """
SELECT stage, reason, count(*) FROM (
    SELECT j.stage, arg_max(j.reason, (r.sequence, j.reason)) AS reason
    FROM rejects j JOIN runs r USING (run_id)
    WHERE j.run_id IN (SELECT unnest($runs)) AND j.stage <> 'filter'
    GROUP BY j.stage, j.key, j.source, j.line
) GROUP BY ALL
UNION ALL
SELECT 'filter', reason, count(*) FROM (
    SELECT example_id, text_hash, arg_min(reason, (rule, reason)) AS reason
    FROM current_verdicts
    WHERE verdict = 'drop' AND basis <> '' AND task IN (SELECT unnest($tasks))
    GROUP BY example_id, text_hash
) GROUP BY reason
ORDER BY 1, 3 DESC, 2
"""

_KINDS = """
WITH made AS (
    SELECT DISTINCT origin_key FROM judgements WHERE label = 'positive' AND origin_key <> ''
)
SELECT {column}, count(*), count(origin_key)
FROM generations g LEFT JOIN made ON made.origin_key = g.request_key
WHERE task IN (SELECT unnest($tasks)) AND facet NOT IN ('choose', 'brainstorm') AND {column} <> ''
    AND failure = ''
GROUP BY 1 ORDER BY 3 DESC, 2 DESC, 1
"""

_REPEATS = """
WITH asked AS (
    SELECT e.task, t.norm_hash, min(t.text) AS text, count(*) AS times
    FROM examples e JOIN texts t ON t.text_hash = e.query_hash
    WHERE e.split = 'train' AND e.task IN (SELECT unnest($tasks)) GROUP BY e.task, t.norm_hash
),
held AS (SELECT DISTINCT norm_hash, true AS is_held FROM asked_queries WHERE split <> 'train')
SELECT task, coalesce(sum(times - 1), 0)::BIGINT, count(is_held),
    coalesce(list_sort(list(text) FILTER (is_held))[:{shown}], [])
FROM asked LEFT JOIN held USING (norm_hash) GROUP BY task ORDER BY task
""".replace("{shown}", str(_SHOWN_REPEATS))

_RUNS = """
SELECT r.run_id, r.command, r.status, r.started_at, r.seconds, r.planned, r.kept, r.rejected,
    r.warnings, r.error, coalesce(g.requests, 0), coalesce(g.failed, 0),
    coalesce(g.tokens_in, 0)::BIGINT, coalesce(g.tokens_out, 0)::BIGINT, r.configuration
FROM runs r LEFT JOIN (
    SELECT run_id, count(*) AS requests, count(*) FILTER (failure <> '') AS failed,
        sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
    FROM generations WHERE NOT starts_with(engine, 'extractive') GROUP BY run_id
) g USING (run_id)
ORDER BY r.sequence
"""


def read_sizes(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task]
) -> tuple[TaskSize, ...]:
    asked = {"tasks": [task.name for task in tasks]}
    splits: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, split, count in connection.execute(_SPLITS, asked).fetchall():
        splits[name][split] = count
    positives = {name: rest for name, *rest in connection.execute(_POSITIVES, asked).fetchall()}
    negatives = {name: rest for name, *rest in connection.execute(_NEGATIVES, asked).fetchall()}
    return tuple(
        TaskSize(
            task.name,
            task.type,
            _count_documents(connection, task),
            *(splits[task.name].get(split, 0) for split in ("train", "dev", "test")),
            *positives.get(task.name, (0, 0, 0)),
            *negatives.get(task.name, (0, 0, 0)),
        )
        for task in tasks
    )


def _count_documents(connection: duckdb.DuckDBPyConnection, task: Task) -> int:
    asked = {"collections": list(task.pool)}
    return int(connection.execute(_DOCUMENTS, asked).fetchall()[0][0])


def read_reasons(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task], runs: Sequence[str]
) -> tuple[Reason, ...]:
    """The reasons of each stage, the commonest first; those of filter are verdicts in force."""
    asked = {"tasks": [task.name for task in tasks], "runs": list(runs)}
    return tuple(Reason(*row) for row in connection.execute(_REASONS, asked).fetchall())


def read_coverage(connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task]) -> Coverage:
    asked = {"tasks": [task.name for task in tasks]}
    kinds, personas = (
        tuple(
            Asked(*row)
            for row in connection.execute(_KINDS.replace("{column}", column), asked).fetchall()
        )
        for column in ("facet", "persona")
    )
    return Coverage(kinds, personas[:_SHOWN_PERSONAS], len(personas))


def read_repeats(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task]
) -> tuple[Repeats, ...]:
    rows = connection.execute(_REPEATS, {"tasks": [task.name for task in tasks]}).fetchall()
    return tuple(Repeats(task, within, held, tuple(texts)) for task, within, held, texts in rows)


def read_runs(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[Task]
) -> tuple[RunFigures, ...]:
    """The runs that worked on any of the tasks, or tell of none, oldest first."""
    names = {task.name for task in tasks}
    rows = connection.execute(_RUNS).fetchall()
    return tuple(_run(row) for *row, told in rows if _concerns(json.loads(told), names))


def _run(row: list[Any]) -> RunFigures:
    rejected, warnings = json.loads(row[7]), tuple(row[8])
    values: list[Any] = [*row[:7], rejected, warnings, *row[9:]]
    return RunFigures(*values)


def _concerns(configuration: dict[str, object], names: set[str]) -> bool:
    """Whether a run's arguments name one of the tasks, or none at all."""
    told = configuration.get("tasks") or configuration.get("task")
    if isinstance(told, dict):
        told = told.get("task")
    named = {told} if isinstance(told, str) else {*told} if isinstance(told, list) else set()
    return not named or bool(named & names)
