"""Which rows of two tables differ: one join, whatever the rows are.

Both tables, `side_a` and `side_b`, have the columns task, split and key, which name a row, and one
for each part of it that may change: a digest of that part.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import duckdb

from kalm_data.core.difference import Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.difference import Change

_CHANGES = """
CREATE TEMP TABLE changes AS
SELECT task, split, key, split AS was,
    CASE WHEN a.here IS NULL THEN 'came' WHEN b.here IS NULL THEN 'went' ELSE 'changed' END
        AS change,
    CASE WHEN a.here IS NULL OR b.here IS NULL THEN [] ELSE {parts} END AS parts
FROM (SELECT *, true AS here FROM side_a) a
FULL JOIN (SELECT *, true AS here FROM side_b) b USING (task, split, key)
WHERE a.here IS NULL OR b.here IS NULL OR {differs}
"""

# a row of one split that the other side has in another
_MOVES = """
CREATE TEMP TABLE moved AS
SELECT came.task, came.split, came.key, went.split AS was, 'moved' AS change, {parts} AS parts
FROM changes came JOIN changes went ON went.task = came.task AND went.key = came.key
JOIN side_a a ON a.task = went.task AND a.split = went.split AND a.key = went.key
JOIN side_b b ON b.task = came.task AND b.split = came.split AND b.key = came.key
WHERE came.change = 'came' AND went.change = 'went'
"""

_INSTEAD = """
DELETE FROM changes WHERE change IN ('came', 'went')
    AND (task, key) IN (SELECT (task, key) FROM moved);
INSERT INTO changes BY NAME SELECT * FROM moved;
"""

_COUNTS = """
WITH sides AS (
    SELECT task, split, count(*) AS count FROM side_a GROUP BY ALL
),
found AS (
    SELECT task, split,
        count(*) FILTER (change = 'came') AS came,
        count(*) FILTER (change = 'went') AS went,
        count(*) FILTER (change = 'moved') AS moved,
        count(*) FILTER (change = 'changed') AS changed
    FROM changes GROUP BY ALL
),
away AS (
    SELECT task, was AS split, count(*) AS away FROM changes WHERE change = 'moved' GROUP BY ALL
)
SELECT task, split, coalesce(came, 0), coalesce(went, 0), coalesce(moved, 0), coalesce(changed, 0),
    coalesce(count, 0) - coalesce(went, 0) - coalesce(changed, 0) - coalesce(away, 0)
FROM sides FULL JOIN found USING (task, split) FULL JOIN away USING (task, split)
ORDER BY task, split
"""

_PARTS = """
SELECT task, split, part, count(*) FROM (SELECT task, split, unnest(parts) AS part FROM changes)
GROUP BY ALL ORDER BY task, split, part
"""


@contextmanager
def comparing() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory for one comparison; what memory does not hold spills to a folder."""
    with tempfile.TemporaryDirectory(prefix="kalm-diff-") as spilled:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": spilled,
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=settings) as connection:
            yield connection


def find_changes(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> None:
    """Fill the table `changes` (task, split, key, was, change, parts); `was` is the split on side a
    of what is on both.
    """
    differs = " OR ".join(f"a.{part} IS DISTINCT FROM b.{part}" for part in parts)
    connection.execute(_CHANGES.format(parts=_differing(parts), differs=differs))


def find_moves(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> None:
    """Make one row `moved` in `changes` of what went from a split and came to another."""
    connection.execute(_MOVES.format(parts=_differing(parts)))
    connection.execute(_INSTEAD)


def count_changes(connection: duckdb.DuckDBPyConnection) -> tuple[Counts, ...]:
    """By task and split."""
    of_parts: dict[tuple[str, str], dict[str, int]] = {}
    for task, split, part, count in connection.execute(_PARTS).fetchall():
        of_parts.setdefault((task, split), {})[part] = count
    found = connection.execute(_COUNTS).fetchall()
    return tuple(
        Counts(task, split, came, went, moved, changed, same, of_parts.get((task, split), {}))
        for task, split, came, went, moved, changed, same in found
    )


def _differing(parts: Sequence[str]) -> str:
    """The list of the parts that differ between a and b."""
    named = ", ".join(
        f"CASE WHEN a.{part} IS DISTINCT FROM b.{part} THEN '{part}' END" for part in parts
    )
    return f"list_filter([{named}], lambda part: part IS NOT NULL)"


def change_of(word: str) -> Change:
    """The word of the table as its type."""
    return cast("Change", word)
