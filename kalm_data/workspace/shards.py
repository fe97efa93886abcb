"""Writes the rows of a shard set as Parquet, and counts them.

Each part is one ordered COPY: its bytes depend on the rows, the seed and DuckDB's version alone,
neither on threads nor on the order in which anything was imported.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from kalm_data.core.errors import InputError
from kalm_data.core.records import example_id
from kalm_data.workspace.labels import read_class_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.pool import PoolDocument
    from kalm_data.measures.negatives import Drawn, Negative
    from kalm_data.measures.shard_rows import TaskRows
    from kalm_data.workspace.database import Database

_ROWS_PER_GROUP = 8192
"""Rows of a Parquet row group: what a streaming reader holds at a time."""

_UNANSWERED = """
SELECT e.example_id, t.text, e.source, e.line
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = ? AND e.split = 'train' AND NOT EXISTS (
    SELECT 1 FROM judgements j WHERE j.example_id = e.example_id AND j.label = 'positive'
)
ORDER BY e.example_id
"""

_PROTECTED = """
SELECT e.example_id
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE e.task = ? AND e.split = 'train' AND t.norm_hash IN (
    SELECT norm_hash FROM asked_queries WHERE split <> 'train'
)
ORDER BY e.example_id
"""

_IN_FORCE = """
SELECT name, settings FROM current_heads WHERE kind = ? AND task = ? AND run_id <> '' ORDER BY name
"""

_RULES = """
SELECT h.name, h.basis, (
    SELECT count(*) FROM (
        SELECT DISTINCT j.example_id, j.text_hash
        FROM judgements j JOIN examples e ON e.example_id = j.example_id
        WHERE e.task = h.task AND e.split = 'train' AND j.label = 'positive'
            AND (j.example_id, j.text_hash) NOT IN (
                SELECT (example_id, text_hash) FROM current_drops WHERE basis = ''
            )
    ) asked ANTI JOIN decisions d ON d.run_id = h.run_id AND d.task = h.task AND d.rule = h.name
        AND d.example_id = asked.example_id AND d.text_hash = asked.text_hash
)
FROM current_heads h
WHERE h.kind = 'rule' AND h.task = ? AND h.run_id <> '' AND h.basis <> '' ORDER BY h.name
"""

_ORDER = """
CREATE TEMP TABLE shard_order AS
SELECT example_id, row_number() OVER (ORDER BY sha256(? || ':' || example_id), example_id) - 1
    AS place
FROM kept
"""

_POSITIVES = """
CREATE TEMP TABLE shard_positives AS
WITH scores AS (
    SELECT example_id, text_hash, min(score) AS score
    FROM rankings WHERE ranker = $ranker AND pool = $basis
    GROUP BY example_id, text_hash
)
SELECT example_id, text_hash, score FROM standing LEFT JOIN scores USING (example_id, text_hash)
"""

_QUERIES = """
CREATE TEMP TABLE shard_queries AS
SELECT example_id, query_hash, instruction, language, origin
FROM examples SEMI JOIN kept USING (example_id)
UNION ALL
SELECT example_id, query_hash, '' AS instruction, language, 'import' AS origin FROM labelled
"""

_COLUMNS = {
    "query": "VARCHAR", "pos": "VARCHAR[]", "neg": "VARCHAR[]",
    "pos_titles": "VARCHAR[]", "neg_titles": "VARCHAR[]",
    "pos_ids": "VARCHAR[]", "neg_ids": "VARCHAR[]",
    "pos_groups": "VARCHAR[]", "neg_groups": "VARCHAR[]",
    "task": "VARCHAR", "language": "VARCHAR", "instruction": "VARCHAR",
    "in_batch": "BOOLEAN", "example_id": "VARCHAR",
}  # fmt: skip
"""Those that readers of a set rely on, of all that `_PART` writes."""

_BEST_FIRST = "ORDER BY p.score DESC NULLS LAST, p.text_hash"
_AS_DRAWN = "ORDER BY n.place"
_PART = f"""
COPY (
    WITH part AS (SELECT * FROM shard_order WHERE place >= $first AND place < $last),
    positives AS (
        SELECT p.example_id,
            list(t.text {_BEST_FIRST}) AS pos,
            list(coalesce(d.title, '') {_BEST_FIRST}) AS pos_titles,
            list(p.score {_BEST_FIRST}) AS pos_scores,
            list(p.text_hash {_BEST_FIRST}) AS pos_ids,
            list(coalesce(g.name, p.text_hash) {_BEST_FIRST}) AS pos_groups
        FROM shard_positives p SEMI JOIN part USING (example_id)
        JOIN texts t USING (text_hash)
        LEFT JOIN titles d USING (text_hash)
        LEFT JOIN text_groups g USING (text_hash)
        GROUP BY p.example_id
    ),
    negatives AS (
        SELECT n.example_id,
            list(t.text {_AS_DRAWN}) AS neg,
            list(coalesce(d.title, '') {_AS_DRAWN}) AS neg_titles,
            list(n.score {_AS_DRAWN}) AS neg_scores,
            list(n.rank {_AS_DRAWN}) AS neg_ranks,
            list(n.ranker {_AS_DRAWN}) AS neg_rankers,
            list(n.text_hash {_AS_DRAWN}) AS neg_ids,
            list(coalesce(g.name, n.text_hash) {_AS_DRAWN}) AS neg_groups
        FROM drawn n SEMI JOIN part USING (example_id)
        JOIN texts t USING (text_hash)
        LEFT JOIN titles d USING (text_hash)
        LEFT JOIN text_groups g USING (text_hash)
        GROUP BY n.example_id
    )
    SELECT q.text AS query, pos, coalesce(neg, []) AS neg,
        pos_titles, coalesce(neg_titles, []) AS neg_titles,
        pos_scores, coalesce(neg_scores, []) AS neg_scores,
        coalesce(neg_ranks, []) AS neg_ranks, coalesce(neg_rankers, []) AS neg_rankers,
        $task AS task, $type AS type, e.language,
        coalesce(nullif(e.instruction, ''), $instruction) AS instruction,
        $in_batch AS in_batch, part.example_id,
        pos_ids, coalesce(neg_ids, []) AS neg_ids,
        pos_groups, coalesce(neg_groups, []) AS neg_groups, e.origin
    FROM part
    JOIN shard_queries e USING (example_id)
    JOIN texts q ON q.text_hash = e.query_hash
    JOIN positives USING (example_id)
    LEFT JOIN negatives USING (example_id)
    ORDER BY part.place
) TO '{{file}}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROWS_PER_GROUP})
"""


class ShardStore:
    """The training side of a workspace, and the way out of it."""

    def __init__(self, database: Database, threads: int | None = None) -> None:
        """`threads`: how many DuckDB may use; all if not given."""
        self._database = database
        self._threads = threads

    def without_positive(self, task: str) -> list[tuple[str, str, str, int]]:
        """(Example id, query, source, line) of train examples that nobody answered, by id."""
        with self._database.read() as connection:
            return connection.execute(_UNANSWERED, [task]).fetchall()

    def protected(self, task: str) -> set[str]:
        """Ids of train examples whose query, in normal form, is one of dev or test of any task."""
        with self._database.read() as connection:
            return {row[0] for row in connection.execute(_PROTECTED, [task]).fetchall()}

    def labelled(self, task: str) -> ClassTexts | None:
        """The labelled texts of the train split; None where the task has no labels."""
        return read_class_texts(self._database, task)

    def in_force(self, kind: str, task: str) -> dict[str, str]:
        """The settings of the rules or draws ('rule', 'draw') of a task, by name."""
        with self._database.read() as connection:
            return dict(connection.execute(_IN_FORCE, [kind, task]).fetchall())

    def rules(self, task: str) -> list[tuple[str, str, int]]:
        """(Name, basis, positives it has not judged) of the rules in force that have a basis."""
        with self._database.read() as connection:
            return connection.execute(_RULES, [task]).fetchall()

    def write_rows(
        self, folder: Path, rows: TaskRows, seed: int, rows_per_shard: int
    ) -> list[tuple[str, int]]:
        """Write `part-00000.parquet`, … to a folder that exists; (file name, rows) of each."""
        count = len(rows.drawn)
        parts = []
        with self._staged(rows, seed) as connection:
            for number, first in enumerate(range(0, count, rows_per_shard)):
                name, last = f"part-{number:05d}.parquet", min(first + rows_per_shard, count)
                self._copy(connection, folder / name, rows, first, last)
                parts.append((name, last - first))
        return parts

    @contextmanager
    def _staged(self, rows: TaskRows, seed: int) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the rows of a task in temporary tables."""
        with self._database.read() as connection:
            if self._threads:
                connection.execute(f"SET threads TO {self._threads}")
            for name, table in _tables(rows).items():
                connection.register(f"{name}_given", table)
                connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}_given")
            connection.execute(_ORDER, [str(seed)])
            named = {"ranker": rows.ranker, "basis": rows.basis}
            connection.execute(_POSITIVES, named)
            connection.execute(_QUERIES)
            yield connection

    def _copy(
        self,
        connection: duckdb.DuckDBPyConnection,
        file: Path,
        rows: TaskRows,
        first: int,
        last: int,
    ) -> None:
        given = {
            "first": first, "last": last, "task": rows.task.name, "type": rows.task.type,
            "instruction": rows.task.instruction, "in_batch": rows.task.in_batch,
        }  # fmt: skip
        connection.execute(_PART.format(file=str(file).replace("'", "''")), given)


def count_rows(file: Path) -> int:
    """The rows of a shard. Raises InputError where it is no Parquet, or lacks a column."""
    query = "SELECT num_rows FROM parquet_file_metadata(?)"
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            found = connection.execute(query, [str(file)]).fetchone()
            described = connection.execute("DESCRIBE FROM read_parquet(?)", [str(file)]).fetchall()
    except duckdb.Error as error:
        message = f"{file}: not readable as Parquet: {str(error).splitlines()[0]}"
        raise InputError(message) from error
    _refuse_other_columns(file, {name: kind for name, kind, *_ in described})
    return int(found[0]) if found else 0


def _refuse_other_columns(file: Path, found: Mapping[str, str]) -> None:
    for name, kind in _COLUMNS.items():
        if found.get(name) != kind:
            message = f'{file}: column "{name}" is {found.get(name, "missing")}, not {kind}'
            raise InputError(f"{message}. Build the set again.")


def _tables(rows: TaskRows) -> dict[str, pa.Table]:
    documents, texts = rows.pool.documents, pa.large_string()
    return {
        "kept": pa.table({"example_id": pa.array([one.example_id for one in rows.drawn], texts)}),
        "standing": _positives(rows.drawn),
        "drawn": _negatives(rows.drawn),
        "labelled": _labelled(rows),
        "titles": pa.table({
            "text_hash": pa.array([document.text_hash for document in documents], texts),
            "title": pa.array([_title_path(document) for document in documents], texts),
        }),
        "text_groups": pa.table({
            "text_hash": pa.array(list(rows.groups), texts),
            "name": pa.array(list(rows.groups.values()), texts),
        }),
    }  # fmt: skip


def _labelled(rows: TaskRows) -> pa.Table:
    """One row a labelled text, which is the query of its example."""
    found = rows.labelled.texts if rows.labelled else ()
    texts, task = pa.large_string(), rows.task.name
    ids = [example_id(task, one.text.text) for one in found]
    return pa.table({
        "example_id": pa.array(ids, texts),
        "query_hash": pa.array([one.text.text_hash for one in found], texts),
        "language": pa.array([one.language for one in found], texts),
    })  # fmt: skip


def _positives(drawn: Sequence[Drawn]) -> pa.Table:
    """One row a positive that stayed."""
    texts = pa.large_string()
    ids = [one.example_id for one in drawn for _ in one.positives]
    hashes = [text_hash for one in drawn for text_hash in one.positives]
    return pa.table({"example_id": pa.array(ids, texts), "text_hash": pa.array(hashes, texts)})


def _negatives(drawn: Sequence[Drawn]) -> pa.Table:
    """One row a negative, with its place among those of its example."""
    found = [
        (one.example_id, place, negative)
        for one in drawn
        for place, negative in enumerate(one.negatives)
    ]
    texts = pa.large_string()
    return pa.table({
        "example_id": pa.array([example_id for example_id, _, _ in found], texts),
        "place": pa.array([place for _, place, _ in found], pa.int32()),
        "text_hash": pa.array([negative.text_hash for _, _, negative in found], texts),
        "rank": pa.array([negative.rank for _, _, negative in found], pa.int32()),
        "score": pa.array([negative.row_score for _, _, negative in found], pa.float64()),
        "ranker": pa.array([_proposer(negative) for _, _, negative in found], texts),
    })  # fmt: skip


def _proposer(negative: Negative) -> str:
    """Who proposed a negative."""
    if negative.padding:
        return "padding"
    return "given" if negative.given else negative.ranker


def _title_path(document: PoolDocument) -> str:
    """Title and headings as one title, which renders as both do (`core.templates`)."""
    return " > ".join(part for part in (document.title, *document.headings) if part)
