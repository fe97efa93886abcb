"""What was measured of positives and negatives, for the report of a workspace, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.records import text_key
from kalm_data.core.report.figures import Elsewhere, Suspect
from kalm_data.core.report.measured import FoundHits, MeasuredNegatives, MeasuredPositives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

# of each ranker the latest pool, and of a positive that it ranked twice there the latest rank
_RANKS = """
WITH told AS (
    SELECT e.task, k.ranker, k.pool, k.example_id, k.text_hash, k.rank, k.score, k.no_evidence,
        k.pool_size, coalesce(r.sequence, 0) AS sequence
    FROM rankings k JOIN examples e USING (example_id) LEFT JOIN runs r ON r.run_id = k.run_id
    WHERE e.split = 'train' AND e.task IN (SELECT unnest($tasks))
),
latest AS (
    SELECT task, ranker, pool FROM told GROUP BY task, ranker, pool
    QUALIFY row_number() OVER (PARTITION BY task, ranker ORDER BY max(sequence) DESC, pool) = 1
)
SELECT task, ranker, max(pool_size) AS pool_size, arg_max(rank, sequence) AS rank,
    arg_max(score, sequence) AS score, arg_max(no_evidence, sequence) AS no_evidence
FROM told JOIN latest USING (task, ranker, pool)
GROUP BY task, ranker, example_id, text_hash
"""

_DRAWN = """
FROM judgements j JOIN examples e USING (example_id)
JOIN current_heads h ON h.kind = 'draw' AND h.task = e.task AND h.run_id = j.run_id
WHERE j.origin = 'miner' AND NOT j.padding AND e.task IN (SELECT unnest($tasks))
"""

_NEGATIVES = f"SELECT e.task, j.ranker, j.score, j.positive_score {_DRAWN} AND j.ranker <> ''"

_OWNED = """
owned AS (
    SELECT DISTINCT e.task, j.text_hash FROM judgements j JOIN examples e USING (example_id)
    WHERE j.label = 'positive' AND e.task IN (SELECT unnest($tasks))
)
"""

_ELSEWHERE = f"""
WITH {_OWNED}
SELECT task, count(*), count(is_owned) FROM (SELECT e.task, j.text_hash {_DRAWN})
LEFT JOIN (SELECT task, text_hash, true AS is_owned FROM owned) USING (task, text_hash)
GROUP BY task ORDER BY task
"""

_SUSPECTS = f"""
WITH {_OWNED},
worst AS (
    SELECT e.task, e.query_hash, j.example_id, j.text_hash, j.ranker, j.rank, j.score,
        j.positive_score
    {_DRAWN} AND j.ranker <> ''
    ORDER BY (j.positive_score - j.score) / greatest(abs(j.positive_score), 1e-9), j.example_id,
        j.text_hash
    LIMIT $most
),
first_positive AS (
    SELECT example_id, min(text_hash) AS positive_hash
    FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)
    WHERE label = 'positive' AND example_id IN (SELECT example_id FROM worst) GROUP BY example_id
)
SELECT w.task, q.text, coalesce(p.text, ''), n.text, w.ranker, w.rank, w.score, w.positive_score,
    (w.task, w.text_hash) IN (SELECT (task, text_hash) FROM owned)
FROM worst w JOIN texts q ON q.text_hash = w.query_hash JOIN texts n ON n.text_hash = w.text_hash
LEFT JOIN first_positive f USING (example_id) LEFT JOIN texts p ON p.text_hash = f.positive_hash
ORDER BY (w.positive_score - w.score) / greatest(abs(w.positive_score), 1e-9), w.example_id,
    w.text_hash
"""

_HITS = """
WITH asked AS (
    SELECT example_id FROM examples WHERE task = $task AND split = 'train'
    ORDER BY sha256($seed || ':hits:' || example_id), example_id LIMIT $most
)
SELECT h.example_id, h.ranker, h.keys[:$depth], h.scores[:$depth]
FROM hits h LEFT JOIN runs r ON r.run_id = h.run_id
WHERE h.example_id IN (SELECT example_id FROM asked)
QUALIFY row_number() OVER (
    PARTITION BY h.example_id, h.ranker ORDER BY r.sequence DESC, h.pool, h.positives
) = 1
ORDER BY h.example_id, h.ranker
"""

_POSITIVES_OF = """
SELECT j.example_id, list(DISTINCT j.text_hash ORDER BY j.text_hash)
FROM judgements j WHERE j.label = 'positive' AND j.example_id IN (SELECT unnest($examples))
GROUP BY j.example_id
"""

_LOWEST = """
SELECT k.example_id, k.ranker, min(k.score)
FROM rankings k ANTI JOIN current_drops USING (example_id, text_hash)
WHERE k.example_id IN (SELECT unnest($examples)) AND NOT k.no_evidence
GROUP BY ALL
"""

_TOP_K = """
SELECT task, json_extract(settings, '$.options.top_k')::BIGINT,
    json_extract_string(settings, '$.rankers[*]')
FROM current_heads WHERE kind = 'rule' AND name = 'top-k' AND run_id <> ''
"""


def read_positives(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str]
) -> Iterator[MeasuredPositives]:
    """By task and ranker, in order."""
    found = connection.execute(_RANKS, {"tasks": list(tasks)}).fetchnumpy()
    for (task, ranker), rows in _by_name(found["task"], found["ranker"]):
        yield MeasuredPositives(
            task,
            ranker,
            int(found["pool_size"][rows].max()),
            np.sort(found["rank"][rows]),
            found["score"][rows],
            found["no_evidence"][rows],
        )


def read_negatives(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str]
) -> Iterator[MeasuredNegatives]:
    """Those of the draws in force, by task and ranker, in order; random ones are left out."""
    found = connection.execute(_NEGATIVES, {"tasks": list(tasks)}).fetchnumpy()
    for (task, ranker), rows in _by_name(found["task"], found["ranker"]):
        scores = found["score"][rows]
        yield MeasuredNegatives(task, ranker, scores, found["positive_score"][rows])


def _by_name(
    tasks: np.ndarray, rankers: np.ndarray
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """(Task, ranker) and its rows."""
    if not len(tasks):
        return
    names_of_task, task_of = np.unique(tasks.astype(str), return_inverse=True)
    names_of_ranker, ranker_of = np.unique(rankers.astype(str), return_inverse=True)
    group = task_of * len(names_of_ranker) + ranker_of
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    for rows in np.split(order, borders):
        task, ranker = divmod(int(group[rows[0]]), len(names_of_ranker))
        yield (str(names_of_task[task]), str(names_of_ranker[ranker])), rows


def read_elsewhere(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str]
) -> tuple[Elsewhere, ...]:
    rows = connection.execute(_ELSEWHERE, {"tasks": list(tasks)}).fetchall()
    return tuple(Elsewhere(*row) for row in rows)


def read_suspects(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str], most: int
) -> tuple[Suspect, ...]:
    """The mined negatives that score nearest to their positive."""
    rows = connection.execute(_SUSPECTS, {"tasks": list(tasks), "most": most}).fetchall()
    return tuple(Suspect(*row) for row in rows)


def read_hits(
    connection: duckdb.DuckDBPyConnection, task: str, seed: int, most: int, depth: int
) -> list[FoundHits]:
    """The first hits of a seeded sample of a task's training examples, by example and ranker."""
    asked = {"task": task, "seed": str(seed), "most": most, "depth": depth}
    rows = connection.execute(_HITS, asked).fetchall()
    examples = {"examples": sorted({row[0] for row in rows})}
    positives = dict(connection.execute(_POSITIVES_OF, examples).fetchall())
    lowest = {row[:2]: row[2] for row in connection.execute(_LOWEST, examples).fetchall()}
    return [
        FoundHits(
            example,
            ranker,
            np.array(keys, np.uint64),
            np.array(scores, np.float64),
            np.array([text_key(one) for one in positives.get(example, ())], np.uint64),
            lowest.get((example, ranker)),
        )
        for example, ranker, keys, scores in rows
    ]


def read_top_k(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """(Task, ranker) → the k that rule top-k is in force with."""
    rows = connection.execute(_TOP_K).fetchall()
    return {(task, ranker): k for task, k, rankers in rows for ranker in rankers}
