"""Scored pairs: what imports ask of them, and what a training set is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kalm_data.core.near_duplicates import groups
from kalm_data.core.records import ScoredPair, Text, more_protected
from kalm_data.core.scored import ScoredText, ScoredTexts, TextPair
from kalm_data.workspace.known_texts import read_known_texts, read_near
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.tasks import read_content, read_task_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.core.records import Split, TaskRow
    from kalm_data.core.splits import KnownTexts
    from kalm_data.workspace.database import Database

_PAIRS = f"""
SELECT {TABLES[ScoredPair].names} FROM scored_pairs
WHERE task = ? ORDER BY first_hash, second_hash
"""

_TEXT_PAIRS = """
WITH asked AS (
    SELECT norm_hash FROM asked_queries WHERE list_contains($protected_by, split)
)
SELECT p.score, p.language, p.source, p.line,
    a.text_hash, a.norm_hash, a.text, a.norm_hash IN (FROM asked),
    b.text_hash, b.norm_hash, b.text, b.norm_hash IN (FROM asked)
FROM scored_pairs p
JOIN texts a ON a.text_hash = p.first_hash
JOIN texts b ON b.text_hash = p.second_hash
WHERE p.task = $task AND p.split = $split
ORDER BY least(p.first_hash, p.second_hash), greatest(p.first_hash, p.second_hash)
"""


class ScoredPairStore:
    """The scored pairs of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, name: str) -> TaskRow | None:
        """The latest revision of the task."""
        return read_task_row(self._database, name)

    def content(self, task: str) -> Content | None:
        """What the task is made of so far."""
        return read_content(self._database, task)

    def scored_pairs(self, task: str) -> list[ScoredPair]:
        """Those of the task, in order of their hashes."""
        with self._database.read() as connection:
            rows = connection.execute(_PAIRS, [task]).fetchall()
        return [ScoredPair(*row) for row in rows]

    def known_texts(self) -> KnownTexts:
        """The texts of the scored pairs of all tasks."""
        return read_known_texts(self._database, "scored_texts")


def read_scored(database: Database, task: str, split: Split = "train") -> ScoredTexts | None:
    """The scored pairs of a split; None where the task has no scored pairs.

    Groups hold what the task has of them, texts of dev and test too.
    """
    if read_content(database, task) != "scored pairs":
        return None
    with database.read() as connection:
        asked = {"task": task, "split": split, "protected_by": more_protected(split)}
        rows = connection.execute(_TEXT_PAIRS, asked).fetchall()
    pairs = [_text_pair(row) for row in rows]
    return ScoredTexts(pairs, groups(read_near(database, "scored_texts", task)))


def _text_pair(row: Sequence[Any]) -> TextPair:
    """A row of `_TEXT_PAIRS`."""
    score, language, source, line, *texts = row
    first, second = (
        ScoredText(Text(*text), language, source, line, is_protected)
        for *text, is_protected in (texts[:4], texts[4:])
    )
    return TextPair(first, second, score)
