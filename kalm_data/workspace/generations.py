"""What `synth` reads: the documents to write queries for, the journal, the queries there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kalm_data.core.records import Decision
from kalm_data.core.synthesis import AnsweredQuery, Journalled, Past, Reply, SourceDocument
from kalm_data.core.written_rows import RULE
from kalm_data.workspace.documents import DocumentStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.records import Split
    from kalm_data.core.splits import KnownTexts
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

_ROWS_AT_ONCE = 10_000

# A text is of the most protected split that any of its documents has, in any collection.
_SOURCES = """
SELECT text_hash FROM current_documents
WHERE text_hash IN (
    SELECT text_hash FROM current_documents WHERE collection IN (SELECT unnest($collections))
)
GROUP BY text_hash
HAVING max(CASE split WHEN 'test' THEN 2 WHEN 'dev' THEN 1 ELSE 0 END)
    = CASE $split WHEN 'test' THEN 2 WHEN 'dev' THEN 1 ELSE 0 END
ORDER BY text_hash
"""

_DOCUMENTS = """
SELECT d.text_hash, d.title, t.text, d.language
FROM (
    SELECT text_hash, title, language FROM current_documents
    WHERE collection IN (SELECT unnest($collections)) AND text_hash IN (SELECT unnest($hashes))
    QUALIFY row_number() OVER (PARTITION BY text_hash ORDER BY collection, doc_id) = 1
) d JOIN texts t USING (text_hash)
ORDER BY d.text_hash
"""

_JOURNAL = """
SELECT attempt, request_key, reply, failure, finish_reason, tokens_in, tokens_out, seconds
FROM generations WHERE request_key IN (SELECT unnest($keys))
QUALIFY row_number() OVER (PARTITION BY request_key ORDER BY attempt DESC) = 1
ORDER BY request_key
"""

_QUERIES = """
SELECT DISTINCT j.text_hash, e.query_hash, t.norm_hash, j.origin_key,
    (j.example_id, j.text_hash) IN (SELECT (example_id, text_hash) FROM current_drops)
FROM judgements j
JOIN examples e ON e.example_id = j.example_id
JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = $task AND j.label = 'positive' AND j.text_hash IN (SELECT unnest($hashes))
ORDER BY ALL
"""

_PROTECTED = "SELECT DISTINCT norm_hash FROM asked_queries WHERE split <> $split ORDER BY norm_hash"

_OTHERS = """
SELECT t.text
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
LEFT JOIN generations g ON g.request_key = e.origin_key AND g.failure = ''
WHERE e.task = $task AND coalesce(g.plan, '') <> $plan
ORDER BY e.example_id
"""

_PAST = """
SELECT count(*), coalesce(avg(tokens_out), 0), coalesce(avg(seconds), 0)
FROM generations WHERE engine = $engine AND failure = ''
"""

_GENERATED = """
SELECT count(*) FROM judgements j JOIN examples e ON e.example_id = j.example_id
WHERE e.task = $task AND e.split = $split AND j.label = 'positive' AND j.origin_key <> ''
    AND j.origin_key NOT IN (
        SELECT cause FROM current_verdicts WHERE task = $task AND rule = $rule AND verdict = 'drop'
    )
"""

_DROPS = """
SELECT task, rule, example_id, text_hash, verdict, reason, numbers, cause, run_id
FROM current_verdicts WHERE task = $task AND rule = $rule
ORDER BY example_id, text_hash, cause
"""


class GenerationStore:
    """Sources, journal and queries of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self, task: Task, split: Split) -> list[str]:
        """Hashes of the distinct texts of the task's pool that belong to the split, sorted."""
        parameters = {"collections": list(task.pool), "split": split}
        with self._database.read() as connection:
            return [row[0] for row in connection.execute(_SOURCES, parameters).fetchall()]

    def documents(self, task: Task, hashes: Sequence[str]) -> dict[str, SourceDocument]:
        """Text hash → document, with the title of its first document by (collection, id)."""
        parameters = {"collections": list(task.pool), "hashes": list(hashes)}
        with self._database.read() as connection:
            rows = connection.execute(_DOCUMENTS, parameters).fetchall()
        return {row[0]: SourceDocument(*row) for row in rows}

    def journal(self, keys: Sequence[str]) -> dict[str, Journalled]:
        """Request key → the latest attempt at it, whoever asked; keys never asked are missing."""
        with self._database.read() as connection:
            rows = connection.execute(_JOURNAL, {"keys": list(keys)}).fetchall()
        return {key: Journalled(attempt, Reply(key, *rest)) for attempt, key, *rest in rows}

    def queries(self, task: str, hashes: Sequence[str]) -> dict[str, list[AnsweredQuery]]:
        """Text hash → the task's queries that the document answers, and who said so."""
        parameters = {"task": task, "hashes": list(hashes)}
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES, parameters).fetchall()
        found: dict[str, list[AnsweredQuery]] = defaultdict(list)
        for text_hash, *rest in rows:
            found[text_hash].append(AnsweredQuery(*rest))
        return found

    def protected_queries(self, split: Split) -> set[str]:
        """Norm hashes of the queries of every other split, of all tasks."""
        with self._database.read() as connection:
            rows = connection.execute(_PROTECTED, {"split": split}).fetchall()
        return {row[0] for row in rows}

    def past(self, engine: str) -> Past:
        """Means over the good replies that the engine gave."""
        with self._database.read() as connection:
            rows = connection.execute(_PAST, {"engine": engine}).fetchall()
        return Past(*rows[0])

    def other_queries(self, task: str, plan: str) -> Iterator[str]:
        """The queries of the task, of all splits, that the plan did not make; in order of id."""
        with self._database.read() as connection:
            found = connection.execute(_OTHERS, {"task": task, "plan": plan})
            while rows := found.fetchmany(_ROWS_AT_ONCE):
                yield from (query for (query,) in rows)

    def known_texts(self) -> KnownTexts:
        """The texts of all documents there ever were."""
        return DocumentStore(self._database).known_texts()

    def count_generated(self, task: str, split: Split) -> int:
        """How many positives of the task's examples of the split were generated and stand."""
        asked = {"task": task, "split": split, "rule": RULE}
        with self._database.read() as connection:
            rows = connection.execute(_GENERATED, asked).fetchall()
        return int(rows[0][0])

    def drops(self, task: str, rule: str) -> list[Decision]:
        """What the rule in force drops, in order of example and document."""
        with self._database.read() as connection:
            rows = connection.execute(_DROPS, {"task": task, "rule": rule}).fetchall()
        return [Decision(*row) for row in rows]
