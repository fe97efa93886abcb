"""mteb evaluates a model on an exported task, and agrees with a measure worked out by hand."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tiny_encoder import save_encoder

from kalm_data.api.evaluate import EvalConfig, evaluate
from kalm_data.api.export import ExportConfig, export
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.core.errors import InputError
from kalm_data.engines.mteb_tasks import load_mteb_tasks

if TYPE_CHECKING:
    from pathlib import Path

mteb = pytest.importorskip("mteb", reason="needs mteb: pip install mteb")
WORDS = ["river", "stone", "bread", "paper", "glass", "wind"]

pytestmark = pytest.mark.slow


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    rows = [
        {"query": f"{one} {other}", "pos": f"{other} {one} {one} paper", "title": one}
        for one in WORDS
        for other in WORDS
        if one != other
    ]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    config = ImportPairsConfig(as_split="test", title="title")
    task = NamedTask(task="t", task_instruction="Find it.")
    import_pairs(tmp_path / "w", [str(file)], task, config)
    export(tmp_path / "w", tmp_path / "out", ["t"], ExportConfig(format="beir", split=("test",)))
    return tmp_path / "out"


def task_of(folder: Path) -> Any:  # noqa: ANN401 - a class made here
    """A retrieval task of mteb whose data set is the folder, read by mteb's own loader."""
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Exported(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name="Exported", description="", reference=None, type="Retrieval", category="t2t",
            modalities=["text"], eval_splits=["test"], eval_langs=["eng-Latn"],
            main_score="ndcg_at_10", date=None, domains=None, task_subtypes=None, license=None,
            annotations_creators=None, dialect=None, sample_creation=None, bibtex_citation=None,
            dataset={"path": str(folder), "revision": "local"},
        )  # fmt: skip

    return Exported()


def ndcg_by_hand(folder: Path, model: Any) -> float:  # noqa: ANN401
    """The mean over queries that have one relevant document each; titles before texts."""
    corpus, queries, qrels = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.jsonl")
    )
    relevant = {line["query-id"]: line["corpus-id"] for line in qrels}
    texts = [f"{one['title']} {one['text']}".strip() for one in corpus]
    documents = model.encode(texts, normalize_embeddings=True)
    asked = model.encode([one["text"] for one in queries], normalize_embeddings=True)
    gains = []
    for one, vector in zip(queries, asked, strict=True):
        scores = documents @ vector
        gold = next(
            i for i, document in enumerate(corpus) if document["_id"] == relevant[one["_id"]]
        )
        rank = 1 + int((scores > scores[gold]).sum())
        gains.append(1 / math.log2(1 + rank) if rank <= 10 else 0.0)
    return sum(gains) / len(gains)


def test_an_exported_task_is_evaluated(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("MTEB_CACHE", str(tmp_path / "mteb"))
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    model = SentenceTransformer(str(save_encoder(tiny, WORDS)), device="cpu")
    found = mteb.evaluate(model, tasks=[task_of(exported)], cache=None, overwrite_strategy="always")
    (scores,) = found.task_results[0].scores["test"]
    assert scores["main_score"] == pytest.approx(ndcg_by_hand(exported, model), abs=1e-4)


def test_eval_runs_a_task_of_mteb_by_its_name(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setitem(
        sys.modules["mteb.get_tasks"]._TASKS_REGISTRY, "Exported", lambda: task_of(exported)
    )
    for name in ("plain", "prompted"):
        (tmp_path / name).mkdir()
    plain, prompted = (save_encoder(tmp_path / name, WORDS) for name in ("plain", "prompted"))
    model = SentenceTransformer(str(prompted), device="cpu")
    model.prompts = {"query": "paper glass wind ", "document": ""}
    model.save(str(prompted))
    config = EvalConfig(resamples=100, verbatim_words=5, mteb=("Exported",))
    result = evaluate(tmp_path / "w", "t", str(prompted), config, against=str(plain)).result.mteb[
        "Exported"
    ]
    by_hand = SentenceTransformer(str(plain), device="cpu")
    assert result.measure == "ndcg_at_10"
    assert result.base == pytest.approx(ndcg_by_hand(exported, by_hand), abs=1e-4)
    assert result.score != result.base  # the saved prompt was written before the queries
    assert result.difference == result.score - result.base


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NoSuchTask", r"--mteb NoSuchTask: mteb .* has no such task"),
        ("SciFact", r"--mteb SciFact: its data set mteb/scifact is neither in the local cache"),
    ],
)
def test_a_task_that_cannot_be_had_is_one_line(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(InputError, match=expected) as found:
        load_mteb_tasks([name])
    assert "\n" not in str(found.value)
