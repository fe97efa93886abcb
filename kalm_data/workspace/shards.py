"""What a shard set is made from: the training side of a workspace; and the rows of its files."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import DEV_SCORED, SCORED
from kalm_data.workspace.evaluation import read_queries
from kalm_data.workspace.full_disk import told_full
from kalm_data.workspace.labels import read_class_texts
from kalm_data.workspace.scored_pairs import read_scored
from kalm_data.workspace.staged_set import StagedSet
from kalm_data.workspace.tasks import read_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.records import Split
    from kalm_data.core.scored import ScoredTexts, TextPair
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

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

_LANGUAGES = """
SELECT example_id, language FROM examples WHERE task = ? AND language <> '' ORDER BY example_id
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

_LICENCES = """
SELECT text_hash, list_sort(list(DISTINCT licence)) FROM current_documents
WHERE collection IN (SELECT unnest(?)) GROUP BY text_hash ORDER BY text_hash
"""

_VALUES = """
SELECT DISTINCT text_hash, coalesce(json_extract_string(metadata, $path), nullif({column}, ''))
    AS value
FROM current_documents
WHERE collection IN (SELECT unnest($collections)) AND value IS NOT NULL
ORDER BY text_hash, value
"""

_OWN_COLUMNS = ("date", "language", "licence", "parent", "source", "title")
"""Columns of documents that are no metadata."""

_COLUMNS = {
    "query": "VARCHAR", "pos": "VARCHAR[]", "neg": "VARCHAR[]",
    "pos_titles": "VARCHAR[]", "neg_titles": "VARCHAR[]",
    "pos_ids": "VARCHAR[]", "neg_ids": "VARCHAR[]",
    "pos_groups": "VARCHAR[]", "neg_groups": "VARCHAR[]",
    "task": "VARCHAR", "language": "VARCHAR", "instruction": "VARCHAR",
    "in_batch": "BOOLEAN", "example_id": "VARCHAR",
}  # fmt: skip
"""Those that readers of a set rely on, of all that `set_parts` writes."""

_TIGHT = 2**30
"""Bytes of free disk below which it may be the disk that is too small, not the memory."""


_SCORED_COLUMNS = {"sentence1": "VARCHAR", "sentence2": "VARCHAR", "score": "DOUBLE"}


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

    def languages(self, task: str) -> dict[str, str]:
        """The language of each example of the task that has one told, by id."""
        with self._database.read() as connection:
            return dict(connection.execute(_LANGUAGES, [task]).fetchall())

    def labelled(self, task: str, split: Split = "train") -> ClassTexts | None:
        """The labelled texts of a split; None where the task has no labels."""
        return read_class_texts(self._database, task, split)

    def scored(self, task: str, split: Split = "train") -> ScoredTexts | None:
        """The scored pairs of a split; None where the task has none in any."""
        return read_scored(self._database, task, split)

    def in_force(self, kind: str, task: str) -> dict[str, str]:
        """The settings of the rules or draws ('rule', 'draw') of a task, by name."""
        with self._database.read() as connection:
            return dict(connection.execute(_IN_FORCE, [kind, task]).fetchall())

    def rules(self, task: str) -> list[tuple[str, str, int]]:
        """(Name, basis, positives it has not judged) of the rules in force that have a basis."""
        with self._database.read() as connection:
            return connection.execute(_RULES, [task]).fetchall()

    def dev_examples(self, task: str) -> list[EvalQuery]:
        """The examples of the dev split with the positives that no rule drops, by id."""
        return read_queries(self._database, task, "dev")

    def has_own_texts(self, task: str) -> bool:
        """Whether the task is made of labels or scored pairs, which are no documents."""
        return read_content(self._database, task) in ("labels", "scored pairs")

    def licences(self, task: Task) -> dict[str, tuple[str, ...]]:
        """The licences of each document of the task's pool, by text hash; empty: none is told."""
        with self._database.read() as connection:
            rows = connection.execute(_LICENCES, [list(task.pool)]).fetchall()
        return {text_hash: tuple(licences) for text_hash, licences in rows}

    def values(self, task: Task, column: str) -> list[tuple[str, str]]:
        """(Text hash, value) of a column of the documents of the task's pool, where it has one."""
        path = '$."' + column.replace('"', '\\"') + '"'
        named = {"path": path, "collections": list(task.pool)}
        query = _VALUES.format(column=column if column in _OWN_COLUMNS else "''")
        with self._database.read() as connection:
            return connection.execute(query, named).fetchall()

    def write_scored(self, file: Path, task: str, pairs: Sequence[TextPair]) -> None:
        """Scored pairs as one Parquet file, in the order given."""
        texts = pa.string()
        table = pa.table({
            "sentence1": pa.array([pair.first.text.text for pair in pairs], texts),
            "sentence2": pa.array([pair.second.text.text for pair in pairs], texts),
            "score": pa.array([pair.score for pair in pairs], pa.float64()),
            "language": pa.array([pair.first.language for pair in pairs], texts),
            "task": pa.array([task] * len(pairs), texts),
        })  # fmt: skip
        pq.write_table(table, file, compression="zstd")

    @contextmanager
    def staged(self, seed: int, memory_limit: str) -> Iterator[StagedSet]:
        """A set to be filled; what does not fit into the limit goes to the workspace's disk.

        Raises InputError where the disk is full or the limit too small.
        """
        with self._database.read() as connection:
            connection.execute(f"SET memory_limit TO '{memory_limit}'")
            connection.execute("SET preserve_insertion_order TO false")
            if self._threads:
                connection.execute(f"SET threads TO {self._threads}")
            try:
                yield StagedSet(connection, seed)
            except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
                said = _out_of_room(error, self._database.folder / "tmp", memory_limit)
                raise InputError(said) from error
            finally:
                for name in ("memory_limit", "preserve_insertion_order", "threads"):
                    connection.execute(f"RESET {name}")


def _out_of_room(error: duckdb.Error, spilled: Path, memory_limit: str) -> str:
    said = str(error).splitlines()[0].rstrip(".")
    if not isinstance(error, duckdb.OutOfMemoryException):
        return told_full(error) or f"the set cannot be written: {said}"
    remedy = f"Give more than --memory-limit {memory_limit}"
    free = shutil.disk_usage(spilled if spilled.exists() else spilled.parent).free
    if free < _TIGHT:
        room = f"has {free / 2**20:.0f} MiB for what memory does not hold"
        return f"{spilled}: {room}: {said}. {remedy}, or make room there."
    return f"{said}. {remedy}."


def count_rows(file: Path) -> int:
    """The rows of a file of a set. Raises InputError where it is no Parquet, or lacks a column."""
    query = "SELECT num_rows FROM parquet_file_metadata(?)"
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            found = connection.execute(query, [str(file)]).fetchone()
            described = connection.execute("DESCRIBE FROM read_parquet(?)", [str(file)]).fetchall()
    except duckdb.Error as error:
        message = f"{file}: not readable as Parquet: {str(error).splitlines()[0]}"
        raise InputError(message) from error
    wanted = _SCORED_COLUMNS if file.name.startswith((SCORED, DEV_SCORED)) else _COLUMNS
    _refuse_other_columns(file, wanted, {name: kind for name, kind, *_ in described})
    return int(found[0]) if found else 0


def _refuse_other_columns(file: Path, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    for name, kind in wanted.items():
        if found.get(name) != kind:
            message = f'{file}: column "{name}" is {found.get(name, "missing")}, not {kind}'
            raise InputError(f"{message}. Build the set again.")
