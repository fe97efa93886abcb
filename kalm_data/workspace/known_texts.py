"""The texts that imports of one kind brought, with their splits and what ties them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kalm_data.core.records import SPLITS, Text
from kalm_data.core.splits import KnownTexts

if TYPE_CHECKING:
    from kalm_data.workspace.database import Database

Bringer = Literal["documents", "labels", "scored_texts"]
"""A table or view with one row, or more, a text: `text_hash` and `split`."""

_TEXTS = """
SELECT text_hash, norm_hash, text FROM texts
WHERE text_hash IN (SELECT text_hash FROM {bringer})
ORDER BY text_hash
"""

_SPLITS = f"""
SELECT text_hash, max(list_position({list(SPLITS)}, split)) FROM {{bringer}}
GROUP BY text_hash ORDER BY text_hash
"""

_EDGES = """
WITH brought AS (SELECT text_hash FROM {bringer})
SELECT "first", "second" FROM near_duplicates
WHERE "first" IN (FROM brought) AND "second" IN (FROM brought)
ORDER BY 1, 2
"""

_EDGES_OF_TASK = """
WITH brought AS (SELECT text_hash FROM {bringer} WHERE task = ?)
SELECT "first", "second" FROM near_duplicates
WHERE "first" IN (FROM brought) AND "second" IN (FROM brought)
ORDER BY 1, 2
"""


def read_known_texts(database: Database, bringer: Bringer, edges: str = _EDGES) -> KnownTexts:
    """Those of all tasks: what had a split keeps it.

    edges: a query for pairs of text hashes that belong together; near-duplicates if not given.
    """
    with database.read() as connection:
        texts = connection.execute(_TEXTS.format(bringer=bringer)).fetchall()
        splits = connection.execute(_SPLITS.format(bringer=bringer)).fetchall()
        tied = connection.execute(edges.format(bringer=bringer)).fetchall()
    return KnownTexts(
        texts=[Text(*row) for row in texts],
        splits={text_hash: SPLITS[place - 1] for text_hash, place in splits},
        edges=tied,
    )


def read_near(database: Database, bringer: Bringer, task: str) -> list[tuple[str, str]]:
    """Pairs of hashes of near-duplicates among the texts of a task; texts of all splits count."""
    with database.read() as connection:
        return connection.execute(_EDGES_OF_TASK.format(bringer=bringer), [task]).fetchall()
