"""Labelled texts: what imports ask of them, and what a training set is drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.labelled import ClassText, ClassTexts
from kalm_data.core.records import LabelledText, Text, more_protected
from kalm_data.workspace.known_texts import read_known_texts, read_near
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.tasks import read_content, read_task_row

if TYPE_CHECKING:
    from kalm_data.core.arrivals import Content
    from kalm_data.core.records import Split, TaskRow
    from kalm_data.core.splits import KnownTexts
    from kalm_data.workspace.database import Database

_LABELS = f"SELECT {TABLES[LabelledText].names} FROM labels WHERE task = ? ORDER BY text_hash"

_CLASS_TEXTS = """
SELECT t.text_hash, t.norm_hash, t.text, l.label, l.language, l.source, l.line,
    t.norm_hash IN (
        SELECT norm_hash FROM asked_queries WHERE list_contains($protected_by, split)
    )
FROM labels l JOIN texts t USING (text_hash)
WHERE l.task = $task AND l.split = $split
ORDER BY t.text_hash
"""


class LabelStore:
    """The labelled texts of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, name: str) -> TaskRow | None:
        """The latest revision of the task."""
        return read_task_row(self._database, name)

    def content(self, task: str) -> Content | None:
        """What the task is made of so far."""
        return read_content(self._database, task)

    def labels(self, task: str) -> dict[str, LabelledText]:
        """Those of the task, by text hash, in its order."""
        with self._database.read() as connection:
            rows = connection.execute(_LABELS, [task]).fetchall()
        found = (LabelledText(*row) for row in rows)
        return {one.text_hash: one for one in found}

    def known_texts(self) -> KnownTexts:
        """The labelled texts of all tasks."""
        return read_known_texts(self._database, "labels")


def read_class_texts(database: Database, task: str, split: Split = "train") -> ClassTexts | None:
    """The labelled texts of a split; None where the task has no labels."""
    if read_content(database, task) != "labels":
        return None
    with database.read() as connection:
        asked = {"task": task, "split": split, "protected_by": more_protected(split)}
        rows = connection.execute(_CLASS_TEXTS, asked).fetchall()
    texts = [ClassText(Text(*row[:3]), *row[3:]) for row in rows]
    return ClassTexts(texts, read_near(database, "labels", task))
