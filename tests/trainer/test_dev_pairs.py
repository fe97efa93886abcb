from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import pytest
import torch
from scored_sets import add_dev_pairs
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from kalm_data.core.manifest import read_manifest
from kalm_data.core.templates import BARE
from kalm_data.trainer.dev_pairs import read_dev_pairs, spearman
from kalm_data.trainer.dev_rows import read_dev
from kalm_data.trainer.dev_scores import DevEvaluator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, ShardRow, Train, WriteSet

PAIRS = [
    ("red fish", "red bird", 0.8), ("blue tree", "blue tree house", 1.0), ("sun", "moon", 0.5),
    ("cat dog", "star boat", 0.0), ("green river", "green stone", 0.5), ("cloud", "sun", 0.2),
]  # fmt: skip


@pytest.fixture
def scored_set(write_set: WriteSet, toy_rows: list[ShardRow]) -> Path:
    shards = write_set(toy_rows)
    add_dev_pairs(shards, read_manifest(shards).tasks[0].task.name, PAIRS)
    return shards


def test_dev_pairs_are_judged_as_sentence_transformers_judges_them(
    scored_set: Path, tiny_model: Path
) -> None:
    model = SentenceTransformer(str(tiny_model), device="cpu")
    pairs = read_dev_pairs(scored_set, read_manifest(scored_set), 500)
    ours = DevEvaluator([], pairs, {pairs[0].task: BARE})(model)
    first, second, scores = zip(*PAIRS, strict=True)
    theirs = EmbeddingSimilarityEvaluator(
        list(first), list(second), list(scores), main_similarity="cosine", write_csv=False
    )(model)
    assert ours == dict.fromkeys(("dev_score", "dev_spearman"), ours["dev_spearman"])
    assert ours["dev_spearman"] == pytest.approx(theirs["spearman_cosine"], abs=1e-6)


def test_ranks_of_ties_lie_in_the_middle() -> None:
    one, other = torch.tensor([1.0, 2, 2, 4]), torch.tensor([10.0, 20, 30, 40])
    assert spearman(one, other) == pytest.approx(0.9486832980505138)
    assert spearman(one, -other) == pytest.approx(-0.9486832980505138)


def test_where_one_side_is_all_alike_nothing_is_ordered() -> None:
    assert spearman(torch.ones(3), torch.tensor([1.0, 2, 3])) == 0


def test_no_more_pairs_are_read_than_wanted(scored_set: Path) -> None:
    (dev,) = read_dev_pairs(scored_set, read_manifest(scored_set), 5)
    assert [(one.first, one.second, one.score) for one in dev.pairs] == PAIRS[:5]


def test_weights_are_chosen_by_the_mean_of_retrieval_and_pairs(
    write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow, train: Train, tmp_path: Path
) -> None:
    dev = [make_row(f"sun {i}", [f"sun moon {i}"], [f"cat stone {i}"]) for i in range(6)]
    shards = write_set(toy_rows, dev=dev)
    add_dev_pairs(shards, read_manifest(shards).tasks[0].task.name, PAIRS)
    assert read_dev(shards, read_manifest(shards), 500, 5000)
    fitted = train(shards, tmp_path / "out", evaluations=3, lr=1e-3, base_shares=(0.0, 0.5))
    for one in fitted.dev:
        parts = one.scores["dev_ndcg@10"], one.scores["dev_spearman"]
        assert one.scores["dev_score"] == pytest.approx(fmean(parts))
    best = max(fitted.dev[1:], key=lambda one: one.scores["dev_score"])
    assert fitted.best_step == best.step
    assert fitted.shares[0].score == pytest.approx(best.scores["dev_score"], abs=1e-6)
    assert "| step | dev_score | dev_ndcg@10 |" in (tmp_path / "out/README.md").read_text()


def test_pairs_alone_are_enough_to_choose_weights_by(
    scored_set: Path, train: Train, tmp_path: Path
) -> None:
    fitted = train(scored_set, tmp_path / "out", evaluations=2, lr=1e-3)
    assert fitted.best_step is not None
    assert set(fitted.dev[0].scores) == {"dev_score", "dev_spearman"}
