"""Reads what `kalm-data status` shows; brief, so that it may run beside a long command."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from kalm_data.core.next_steps import next_steps
from kalm_data.core.overview import Overview, PastRun, TaskState
from kalm_data.core.summary import Progress
from kalm_data.workspace.lock import is_held
from kalm_data.workspace.task_progress import read_progress, read_runs

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from kalm_data.workspace.database import Database

LATEST_RUNS = 10

# Every document has one first revision, and few have more: cheaper than to look for the current
# revision of each.
_DOCUMENTS = """
WITH latest AS (
    SELECT collection, arg_max(retired, revision) AS retired
    FROM documents WHERE revision > 1 GROUP BY collection, doc_id
),
gone AS (SELECT collection, count(*) AS count FROM latest WHERE retired GROUP BY collection)
SELECT collection, count(*) - coalesce(any_value(gone.count), 0)
FROM documents LEFT JOIN gone USING (collection)
WHERE revision = 1 GROUP BY collection ORDER BY collection
"""


def read_overview(database: Database) -> Overview:
    with database.read() as connection:
        documents = dict(connection.execute(_DOCUMENTS).fetchall())
        texts = connection.execute("SELECT count(*) FROM texts").fetchall()[0][0]
        tasks = _tasks(connection)
        runs = _runs(connection)
        done = read_runs(connection)
        progress = read_progress(connection, documents, done)
    running = _running(database.folder)
    steps = () if running else next_steps(progress, done)
    return Overview(documents, texts, tasks, runs, running, steps)


def _tasks(connection: duckdb.DuckDBPyConnection) -> tuple[TaskState, ...]:
    examples: dict[str, dict[str, int]] = defaultdict(dict)
    for task, split, count in connection.execute(
        "SELECT task, split, count(*) FROM "
        "(SELECT task, split FROM examples UNION ALL SELECT task, split FROM labels "
        "UNION ALL SELECT task, split FROM scored_pairs) "
        "GROUP BY ALL ORDER BY task, split"
    ).fetchall():
        examples[task][split] = count
    heads: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, task, name, run_id in connection.execute(
        "SELECT kind, task, name, run_id FROM current_heads WHERE run_id <> '' "
        "ORDER BY kind, task, name"
    ).fetchall():
        heads[kind, task].append(f"{name} (run {run_id})")
    declared = connection.execute(
        "SELECT task, definition FROM current_tasks ORDER BY task"
    ).fetchall()
    return tuple(
        _task_state(name, json.loads(definition), examples[name], heads)
        for name, definition in declared
    )


def _task_state(
    name: str,
    definition: dict[str, object],
    examples: dict[str, int],
    heads: dict[tuple[str, str], list[str]],
) -> TaskState:
    collections = definition.get("collections")
    pool = tuple(collections) if isinstance(collections, list) and collections else (name,)
    draws, rules = heads["draw", name], heads["rule", name]
    return TaskState(name, str(definition["type"]), pool, examples, tuple(draws), tuple(rules))


def _runs(connection: duckdb.DuckDBPyConnection) -> tuple[PastRun, ...]:
    rows = connection.execute(
        "SELECT run_id, status, planned, kept, rejected, started_at, seconds FROM runs "
        "ORDER BY sequence DESC LIMIT ?",
        [LATEST_RUNS],
    ).fetchall()
    return tuple(
        PastRun(run_id, status, planned, kept, sum(json.loads(rejected).values()), started, s)
        for run_id, status, planned, kept, rejected, started, s in rows
    )


def _running(folder: Path) -> tuple[Progress, ...]:
    if not is_held(folder):  # what a killed run left is no sign of work
        return ()
    found = []
    for report in sorted(folder.glob("runs/*/progress.json")):
        with suppress(FileNotFoundError):  # the run ended meanwhile
            found.append(Progress(**json.loads(report.read_text())))
    return tuple(found)
