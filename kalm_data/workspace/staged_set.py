"""The rows of a whole set in temporary tables, from which they are chosen, looked over, written.

Each part is one ordered COPY: its bytes depend on the rows, the seed and DuckDB's version alone,
neither on threads nor on the order in which anything was imported.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from kalm_data.core.pool import title_path
from kalm_data.core.seeded import digest
from kalm_data.workspace.set_lint import lint
from kalm_data.workspace.set_parts import (
    NUMBER_NEGATIVES,
    NUMBER_POSITIVES,
    NUMBER_ROWS,
    NUMBERED,
    SIZES,
    copy_part,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.lint import LintFound
    from kalm_data.core.pool import PoolColumns
    from kalm_data.core.protocols import Tokenizer
    from kalm_data.core.tasks import Task
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.shard_rows import QueryText, RowKind, TaskRows

_TEXTS_AT_ONCE = 8192

_CREATE = (
    "CREATE TEMP TABLE staged_ids (task VARCHAR, split VARCHAR, example_id VARCHAR)",
    """CREATE TEMP TABLE staged_rows (
        task VARCHAR, split VARCHAR, example_id VARCHAR, query_hash VARCHAR, instruction VARCHAR,
        language VARCHAR, origin VARCHAR, source VARCHAR, line BIGINT
    )""",
    "CREATE TEMP TABLE staged_positives (example_id VARCHAR, text_hash VARCHAR)",
    "CREATE TEMP TABLE positive_scores (example_id VARCHAR, text_hash VARCHAR, score DOUBLE)",
    """CREATE TEMP TABLE staged_negatives (
        example_id VARCHAR, place INTEGER, text_hash VARCHAR, rank INTEGER, score DOUBLE,
        ranker VARCHAR
    )""",
    """CREATE TEMP TABLE staged_documents (
        task VARCHAR, text_hash VARCHAR, title VARCHAR, name VARCHAR, licence VARCHAR
    )""",
    "CREATE TEMP TABLE without_negatives (task VARCHAR)",
    "CREATE TEMP TABLE chosen (example_id VARCHAR, copies BIGINT)",
    "CREATE TEMP TABLE token_counts (text_hash VARCHAR, tokens INTEGER)",
)

_ADD_EXAMPLES = """
INSERT INTO staged_rows
SELECT s.task, s.split, example_id, query_hash, instruction, language, origin, source, line
FROM examples e JOIN staged_ids s USING (example_id) WHERE s.task = ?
"""

_ADD_QUERIES = """
INSERT INTO staged_rows
SELECT $task, $split, example_id, query_hash, '', language, 'import', source, line FROM given_rows
"""

_ADD_SCORES = """
INSERT INTO positive_scores
SELECT example_id, text_hash, min(score) FROM rankings
SEMI JOIN (SELECT example_id FROM staged_ids WHERE task = $task) USING (example_id)
WHERE ranker = $ranker AND pool = $basis GROUP BY example_id, text_hash
"""

_ADD_DOCUMENTS = """
INSERT INTO staged_documents
SELECT $task, used.text_hash, coalesce(d.title, ''), coalesce(g.name, used.text_hash),
    coalesce(nullif(l.licence, ''), $licence)
FROM (
    SELECT text_hash FROM staged_positives JOIN staged_rows USING (example_id) WHERE task = $task
    UNION
    SELECT text_hash FROM staged_negatives JOIN staged_rows USING (example_id) WHERE task = $task
) used
LEFT JOIN given_titles d USING (text_hash) LEFT JOIN given_groups g USING (text_hash)
LEFT JOIN (
    SELECT text_hash, max(licence) AS licence FROM current_documents
    WHERE collection IN (SELECT unnest($collections)) GROUP BY text_hash
) l USING (text_hash)
"""

_CHOOSE = """
INSERT INTO chosen
SELECT example_id, copies FROM (
    SELECT example_id, $count // $size + (
        row_number() OVER (ORDER BY sha256($seed || ':' || example_id), example_id)
            <= $count % $size
    )::BIGINT AS copies
    FROM staged_rows WHERE task = $task AND split = $split
) WHERE copies > 0
"""

_LEFT_OUT = """
SELECT r.example_id, t.text, r.source, r.line
FROM staged_rows r ANTI JOIN chosen USING (example_id)
JOIN texts t ON t.text_hash = r.query_hash
WHERE r.task = ? AND r.split = 'train' ORDER BY r.example_id
"""

_NEXT_TEXTS = """
SELECT text_hash, text FROM texts
WHERE text_hash > ? AND text_hash IN (
    SELECT text_hash FROM staged_documents UNION SELECT query_hash FROM staged_rows
) ORDER BY text_hash LIMIT ?
"""


class LeftOut(NamedTuple):
    """A training row that was not chosen."""

    example_id: str
    query: str
    source: str
    line: int


class StagedSet:
    """The rows of all tasks of a set, added block by block; then chosen, then written."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seed: int) -> None:
        self._connection = connection
        self._seed = seed
        self._tokenizer = ""
        for statement in _CREATE:
            connection.execute(statement)

    def add(self, rows: TaskRows, kind: RowKind, block: RowBlock) -> None:
        """Rows of a task; an example is added once."""
        named = {"task": rows.task.name, "split": kind}
        if rows.queries is None:
            ids = pa.table({"example_id": pa.array(block.example_ids, pa.large_string())})
            add_rows = "INSERT INTO staged_ids SELECT $task, $split, example_id FROM given_rows"
        else:
            ids, add_rows = _queries(rows.queries, block.example_ids), _ADD_QUERIES
        given = {
            "given_rows": ids,
            "given_positives": _positives(block),
            "given_negatives": _negatives(block),
        }
        with self._registered(given):
            self._connection.execute(add_rows, named)
            self._connection.execute("INSERT INTO staged_positives FROM given_positives")
            self._connection.execute("INSERT INTO staged_negatives FROM given_negatives")

    def finish(self, rows: TaskRows) -> None:
        """All rows of the task are there: look up what the workspace knows of them."""
        task = rows.task
        if rows.queries is None:
            self._connection.execute(_ADD_EXAMPLES, [task.name])
            named = {"task": task.name, "ranker": rows.ranker, "basis": rows.basis}
            self._connection.execute(_ADD_SCORES, named)
        if not rows.has_negatives:
            self._connection.execute("INSERT INTO without_negatives VALUES (?)", [task.name])
        given = {"given_titles": _titles(rows.pool.columns), "given_groups": _groups(rows.groups)}
        asked = {"task": task.name, "licence": task.licence, "collections": list(task.pool)}
        with self._registered(given):
            self._connection.execute(_ADD_DOCUMENTS, asked)

    def choose(self, task: str, kind: RowKind, size: int, count: int) -> None:
        """Use `count` of the `size` rows of a task, in seeded order, all again where it is more."""
        if size:
            named = {"task": task, "split": kind, "size": size, "count": count}
            self._connection.execute(_CHOOSE, named | {"seed": str(self._seed)})

    def left_out(self, task: str) -> list[LeftOut]:
        """The training rows that were not chosen, by example id."""
        found = self._connection.execute(_LEFT_OUT, [task]).fetchall()
        return [LeftOut(*row) for row in found]

    def lint(self, settings: ShardsConfig) -> list[LintFound]:
        """What is found in the training rows that were chosen."""
        return lint(self._connection, settings)

    def count_tokens(self, name: str, tokenizer: Tokenizer) -> None:
        """Give each text its number of tokens; `name` tells tokenizers apart."""
        self._tokenizer = name
        last = ""
        while block := self._connection.execute(_NEXT_TEXTS, [last, _TEXTS_AT_ONCE]).fetchall():
            last = block[-1][0]
            table = pa.table({
                "text_hash": pa.array([text_hash for text_hash, _ in block], pa.large_string()),
                "tokens": pa.array([tokenizer.count(text) for _, text in block], pa.int32()),
            })  # fmt: skip
            with self._registered({"given_counts": table}):
                self._connection.execute("INSERT INTO token_counts FROM given_counts")

    @contextmanager
    def numbered(self, task: Task, kind: RowKind) -> Iterator[NumberedRows]:
        """The chosen rows of one task in the order in which they are written."""
        named = {"task": task.name, "split": kind, "seed": str(self._seed)}
        self._connection.execute(NUMBER_ROWS, named)
        self._connection.execute(NUMBER_POSITIVES)
        self._connection.execute(NUMBER_NEGATIVES)
        try:
            yield NumberedRows(self._connection, task, self._tokenizer)
        finally:
            for table in NUMBERED:
                self._connection.execute(f"DROP TABLE {table}")

    @contextmanager
    def _registered(self, tables: Mapping[str, pa.Table]) -> Iterator[None]:
        for name, table in tables.items():
            self._connection.register(name, table)
        try:
            yield
        finally:
            for name in tables:
                self._connection.unregister(name)


class NumberedRows:
    """The rows of one task, numbered from 0."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, task: Task, tokenizer: str) -> None:
        self._connection = connection
        self._task = task
        self._tokenizer = tokenizer

    def __len__(self) -> int:
        ((count,),) = self._connection.execute("SELECT count(*) FROM part_rows").fetchall()
        return int(count)

    @property
    def negatives(self) -> int:
        """Those of all rows."""
        query = "SELECT count(*) FROM part_negatives"
        ((count,),) = self._connection.execute(query).fetchall()
        return int(count)

    @property
    def fingerprint(self) -> str:
        """Digest of all that the bytes of the parts depend on, the cuts between them left out."""
        sums = [self._sum(table) for table in NUMBERED]
        documents = self._sum("(FROM staged_documents WHERE task = $task)")
        written = (self._task.model_dump_json(), self._tokenizer)
        return digest("rows", *written, *sums, documents)

    def _sum(self, rows: str) -> str:
        """By DuckDB's own hash: it is compared within one version of DuckDB, and orders nothing."""
        named = {"task": self._task.name} if "$task" in rows else {}
        query = f"SELECT bit_xor(hash(r)) FROM {rows} r"
        ((found,),) = self._connection.execute(query, named).fetchall()
        return str(found)

    def borders(self, rows: int, size: int | None) -> list[int]:
        """Where parts begin, and the end: at most so many rows and bytes of text each."""
        count = len(self)
        if size is None:
            return [*range(0, count, rows), count]
        ends = np.cumsum(self.sizes())
        found = [0]
        while found[-1] < count:
            start = found[-1]
            filled = int(ends[start - 1]) if start else 0
            last = int(np.searchsorted(ends, filled + size, side="right"))
            found.append(min(max(last, start + 1), start + rows, count))
        return found

    def sizes(self) -> NDArray[np.int64]:
        """(N,) bytes of text of each row, before anything is compressed."""
        found = self._connection.execute(SIZES).fetchnumpy()["size"]
        return found.astype(np.int64)

    def write(self, file: Path, first: int, last: int) -> None:
        """Rows `first` to before `last` as one Parquet file."""
        named = {
            "first": first, "last": last, "task": self._task.name, "type": self._task.type,
            "instruction": self._task.instruction, "in_batch": self._task.in_batch,
        }  # fmt: skip
        statement = copy_part(str(file), tokens=bool(self._tokenizer))
        self._connection.execute(statement, named)


def _queries(queries: Mapping[str, QueryText], example_ids: Sequence[str]) -> pa.Table:
    texts, found = pa.large_string(), [queries[id_] for id_ in example_ids]
    return pa.table({
        "example_id": pa.array(example_ids, texts),
        "query_hash": pa.array([one.text_hash for one in found], texts),
        "language": pa.array([one.language for one in found], texts),
        "source": pa.array([one.source for one in found], texts),
        "line": pa.array([one.line for one in found], pa.int64()),
    })  # fmt: skip


def _positives(block: RowBlock) -> pa.Table:
    """One row a positive that stayed."""
    texts = pa.large_string()
    ids = [id_ for id_, of_row in zip(block.example_ids, block.positives, strict=True)
           for _ in of_row]  # fmt: skip
    hashes = [text_hash for of_row in block.positives for text_hash in of_row]
    return pa.table({"example_id": pa.array(ids, texts), "text_hash": pa.array(hashes, texts)})


def _negatives(block: RowBlock) -> pa.Table:
    """One row a negative, with its place among those of its example."""
    found, texts = block.negatives, pa.large_string()
    ids = np.array(block.example_ids, object)[found.rows]
    return pa.table({
        "example_id": pa.array(ids, texts),
        "place": pa.array(found.places(), pa.int32()),
        "text_hash": pa.array(found.text_hashes, texts),
        "rank": pa.array(found.ranks, pa.int32()),
        "score": pa.array(found.scores, pa.float64(), from_pandas=True),  # NaN is null
        "ranker": pa.array(found.proposers, texts),
    })  # fmt: skip


def _titles(columns: PoolColumns) -> pa.Table:
    texts = pa.large_string()
    named = zip(columns.titles, columns.headings, strict=True)
    return pa.table({
        "text_hash": pa.array(columns.text_hashes, texts),
        "title": pa.array([title_path(*one) for one in named], texts),
    })  # fmt: skip


def _groups(groups: Mapping[str, str]) -> pa.Table:
    texts = pa.large_string()
    return pa.table({
        "text_hash": pa.array(list(groups), texts),
        "name": pa.array(list(groups.values()), texts),
    })  # fmt: skip
