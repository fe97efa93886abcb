"""Workspaces of many rows, made up in the database rather than imported."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from kalm_data.api.imports import import_documents
from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.tasks import NamedTask
from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DOCUMENTS = 2_000

_ASK = """
CREATE TEMP TABLE numbered AS
SELECT row_number() OVER (ORDER BY text_hash) - 1 AS place, text_hash
FROM documents WHERE collection = $task;
CREATE TEMP TABLE asked AS
SELECT i, md5($task || 'e' || i) AS example_id, md5($task || 'q' || i) AS query_hash
FROM range($rows) t(i);
INSERT INTO texts
SELECT query_hash, query_hash, 'which case of ' || $task || ' has number ' || i FROM asked;
INSERT INTO examples
SELECT example_id, $task, query_hash, '', 'en', 'train', 'import', '', '', i, '0003-import'
FROM asked;
INSERT INTO judgements
SELECT example_id, text_hash, CASE k WHEN 0 THEN 'positive' ELSE 'negative' END,
    'import', '0003-import', '', '', 0, 0, 0, false
FROM asked, range(4) u(k) JOIN numbered ON place = (i * 7919 + k * 104729) % $documents;
DROP TABLE asked;
DROP TABLE numbered
"""
"""Examples of one positive and three given negatives, as an import would have left them."""


def ask_rows(folder: Path, rows_of: Mapping[str, int]) -> Path:
    """A workspace of tasks, each with a pool and so many rows of its own."""
    workspace, words = folder / "w", random.Random(0)
    for task in rows_of:
        file = folder / f"{task}.jsonl"
        rows = ({"id": f"d{i}", "text": _text(words)} for i in range(DOCUMENTS))
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        config = ImportDocumentsConfig(as_split="train")
        import_documents(workspace, [str(file)], NamedTask(task=task), config)
    with Database(workspace).write() as connection:
        for task, count in rows_of.items():
            given: dict[str, Any] = {"task": task, "rows": count, "documents": DOCUMENTS}
            for statement in _ASK.strip().split(";\n"):
                named = {name: value for name, value in given.items() if f"${name}" in statement}
                connection.execute(statement, named)
    return workspace


def _text(words: random.Random) -> str:
    return " ".join(f"w{words.randrange(10_000)}" for _ in range(60))
