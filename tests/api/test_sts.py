from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.api.evaluate import EvalConfig, evaluate
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import (
    ImportDocumentsConfig,
    ImportPairsConfig,
    ImportStsConfig,
    NamedStsTask,
    NamedTask,
    import_documents,
    import_pairs,
    import_sts,
    import_tasks,
)
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.status import status
from kalm_data.api.synth import ModelConfig, SynthConfig, synth
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NO_DOCUMENTS = "task stsb: it has scored pairs, and no queries that documents answer"
LEFT_OUT = "tasks of labels or scored pairs are left out: stsb"
NOWHERE = ModelConfig(base_url="http://localhost:1")
BM25 = MineConfig(ranker="bm25", ranks="1-2")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """One task of scored pairs."""
    (tmp_path / "s.tsv").write_text(
        "sentence1\tsentence2\tscore\nhigh tide\tthe flood\t4.5\nhigh tide\trye bread\t0\n"
    )
    config = ImportStsConfig(as_split="train", scale="0-5")
    sources = [str(tmp_path / "s.tsv")]
    outcome = import_sts(tmp_path / "w", sources, NamedStsTask(task="stsb"), config)
    assert (outcome.run.kept, outcome.result.new_pairs) == (2, 2)
    return tmp_path / "w"


@pytest.fixture
def mixed(workspace: Path, tmp_path: Path) -> Path:
    """And one of pairs."""
    (tmp_path / "p.csv").write_text("query,positive\nwhen is high tide,tide tables say when\n")
    pairs = ImportPairsConfig(as_split="train", language="en")
    import_pairs(workspace, [str(tmp_path / "p.csv")], NamedTask(task="pairs"), pairs)
    return workspace


def test_status_counts_scored_pairs(workspace: Path):
    (state,) = status(workspace).tasks
    assert (state.task, state.type, state.examples) == ("stsb", "sts", {"train": 2})


def test_commands_on_documents_leave_scored_pairs_out_with_a_word(mixed: Path):
    mined = mine(mixed, [], BM25)
    assert [task.task for task in mined.result.tasks] == ["pairs"]
    kept = filter_positives(mixed, [], FilterConfig(top_k=1))
    assert [task.task for task in kept.result.tasks] == ["pairs"]
    written = synth(mixed, [], SynthConfig())
    assert [task.task for task in written.result.tasks] == ["pairs"]
    assert all(LEFT_OUT in one.run.warnings for one in (mined, kept, written))


def test_commands_on_documents_refuse_a_task_of_scored_pairs_by_name(mixed: Path):
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        mine(mixed, ["pairs", "stsb"], BM25)
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        filter_positives(mixed, ["stsb"], FilterConfig(top_k=1))
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        synth(mixed, ["stsb"], SynthConfig())
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        synth(mixed, ["stsb"], SynthConfig(type="sts", engine="openai", model="m"), NOWHERE)
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        evaluate(mixed, "stsb", "no-model", EvalConfig())


def test_a_workspace_of_scored_pairs_alone_has_nothing_to_mine(workspace: Path):
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        mine(workspace, [], BM25)
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        filter_positives(workspace, [], FilterConfig(top_k=1))


def test_documents_beside_scored_pairs_change_nothing_about_them(workspace: Path, tmp_path: Path):
    (tmp_path / "d.jsonl").write_text('{"text": "a document"}\n')
    config = ImportDocumentsConfig(tokenizer="none")
    import_documents(workspace, [str(tmp_path / "d.jsonl")], NamedTask(task="stsb"), config)
    with pytest.raises(InputError, match=NO_DOCUMENTS):
        synth(workspace, ["stsb"], SynthConfig())


def test_a_task_of_another_type_is_named_with_the_remedy(tmp_path: Path):
    (tmp_path / "d.jsonl").write_text('{"text": "a document"}\n')
    (tmp_path / "s.csv").write_text("text1,text2,score\na,b,1\n")
    documents = ImportDocumentsConfig(tokenizer="none")
    import_documents(tmp_path / "w", [str(tmp_path / "d.jsonl")], NamedTask(task="d"), documents)
    sources, config = [str(tmp_path / "s.csv")], ImportStsConfig()
    with pytest.raises(
        InputError, match=r"a task of type retrieval has no scored pairs\. .*--type"
    ):
        import_sts(tmp_path / "w", sources, NamedStsTask(task="d"), config)
    import_sts(tmp_path / "w", sources, NamedStsTask(task="d", type="sts"), config)


def test_a_file_of_tasks_brings_scored_pairs_and_again_changes_nothing(tmp_path: Path):
    (tmp_path / "s.csv").write_text("text1,text2,score\na b,c d,5\ne f,g h,1\n")
    (tmp_path / "tasks.toml").write_text(
        '[[task]]\nname = "stsb"\ntype = "sts"\n'
        'sts = [{ source = "s.csv", scale = "0-5", as_split = "train" }]\n'
    )
    for new in (2, 0):
        outcome = import_tasks(tmp_path / "w", tmp_path / "tasks.toml")
        assert (outcome.run.kept, outcome.result.imports[0].result.new_pairs) == (2, new)
