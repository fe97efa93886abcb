from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.imports import (
    ImportDocumentsConfig,
    ImportPairsConfig,
    NamedTask,
    import_documents,
    import_pairs,
    import_tasks,
)
from kalm_data.core.config.gates import Gates
from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task
from kalm_data.workspace.database import Database
from kalm_data.workspace.documents import DocumentStore

if TYPE_CHECKING:
    from pathlib import Path

TASKS = """
[[task]]
name = "faq"
instruction = "Find it."
documents = ["docs.jsonl"]
pairs = [{ source = "pairs.jsonl", pos_id = "doc" }]

[[task]]
name = "later"
"""


def task(workspace: Path, name: str) -> Task:
    held = DocumentStore(Database(workspace)).task(name)
    return Task.model_validate_json(held.definition)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs.jsonl").write_text('{"id": "d1", "text": "one"}\n{"id": "d2", "text": ""}\n')
    (tmp_path / "pairs.jsonl").write_text('{"query": "q", "doc": "d1"}\n')
    (tmp_path / "tasks.toml").write_text(TASKS)
    return tmp_path


def test_type_and_instruction_change_a_task_and_are_remembered(folder: Path):
    workspace, config = folder / "w", ImportDocumentsConfig()
    sources = [str(folder / "docs.jsonl")]
    import_documents(
        workspace, sources, NamedTask(task="faq", type="sts", task_instruction="Find it."), config
    )
    import_documents(workspace, sources, NamedTask(task="faq"), config)
    assert (task(workspace, "faq").type, task(workspace, "faq").instruction) == ("sts", "Find it.")


def test_a_gate_on_rejects_is_reported(folder: Path):
    outcome = import_documents(
        folder / "w", [str(folder / "docs.jsonl")], NamedTask(task="faq"),
        ImportDocumentsConfig(),
        gates=Gates(max_reject_rate=0.1),
    )  # fmt: skip
    assert outcome.run.rejected == {"empty_text": 1}
    assert outcome.missed == ("rejected 0.5000, --max-reject-rate 0.1",)


def test_a_file_of_tasks_runs_documents_before_pairs_and_again_changes_nothing(folder: Path):
    workspace = folder / "w"
    outcome = import_tasks(workspace, folder / "tasks.toml")
    assert (outcome.run.planned, outcome.run.kept) == (3, 2)
    assert outcome.run.rejected == {"empty_text": 1}
    assert outcome.result.tasks == ("faq", "later")
    assert [each.result.collection for each in outcome.result.imports] == ["faq", "faq"]
    assert task(workspace, "later").type == "retrieval"
    again = import_tasks(workspace, folder / "tasks.toml")
    assert again.result.imports[1].result.new_examples == 0
    with Database(workspace).read() as connection:
        assert connection.execute("SELECT max(revision) FROM tasks").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        ("none.jsonl", "faq", "none.jsonl: no such file or folder"),
        ("pairs.jsonl", "a b", "'a b' is no task name"),
        ("docs.jsonl", "faq", "no column for --query"),
    ],
)
def test_what_a_user_can_mend_is_an_input_error(folder: Path, source: str, name: str, said: str):
    with pytest.raises(InputError, match=said):
        import_pairs(
            folder / "w", [str(folder / source)], NamedTask(task=name), ImportPairsConfig()
        )


def test_the_function_loads_no_heavy_library_before_it_is_called():
    code = (
        "import sys, json, kalm_data.api.imports; "
        "print(json.dumps([m for m in sys.argv[1:] if m in sys.modules]))"
    )
    heavy = ["torch", "transformers", "datasets", "duckdb", "numpy", "pyarrow", "tokenizers"]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, check=True, text=True
    )
    assert json.loads(done.stdout) == []
