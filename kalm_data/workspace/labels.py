"""Labelled texts: what imports ask of them, and what a training set is drawn from."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from kalm_data.core.labelled import ClassText, ClassTexts
from kalm_data.core.near_duplicates import groups
from kalm_data.core.records import SPLITS, LabelledText, Text
from kalm_data.core.splits import KnownTexts
from kalm_data.workspace.documents import DocumentStore

if TYPE_CHECKING:
    from kalm_data.core.records import TaskRow
    from kalm_data.workspace.database import Database

_TEXTS = """
SELECT text_hash, norm_hash, text FROM texts
WHERE text_hash IN (SELECT text_hash FROM labels)
ORDER BY text_hash
"""

_SPLITS = f"""
SELECT text_hash, max(list_position({list(SPLITS)}, split)) FROM labels
GROUP BY text_hash ORDER BY text_hash
"""

_EDGES = """
SELECT "first", "second" FROM near_duplicates
WHERE "first" IN (SELECT text_hash FROM labels) AND "second" IN (SELECT text_hash FROM labels)
ORDER BY 1, 2
"""

_CLASS_TEXTS = """
SELECT t.text_hash, t.norm_hash, t.text, l.label, l.language, l.source, l.line,
    t.norm_hash IN (SELECT norm_hash FROM asked_queries WHERE split <> 'train')
FROM labels l JOIN texts t USING (text_hash)
WHERE l.task = ? AND l.split = 'train'
ORDER BY t.text_hash
"""

_EDGES_OF_TASK = """
SELECT "first", "second"
FROM near_duplicates
JOIN labels one ON one.text_hash = "first" AND one.task = $task
JOIN labels other ON other.text_hash = "second" AND other.task = $task
ORDER BY 1, 2
"""


class LabelStore:
    """The labelled texts of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, name: str) -> TaskRow | None:
        """The latest revision of the task."""
        return DocumentStore(self._database).task(name)

    def has_examples(self, task: str) -> bool:
        with self._database.read() as connection:
            found = connection.execute("SELECT 1 FROM examples WHERE task = ? LIMIT 1", [task])
            return bool(found.fetchall())

    def labels(self, task: str) -> dict[str, LabelledText]:
        """Those of the task, by text hash, in its order."""
        columns = ", ".join(f'"{field.name}"' for field in fields(LabelledText))
        query = f"SELECT {columns} FROM labels WHERE task = ? ORDER BY text_hash"
        with self._database.read() as connection:
            rows = connection.execute(query, [task]).fetchall()
        found = (LabelledText(*row) for row in rows)
        return {one.text_hash: one for one in found}

    def known_texts(self) -> KnownTexts:
        """The labelled texts of all tasks: what had a split keeps it."""
        with self._database.read() as connection:
            texts = connection.execute(_TEXTS).fetchall()
            splits = connection.execute(_SPLITS).fetchall()
            edges = connection.execute(_EDGES).fetchall()
        return KnownTexts(
            texts=[Text(*row) for row in texts],
            splits={text_hash: SPLITS[place - 1] for text_hash, place in splits},
            edges=edges,
        )


def read_class_texts(database: Database, task: str) -> ClassTexts | None:
    """The labelled texts of the train split; None where the task has no labels.

    Groups hold what the task has of them, texts of dev and test too.
    """
    if not DocumentStore(database).has_labels(task):
        return None
    with database.read() as connection:
        rows = connection.execute(_CLASS_TEXTS, [task]).fetchall()
        edges = connection.execute(_EDGES_OF_TASK, {"task": task}).fetchall()
    return ClassTexts([ClassText(Text(*row[:3]), *row[3:]) for row in rows], groups(edges))
