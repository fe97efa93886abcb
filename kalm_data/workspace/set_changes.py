"""How the rows of two shard sets differ, read from their Parquet files."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from kalm_data.core.difference import RowChange
from kalm_data.core.errors import InputError
from kalm_data.workspace.changes import (
    change_of,
    comparing,
    count_changes,
    find_changes,
    find_moves,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kalm_data.core.difference import Counts
    from kalm_data.core.manifest import Manifest

PARTS = ("positives", "negatives", "scores", "titles", "instruction", "language", "copies")
_AT_ONCE = 10_000

# Equal digests are equal rows within this process, which is all that is asked of `hash`.
_SIDE = """
CREATE TEMP TABLE side_{side} AS
SELECT task, split, example_id AS key,
    any_value(hash(list_sort(pos_ids))) AS positives,
    any_value(hash(list_sort(neg_ids))) AS negatives,
    any_value(hash(list_sort(list_zip(pos_ids, pos_scores)), list_sort(list_zip(neg_ids,
        neg_scores)))) AS scores,
    any_value(hash(list_sort(list_zip(pos_ids, pos_titles)))) AS titles,
    any_value(hash(instruction)) AS instruction, any_value(hash(language)) AS language,
    count(*) AS copies
FROM rows_{side} GROUP BY ALL
"""

_ROWS = """
CREATE TEMP VIEW rows_{side} AS
SELECT {columns}, CASE WHEN parse_filename(filename) LIKE 'dev-%' THEN 'dev' ELSE 'train' END
    AS split
FROM read_parquet({files}, filename = true, hive_partitioning = false)
"""

_NO_ROWS = """
CREATE TEMP TABLE rows_{side} (
    task VARCHAR, example_id VARCHAR, query VARCHAR, language VARCHAR, instruction VARCHAR,
    pos_ids VARCHAR[], neg_ids VARCHAR[], pos_titles VARCHAR[], pos_scores DOUBLE[],
    neg_scores DOUBLE[], split VARCHAR
)
"""

_COLUMNS = (
    "task, example_id, query, language, instruction, pos_ids, neg_ids, pos_titles, pos_scores, "
    "neg_scores"
)

_DETAILS = """
WITH listed AS (SELECT * FROM changes ORDER BY task, split, key LIMIT $limit),
a AS (
    SELECT task, split, example_id AS key, any_value(query) AS query, any_value(pos_ids) AS pos_ids
    FROM rows_a SEMI JOIN listed l ON l.key = example_id GROUP BY ALL
),
b AS (
    SELECT task, split, example_id AS key, any_value(query) AS query, any_value(pos_ids) AS pos_ids
    FROM rows_b SEMI JOIN listed l ON l.key = example_id GROUP BY ALL
)
SELECT l.change, l.task, l.split, l.key, l.was, coalesce(b.query, a.query), l.parts,
    list_sort(list_filter(coalesce(b.pos_ids, []),
        lambda id: NOT list_contains(coalesce(a.pos_ids, []), id))),
    list_sort(list_filter(coalesce(a.pos_ids, []),
        lambda id: NOT list_contains(coalesce(b.pos_ids, []), id)))
FROM listed l LEFT JOIN a ON a.task = l.task AND a.split = l.was AND a.key = l.key
LEFT JOIN b ON b.task = l.task AND b.split = l.split AND b.key = l.key
ORDER BY l.task, l.split, l.key
"""


class SetChanges:
    """The rows that differ between two sets; `counts` tells of all of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        find_changes(connection, PARTS)
        find_moves(connection, PARTS)
        self.counts: tuple[Counts, ...] = count_changes(connection)

    def rows(self, limit: int | None) -> Iterator[list[RowChange]]:
        """By task, split and key, some thousands at a time; `limit` in all."""
        named = {"limit": limit if limit is not None else 2**62}
        found = self._connection.execute(_DETAILS, named)
        while rows := found.fetchmany(_AT_ONCE):
            yield [
                RowChange(
                    change_of(change), task, split, key, text, tuple(parts), tuple(came),
                    tuple(went), was=was if change == "moved" else "",
                )
                for change, task, split, key, was, text, parts, came, went in rows
            ]  # fmt: skip


@contextmanager
def set_changes(a: tuple[Path, Manifest], b: tuple[Path, Manifest]) -> Iterator[SetChanges]:
    """Two sets, compared. Raises InputError where a file of theirs cannot be read."""
    with comparing() as connection:
        for side, sets in (("a", a), ("b", b)):
            _read_side(connection, side, *sets)
        yield SetChanges(connection)


def _read_side(
    connection: duckdb.DuckDBPyConnection, side: str, folder: Path, manifest: Manifest
) -> None:
    try:
        connection.execute(_rows_of(side, folder, manifest))
        connection.execute(_SIDE.format(side=side))
    except (duckdb.IOException, duckdb.BinderException, duckdb.InvalidInputException) as error:
        message = f"{folder}: {str(error).splitlines()[0]}. Build the set again."
        raise InputError(message) from error


def _rows_of(side: str, folder: Path, manifest: Manifest) -> str:
    """The statement that makes the rows of a side, which may have none, readable."""
    files = [
        str(folder / file.path) for task in manifest.tasks for file in (*task.files, *task.dev)
    ]
    if not files:
        return _NO_ROWS.format(side=side)
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return _ROWS.format(side=side, columns=_COLUMNS, files=f"[{quoted}]")
