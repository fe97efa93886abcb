from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.imports import (
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportStsConfig,
)
from kalm_data.core.errors import InputError
from kalm_data.core.task_file import DeclaredImport, read_task_file

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
[[task]]
name = "faq"
type = "short-long"
instruction = "Find the answer."
documents = ["docs", "hf:wiki"]
pairs = [{ source = "faq.csv", query = "{subject}\\\\n{body}", as_split = "train" }]

[[task]]
name = "law"
collections = ["statutes"]
weight = 2

[[task.documents]]
source = "/abs/statutes.jsonl"
sync = true

[[task.pairs]]
source = "questions.jsonl"
collection = "answers"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tasks.toml"


def test_a_task_of_labels_has_no_in_batch_negatives_and_no_pool_of_its_sources(file: Path):
    file.write_text('[[task]]\nname = "a"\ntype = "clustering"\nlabels = ["a.csv"]\n')
    (declared,) = read_task_file(file)
    assert (declared.task.in_batch, declared.task.collections) == (False, ())
    assert declared.imports == (DeclaredImport(str(file.parent / "a.csv"), ImportLabelsConfig()),)


def test_a_task_of_scored_pairs_has_no_pool_of_its_sources(file: Path):
    file.write_text('[[task]]\nname = "a"\ntype = "sts"\nsts = [{source = "a", scale = "0-5"}]\n')
    (declared,) = read_task_file(file)
    assert (declared.task.in_batch, declared.task.collections) == (True, ())
    config = ImportStsConfig(scale="0-5")
    assert declared.imports == (DeclaredImport(str(file.parent / "a"), config),)


def test_tasks_come_with_their_sources_relative_to_the_file(file: Path):
    file.write_text(FILE)
    faq, law = read_task_file(file)
    assert (faq.task.name, faq.task.type, faq.task.instruction) == (
        "faq",
        "short-long",
        "Find the answer.",
    )
    assert faq.imports == (
        DeclaredImport(str(file.parent / "docs"), ImportDocumentsConfig()),
        DeclaredImport("hf:wiki", ImportDocumentsConfig()),
        DeclaredImport(
            str(file.parent / "faq.csv"),
            ImportPairsConfig(query="{subject}\\n{body}", as_split="train"),
        ),
    )
    assert law.task.weight == 2
    assert law.imports[0].source == "/abs/statutes.jsonl"


def test_the_pool_of_a_task_holds_the_collections_of_its_imports(file: Path):
    file.write_text(FILE)
    faq, law = read_task_file(file)
    assert faq.task.pool == ("faq",)
    assert law.task.pool == ("statutes", "answers")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[task]", "no valid TOML: .* line 1"),
        ("", "task: is missing"),
        ("task = []", "task: .* at least 1"),
        ('[[task]]\nname = "a b"', r":2: task\[1\].name: .*is no task name"),
        ('[[task]]\nname = "a"\nweigth = 2', r":3: task\[1\].weigth: unknown key; is weight meant"),
        ('[[task]]\nname = "a"\npairs = [{ source = "x", qury = "q" }]',
         r":3: task\[1\].pairs\[1\].qury: unknown key; is query meant"),
        ('[[task]]\nname = "a"\npairs = [{ query = "q" }]', r"pairs\[1\].source: is missing"),
        ('[[task]]\nname = "a"\nweight = -1', r":3: task\[1\].weight: .*given: -1"),
        ('[[task]]\nname = "a"\n[[task]]\nname = "a"', 'task "a" is declared twice'),
        ('[[task]]\nname = "a"\ndocuments = [7]',
         r":3: task\[1\].documents\[1\]: not a path or a table with the key source \(given: 7"),
        ('[[task]]\nname = "a"\npairs = 7', r"task\[1\].pairs: .*given: 7"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_key(file: Path, text: str, said: str):
    file.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_task_file(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path):
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    for name in ("none.toml", "", "latin.toml"):
        with pytest.raises(InputError, match=r"cannot be read|not UTF-8"):
            read_task_file(tmp_path / name)
