"""Texts of a workspace for its report: samples of rows, queries and documents, matches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.report.figures import Contamination, Match, SampleRow, SampleText
from kalm_data.core.report.measured import SampledText
from kalm_data.workspace.rejects import TEXT_OF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from kalm_data.core.tasks import Task

_SHOWN_TEXTS = 3
"""Positives, and negatives, of a row of the sample."""

_QUERIES = """
WITH chosen AS (
    SELECT example_id, query_hash, instruction FROM examples
    WHERE task = $task AND split = 'train'
    ORDER BY sha256($seed || ':queries:' || example_id), example_id LIMIT $most
)
SELECT t.text, c.instruction FROM chosen c JOIN texts t ON t.text_hash = c.query_hash
ORDER BY sha256($seed || ':queries:' || c.example_id), c.example_id
"""

_DOCUMENTS = """
WITH chosen AS (
    SELECT text_hash, arg_min(title, (collection, doc_id)) AS title,
        arg_min(headings, (collection, doc_id)) AS headings
    FROM current_documents WHERE collection IN (SELECT unnest($collections))
    GROUP BY text_hash ORDER BY sha256($seed || ':documents:' || text_hash) LIMIT $most
)
SELECT t.text, c.title, c.headings FROM chosen c JOIN texts t USING (text_hash)
ORDER BY sha256($seed || ':documents:' || c.text_hash)
"""

_KEPT = """
SELECT e.example_id, e.task, q.text, e.origin, e.source, e.line FROM (
    SELECT example_id, task, query_hash, origin, source, line FROM examples
    WHERE split = 'train' AND task IN (SELECT unnest($tasks)) AND example_id IN (
        SELECT example_id FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)
        WHERE label = 'positive'
    )
    ORDER BY sha256($seed || ':kept:' || example_id), example_id LIMIT $most
) e JOIN texts q ON q.text_hash = e.query_hash
ORDER BY sha256($seed || ':kept:' || e.example_id), e.example_id
"""

_TEXTS_OF = """
SELECT j.example_id, j.label, j.ranker, j.rank, j.score, j.origin, left(t.text, $longest)
FROM (
    SELECT example_id, text_hash, label, max(ranker) AS ranker, max(rank) AS rank,
        max(score) AS score, min(origin) AS origin
    FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)
    WHERE example_id IN (SELECT unnest($examples)) AND (origin <> 'miner' OR run_id IN (
        SELECT run_id FROM current_heads WHERE kind = 'draw'
    ))
    GROUP BY example_id, text_hash, label
) j JOIN texts t USING (text_hash)
ORDER BY j.example_id, j.label DESC, j.rank, j.text_hash
"""

# Each thing once, for the latest run, as long as the rule that dropped it is in force. Each reason
# has its share of the sample, so that a rare one is seen.
_REJECTED = f"""
WITH thrown AS (
    SELECT j.run_id, j.stage, j.reason, j.key, j.numbers, j.source, j.line, j.text,
        sha256($seed || ':rejected:' || j.stage || j.reason || j.key || j.source || j.line) AS place
    FROM rejects j JOIN runs r USING (run_id)
    WHERE j.run_id IN (SELECT unnest($runs)) AND (j.stage <> 'filter' OR j.run_id IN (
        SELECT run_id FROM current_heads WHERE kind = 'rule'
    ))
    QUALIFY row_number() OVER (
        PARTITION BY j.stage, j.key, j.source, j.line ORDER BY r.sequence DESC, j.reason
    ) = 1
),
listed AS (
    SELECT * FROM thrown
    QUALIFY row_number() OVER (PARTITION BY stage, reason ORDER BY place, run_id, key) <=
        ceil($most / (SELECT count(DISTINCT (stage, reason)) FROM thrown))
    ORDER BY place, run_id, key LIMIT $most
)
SELECT listed.stage, listed.reason, listed.numbers, listed.source, listed.line,
    coalesce(nullif(listed.text, ''), asked.text, left(held.text, $longest), listed.key),
    listed.run_id, listed.key
FROM listed {TEXT_OF}
ORDER BY listed.place, listed.run_id, listed.key
"""

_DROPPED_TEXTS = """
SELECT t.text_hash, left(t.text, $longest) FROM texts t
WHERE t.text_hash IN (SELECT unnest($hashes))
"""

_EXCLUDES = """
SELECT count(*) FROM current_heads
WHERE kind = 'rule' AND name = 'exclude' AND run_id <> '' AND task IN (SELECT unnest($tasks))
"""

_MATCHED = """
FROM current_verdicts v
WHERE v.rule = 'exclude' AND v.verdict = 'drop' AND v.task IN (SELECT unnest($tasks))
"""

_MATCH_COUNTS = f"""
SELECT replace(v.reason, 'contaminated_', '') || ', '
    || replace(json_extract_string(v.numbers, '$.criterion'), '_', ' '), count(*)
{_MATCHED} GROUP BY 1 ORDER BY 2 DESC, 1
"""

_MATCHES = f"""
SELECT v.task, q.text, coalesce(p.text, ''), v.reason,
    json_extract_string(v.numbers, '$.criterion'), json_extract(v.numbers, '$.share')::DOUBLE,
    json_extract_string(v.numbers, '$.matched'), v.cause
FROM (
    SELECT v.* {_MATCHED} ORDER BY json_extract(v.numbers, '$.share')::DOUBLE DESC, v.example_id,
        v.text_hash LIMIT $most
) v
JOIN examples e ON e.example_id = v.example_id JOIN texts q ON q.text_hash = e.query_hash
LEFT JOIN texts p ON p.text_hash = v.text_hash
ORDER BY json_extract(v.numbers, '$.share')::DOUBLE DESC, v.example_id, v.text_hash
"""


def read_queries(
    connection: duckdb.DuckDBPyConnection, task: Task, seed: int, most: int
) -> list[SampledText]:
    """A seeded sample of the task's training queries, in seeded order."""
    asked = {"task": task.name, "seed": str(seed), "most": most}
    rows = connection.execute(_QUERIES, asked).fetchall()
    return [SampledText(text, instruction=instruction) for text, instruction in rows]


def read_documents(
    connection: duckdb.DuckDBPyConnection, task: Task, seed: int, most: int
) -> list[SampledText]:
    """A seeded sample of the distinct texts of the task's pool, in seeded order."""
    asked = {"collections": list(task.pool), "seed": str(seed), "most": most}
    rows = connection.execute(_DOCUMENTS, asked).fetchall()
    return [SampledText(text, "", title, tuple(headings)) for text, title, headings in rows]


def read_kept(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str], seed: int, most: int, longest: int
) -> tuple[SampleRow, ...]:
    """A seeded sample of the training examples that have a positive left, with their texts."""
    asked = {"tasks": list(tasks), "seed": str(seed), "most": most}
    examples = connection.execute(_KEPT, asked).fetchall()
    told = {"examples": [row[0] for row in examples], "longest": longest}
    texts: dict[str, list[SampleText]] = {row[0]: [] for row in examples}
    counts: dict[tuple[str, str], int] = {}
    for example, label, ranker, rank, score, origin, text in connection.execute(
        _TEXTS_OF, told
    ).fetchall():
        counts[example, label] = counts.get((example, label), 0) + 1
        if counts[example, label] <= _SHOWN_TEXTS:
            texts[example].append(SampleText(_label(label, ranker, rank, score, origin), text))
    return tuple(
        SampleRow(
            "kept", task, origin, "", query, tuple(texts[example]), _place(source, line), example
        )
        for example, task, query, origin, source, line in examples
    )


def _label(label: str, ranker: str, rank: int, score: float, origin: str) -> str:
    if label == "positive" or origin != "miner":
        return label
    return f"negative, rank {rank} by {ranker.partition('@')[0]}, score {score:.4f}"


def read_rejected(
    connection: duckdb.DuckDBPyConnection, runs: Sequence[str], seed: int, most: int, longest: int
) -> tuple[SampleRow, ...]:
    """A seeded sample of what the runs turned away, of each reason some."""
    asked = {"runs": list(runs), "seed": str(seed), "most": most, "longest": longest}
    rows = connection.execute(_REJECTED, asked).fetchall()
    named = {row[7]: row[7].rpartition(":")[2] for row in rows if row[0] == "filter"}
    told = {"hashes": sorted({*named.values()}), "longest": longest}
    texts = dict(connection.execute(_DROPPED_TEXTS, told).fetchall())
    return tuple(
        SampleRow(
            "rejected", "", stage, _why(reason, json.loads(numbers)), text,
            _texts_of(texts.get(named.get(key, ""), "")),
            f"{run_id} {_place(source, line)}".strip(),
        )
        for stage, reason, numbers, source, line, text, run_id, key in rows
    )  # fmt: skip


def _texts_of(positive: str) -> tuple[SampleText, ...]:
    return (SampleText("positive", positive),) if positive else ()


def _why(reason: str, numbers: Mapping[str, object]) -> str:
    told = ", ".join(
        f"{name} {round(value, 4) if isinstance(value, float) else value}"
        for name, value in numbers.items()
    )
    return f"{reason}: {told}" if told else reason


def _place(source: str, line: int) -> str:
    return f"{source}:{line}" if line else source


def read_contamination(
    connection: duckdb.DuckDBPyConnection, tasks: Sequence[str], most: int
) -> Contamination:
    """What rule exclude drops, the closest matches first."""
    asked = {"tasks": list(tasks)}
    ((rules,),) = connection.execute(_EXCLUDES, asked).fetchall()
    counts = dict(connection.execute(_MATCH_COUNTS, asked).fetchall())
    matches = connection.execute(_MATCHES, asked | {"most": most}).fetchall()
    return Contamination(rules > 0, counts, tuple(Match(*row) for row in matches))
