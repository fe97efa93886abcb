"""Reads one text of the workspace with its documents and what it is used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.explanation import Asked, ExplainedDocument, ExplainedLabel, ExplainedPair
from kalm_data.workspace.explained_texts import read_revisions, read_texts

if TYPE_CHECKING:
    import duckdb

_MOST = 10
"""Examples that are named of those in which a document is judged."""

# a document is a negative of an example where the draw in force, or who gave negatives, says so
_JUDGED = """
WITH judged AS (
    SELECT j.example_id, j.label FROM judgements j
    WHERE j.text_hash = $hash AND (
        j.origin <> 'miner'
        OR j.run_id IN (SELECT run_id FROM current_heads WHERE kind = 'draw')
    )
)
SELECT DISTINCT e.example_id, e.task, t.text, e.split
FROM judged j JOIN examples e USING (example_id) JOIN texts t ON t.text_hash = e.query_hash
WHERE j.label = $label ORDER BY e.task, e.example_id
"""

_NEAR = 'SELECT count(*) FROM near_duplicates WHERE "first" = $hash OR "second" = $hash'

_LABELS = """
SELECT task, label, split, source, line, run_id FROM labels WHERE text_hash = ? ORDER BY task
"""

_PAIRS = """
SELECT p.task, t.text_hash, t.text, p.score, p.split, p.source, p.line, p.run_id
FROM scored_pairs p
JOIN texts t ON t.text_hash = CASE p.first_hash WHEN $hash THEN p.second_hash ELSE p.first_hash END
WHERE p.first_hash = $hash OR p.second_hash = $hash ORDER BY p.task, t.text_hash
"""


def read_document(connection: duckdb.DuckDBPyConnection, text_hash: str) -> ExplainedDocument:
    """What is known of a text, which the workspace holds."""
    named = {"hash": text_hash}
    answers, negative_of = (
        [Asked(*row) for row in connection.execute(_JUDGED, named | {"label": label}).fetchall()]
        for label in ("positive", "negative")
    )
    ((near,),) = connection.execute(_NEAR, named).fetchall()
    return ExplainedDocument(
        text_hash=text_hash,
        text=read_texts(connection, [text_hash])[text_hash],
        revisions=read_revisions(connection, text_hash),
        near_duplicates=near,
        answers=tuple(answers[:_MOST]),
        answers_count=len(answers),
        negative_of=tuple(negative_of[:_MOST]),
        negative_of_count=len(negative_of),
        labels=tuple(
            ExplainedLabel(*row) for row in connection.execute(_LABELS, [text_hash]).fetchall()
        ),
        pairs=tuple(ExplainedPair(*row) for row in connection.execute(_PAIRS, named).fetchall()),
    )
