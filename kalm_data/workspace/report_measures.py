"""What was measured of positives and negatives, for the report of a workspace, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.records import text_key
from kalm_data.core.report.figures import Elsewhere, Suspect
from kalm_data.core.report.measured import (
    DrawnNegatives,
    FoundHits,
    MeasuredNegatives,
    MeasuredPositives,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, TypeAlias

    import duckdb
    from numpy.typing import NDArray

    Column: TypeAlias = NDArray[Any]

# of each ranker the latest pool, and of a positive that it ranked twice there the latest rank
_RANKS = """
CREATE TEMP TABLE ranked AS WITH told AS (
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

# of the examples that have a positive left
_DRAWN = """
CREATE TEMP TABLE drawn AS
SELECT e.task, e.query_hash, j.example_id, j.text_hash, j.ranker, j.rank, j.score, j.positive_score
FROM judgements j JOIN examples e USING (example_id)
JOIN current_heads h ON h.kind = 'draw' AND h.task = e.task AND h.run_id = j.run_id
WHERE j.origin = 'miner' AND NOT j.padding AND e.task IN (SELECT unnest($tasks))
    AND j.example_id IN (
        SELECT example_id FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)
        WHERE label = 'positive'
    )
"""

# names are numbered: as text they take most of the time
_NAMES = "SELECT DISTINCT task, ranker FROM {table} WHERE ranker <> '' ORDER BY task, ranker"
_COLUMNS = """
SELECT n.number, {columns} FROM {table}
JOIN (SELECT *, row_number() OVER (ORDER BY task, ranker) - 1 AS number FROM ({names})) n
USING (task, ranker)
"""

_OWNED = """
owned AS (
    SELECT DISTINCT e.task, j.text_hash FROM judgements j JOIN examples e USING (example_id)
    WHERE j.label = 'positive' AND e.task IN (SELECT unnest($tasks))
)
"""

_ELSEWHERE = f"""
WITH {_OWNED}
SELECT task, count(*), count(is_owned) FROM drawn
LEFT JOIN (SELECT task, text_hash, true AS is_owned FROM owned) USING (task, text_hash)
GROUP BY task ORDER BY task
"""

_SUSPECTS = f"""
WITH {_OWNED},
worst AS (
    FROM drawn WHERE ranker <> ''
    ORDER BY (positive_score - score) / greatest(abs(positive_score), 1e-9), example_id, text_hash
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
) -> list[MeasuredPositives]:
    """By task and ranker, in order."""
    connection.execute(_RANKS, {"tasks": list(tasks)})
    columns = ("pool_size", "rank", "score", "no_evidence")
    return [
        MeasuredPositives(*name, int(pool_sizes.max()), np.sort(ranks), scores, no_evidence)
        for name, (pool_sizes, ranks, scores, no_evidence) in _by_name(
            connection, "ranked", columns
        )
    ]


def read_negatives(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str], suspects: int
) -> DrawnNegatives:
    """Those of the draws in force, by task and ranker, in order; random ones are left out."""
    asked = {"tasks": list(tasks)}
    connection.execute(_DRAWN, asked)
    measured = [
        MeasuredNegatives(*name, *found)
        for name, found in _by_name(connection, "drawn", ("score", "positive_score"))
    ]
    elsewhere = connection.execute(_ELSEWHERE, asked).fetchall()
    worst = connection.execute(_SUSPECTS, asked | {"most": suspects}).fetchall()
    return DrawnNegatives(
        tuple(measured),
        tuple(Elsewhere(*row) for row in elsewhere),
        tuple(Suspect(*row) for row in worst),
    )


def _by_name(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> Iterator[tuple[tuple[str, str], list[Column]]]:
    """(Task, ranker) and the columns of its rows."""
    names = _NAMES.format(table=table)
    told = connection.execute(names).fetchall()
    query = _COLUMNS.format(table=table, columns=", ".join(columns), names=names)
    found = connection.execute(query).fetchnumpy()
    order = np.argsort(found["number"], kind="stable")
    ends = np.searchsorted(found["number"][order], np.arange(len(told)), side="right")
    for name, rows in zip(told, np.split(order, ends), strict=False):
        yield name, [found[column][rows] for column in columns]


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
