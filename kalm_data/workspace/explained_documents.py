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
SELECT DISTINCT label, example_id FROM judgements
WHERE rowid IN (SELECT rowid FROM judgements WHERE text_hash = ?) AND (
    origin <> 'miner' OR run_id IN (SELECT run_id FROM current_heads WHERE kind = 'draw')
)
ORDER BY label, example_id
"""

_EXAMPLES = """
SELECT example_id, task, query_hash, split FROM examples
WHERE example_id IN (SELECT unnest(?)) ORDER BY example_id
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
    judged: dict[str, list[str]] = {"positive": [], "negative": []}
    for label, example_id in connection.execute(_JUDGED, [text_hash]).fetchall():
        judged[label].append(example_id)
    answers, negative_of = judged["positive"], judged["negative"]
    shown = {
        one.example_id: one for one in _asked(connection, answers[:_MOST] + negative_of[:_MOST])
    }
    ((near,),) = connection.execute(_NEAR, named).fetchall()
    return ExplainedDocument(
        text_hash=text_hash,
        text=read_texts(connection, [text_hash])[text_hash],
        revisions=read_revisions(connection, text_hash),
        near_duplicates=near,
        answers=tuple(shown[one] for one in answers[:_MOST]),
        answers_count=len(answers),
        negative_of=tuple(shown[one] for one in negative_of[:_MOST]),
        negative_of_count=len(negative_of),
        labels=tuple(
            ExplainedLabel(*row) for row in connection.execute(_LABELS, [text_hash]).fetchall()
        ),
        pairs=tuple(ExplainedPair(*row) for row in connection.execute(_PAIRS, named).fetchall()),
    )


def _asked(connection: duckdb.DuckDBPyConnection, ids: list[str]) -> list[Asked]:
    rows = connection.execute(_EXAMPLES, [ids]).fetchall()
    texts = read_texts(connection, (query_hash for _, _, query_hash, _ in rows))
    return [Asked(id_, task, texts[query_hash], split) for id_, task, query_hash, split in rows]
