"""Reads what an evaluation needs: test queries with their positives, and what training has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from kalm_data.core.errors import InputError
from kalm_data.core.evaluation import EvalQuery, TrainingSet
from kalm_data.core.records import Text
from kalm_data.workspace.pools import PoolStore

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.manifest import Manifest
    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Split
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

_QUERIES = """
SELECT e.example_id, t.text, e.instruction, e.language, e.origin, e.source, e.line,
    coalesce(list_sort(list(DISTINCT j.text_hash) FILTER (j.label = 'positive')), [])
FROM examples e
JOIN texts t ON t.text_hash = e.query_hash
LEFT JOIN (SELECT * FROM judgements ANTI JOIN current_drops USING (example_id, text_hash)) j
    ON j.example_id = e.example_id
WHERE e.task = ? AND e.split = ?
GROUP BY ALL
ORDER BY e.example_id
"""

_DOCUMENT_IDS = """
SELECT text_hash, arg_min(doc_id, (collection, doc_id))
FROM current_documents
WHERE collection IN (SELECT unnest(?))
GROUP BY text_hash
ORDER BY text_hash
"""

_TRAINING_TEXTS = """
WITH draws AS (SELECT task, run_id FROM current_heads WHERE kind = 'draw' AND run_id <> '')
SELECT DISTINCT j.text_hash
FROM judgements j JOIN examples e ON e.example_id = j.example_id AND e.split = 'train'
WHERE CASE
    WHEN j.label = 'positive'
        THEN (j.example_id, j.text_hash) NOT IN (
            SELECT (example_id, text_hash) FROM current_drops
        )
    WHEN j.origin = 'miner'
        THEN (e.task, j.run_id) IN (SELECT (task, run_id) FROM draws)
    ELSE true
END
UNION
SELECT text_hash FROM labels WHERE split = 'train'
UNION
SELECT text_hash FROM scored_texts WHERE split = 'train'
ORDER BY 1
"""

_TRAINING_QUERIES = """
SELECT DISTINCT t.norm_hash
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE e.split = 'train'
UNION
SELECT t.norm_hash FROM labels l JOIN texts t USING (text_hash) WHERE l.split = 'train'
UNION
SELECT t.norm_hash FROM scored_texts s JOIN texts t USING (text_hash) WHERE s.split = 'train'
ORDER BY 1
"""

_SHARD_TEXTS = "SELECT DISTINCT unnest(pos_ids || neg_ids) FROM read_parquet(?) ORDER BY 1"
_SHARD_QUERIES = "SELECT DISTINCT query FROM read_parquet(?) ORDER BY 1"


class EvaluationStore:
    """The test side of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def test_queries(self, task: str) -> list[EvalQuery]:
        """The examples of the test split, in order of id."""
        return read_queries(self._database, task, "test")

    def shown_queries(self) -> frozenset[str]:
        """Norm hashes of the queries that a language model was shown as examples."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT norm_hash FROM shown_queries").fetchall()
        return frozenset(row[0] for row in rows)

    def pool(self, task: Task) -> Pool:
        return PoolStore(self._database).pool(task)

    def document_ids(self, task: Task) -> dict[str, str]:
        """Text hash → id of the pool's first document with this text, by (collection, id)."""
        with self._database.read() as connection:
            return dict(connection.execute(_DOCUMENT_IDS, [list(task.pool)]).fetchall())

    def training_set(self) -> TrainingSet:
        """What the examples of the train split hold, of all tasks, as filters and draws left it.

        A stand-in for the shards: what a build leaves out (a cap, say) counts as seen here.
        """
        with self._database.read() as connection:
            hashes = connection.execute(_TRAINING_TEXTS).fetchall()
            queries = connection.execute(_TRAINING_QUERIES).fetchall()
        return TrainingSet(
            "the workspace's training examples",
            frozenset(row[0] for row in hashes),
            frozenset(row[0] for row in queries),
        )


def read_queries(database: Database, task: str, split: Split) -> list[EvalQuery]:
    """The examples of a split with the positives that no rule drops, in order of id."""
    with database.read() as connection:
        found = connection.execute(_QUERIES, [task, split]).fetchall()
    rows = ((*asked, tuple(positives)) for *asked, positives in found)
    return [EvalQuery(*row) for row in rows]


def read_shards(folder: Path, manifest: Manifest) -> TrainingSet:
    """What a shard set holds: all of its positives, negatives and queries.

    Raises InputError where a file is missing or damaged.
    """
    files = [str(folder / file.path) for file in manifest.files]
    if not files:
        return TrainingSet(str(folder), frozenset(), frozenset())
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            hashes = connection.execute(_SHARD_TEXTS, [files]).fetchall()
            queries = connection.execute(_SHARD_QUERIES, [files]).fetchall()
    except duckdb.Error as error:
        message = f"{folder}: cannot be read: {str(error).splitlines()[0]} Build it again."
        raise InputError(message) from error
    return TrainingSet(
        str(folder),
        frozenset(row[0] for row in hashes),
        frozenset(Text.of(row[0]).norm_hash for row in queries),
    )
