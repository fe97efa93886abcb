from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from composed_batch import as_row, feed, feed_batch, gradients, loss_of
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CoSENTLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)
from torch.nn.functional import cross_entropy, normalize

from kalm_data.core.config.training.loss import LossSettings
from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.trainer.objective import ContrastiveLoss
from kalm_data.trainer.rows import ScoredRow
from kalm_data.trainer.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.trainer.rows import Row
    from tests.trainer.conftest import MakeRow


TAU = 0.05
QUERIES = ["red", "blue fish", "sun"]
POSITIVES = ["red cat", "fish", "sun moon star"]
NEGATIVES = [["dog", "boat river", "stone"], ["green", "house tree", "cloud"]]


@pytest.fixture
def model(tiny_model: Path) -> SentenceTransformer:
    return SentenceTransformer(str(tiny_model), device="cpu").eval()


@pytest.fixture
def rows(make_row: MakeRow) -> list[Row]:
    """Three rows of six negatives in all."""
    negatives = zip(*NEGATIVES, strict=True)
    made = zip(QUERIES, POSITIVES, negatives, strict=True)
    return [as_row(make_row(query, [pos], list(neg))) for query, pos, neg in made]


def same_gradients(model: SentenceTransformer, one: torch.Tensor, other: torch.Tensor) -> None:
    pairs = zip(gradients(model, one), gradients(model, other), strict=True)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)


def peers_loss(model: SentenceTransformer, **given: object) -> torch.Tensor:
    """sentence-transformers' loss of the same rows."""
    texts = [QUERIES, POSITIVES, *NEGATIVES]
    loss = MultipleNegativesRankingLoss(model, scale=1 / TAU, **given)
    found: torch.Tensor = loss([dict(model.preprocess(one)) for one in texts], None)
    return found


def test_equals_multiple_negatives_ranking_loss(model: SentenceTransformer, rows: list[Row]):
    ours, theirs = loss_of(model, rows), peers_loss(model)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    same_gradients(model, ours, theirs)


def test_same_tower_equals_multiple_negatives_ranking_loss_of_all_directions(
    model: SentenceTransformer, rows: list[Row]
):
    ours = loss_of(model, rows, same_tower=True)
    directions = ("query_to_doc", "query_to_query", "doc_to_doc")
    theirs = peers_loss(model, directions=directions, partition_mode="joint")
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    same_gradients(model, ours, theirs)


def test_matryoshka_equals_matryoshka_loss(model: SentenceTransformer, rows: list[Row]):
    texts = [dict(model.preprocess(one)) for one in [QUERIES, POSITIVES, *NEGATIVES]]
    plain = MultipleNegativesRankingLoss(model, scale=1 / TAU)
    theirs = MatryoshkaLoss(model, plain, [32, 8, 4], [1, 0.5, 0.25])(texts, None)
    ours = loss_of(model, rows, matryoshka=(4, 32, 8), matryoshka_weights=(0.25, 1, 0.5))
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    same_gradients(model, ours, theirs)


def test_a_matryoshka_of_the_whole_is_the_plain_loss_to_the_bit(
    model: SentenceTransformer, rows: list[Row]
):
    assert loss_of(model, rows, matryoshka=(32,)).equal(loss_of(model, rows))


def test_a_dimension_that_the_model_does_not_have_is_refused(
    model: SentenceTransformer, rows: list[Row]
):
    with pytest.raises(InputError, match="--matryoshka 64: the model's vectors have 32 dim"):
        loss_of(model, rows, matryoshka=(8, 64))


def test_without_options_it_is_plain_info_nce_to_the_bit(
    model: SentenceTransformer, rows: list[Row]
):
    settings = LossSettings(temperature=TAU, focal_gamma=0.0, mix="none")
    fed = feed(model, rows, settings)
    of = fed.targets.of
    embedded = torch.cat([model(dict(part))["sentence_embedding"] for part in fed.features])
    vectors = normalize(embedded[fed.targets.layout.order], dim=-1)
    scores = vectors[of.queries] @ vectors[of.documents].T
    plain = cross_entropy(scores.masked_fill(~of.counted, -math.inf) / TAU, of.positives)
    ours = ContrastiveLoss(model, settings)(fed.features, fed.targets)
    assert ours.equal(plain)
    pairs = zip(gradients(model, ours), gradients(model, plain), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def slow_loss(
    model: SentenceTransformer, rows: list[Row], extra: Callable[[int, torch.Tensor], list[float]]
) -> float:
    """Of rows whose documents are all distinct, one score after the other; `extra` adds to each."""
    texts = [text for row in rows for text in (*row.pos, *row.neg)]
    vectors = dict(zip(texts, model.encode(texts, normalize_embeddings=True), strict=True))
    total = 0.0
    for place, row in enumerate(rows):
        query = torch.tensor(model.encode(row.query, normalize_embeddings=True))
        scores = {text: float(query @ torch.tensor(vectors[text])) for text in texts}
        terms = [math.exp(score / TAU) for score in [*scores.values(), *extra(place, query)]]
        total -= math.log(math.exp(scores[row.pos[0]] / TAU) / math.fsum(terms))
    return total / len(rows)


def test_equals_the_plain_formula(model: SentenceTransformer, rows: list[Row]):
    expected = slow_loss(model, rows, lambda row, query: [])
    assert loss_of(model, rows).item() == pytest.approx(expected, abs=1e-5)


def test_a_list_mixture_is_one_more_negative_of_its_query_alone(
    model: SentenceTransformer, rows: list[Row]
):
    def mixture(row: int, query: torch.Tensor) -> list[float]:
        negatives = torch.tensor(model.encode(rows[row].neg, normalize_embeddings=True))
        weights = torch.softmax(negatives @ query / TAU, 0)
        return [float(normalize(weights @ negatives, dim=0) @ query)]

    expected = slow_loss(model, rows, mixture)
    assert loss_of(model, rows, mix="list").item() == pytest.approx(expected, abs=1e-5)


def test_pair_mixtures_only_add_to_the_loss_and_repeat(model: SentenceTransformer, rows: list[Row]):
    plain = loss_of(model, rows).item()
    one, three = (loss_of(model, rows, mix="pair", mix_negatives=count).item() for count in (1, 3))
    assert plain < one < three
    assert loss_of(model, rows, mix="pair", mix_negatives=3).item() == three
    assert loss_of(model, rows, mix="both").item() > one


def test_rows_without_two_negatives_are_not_mixed(model: SentenceTransformer, make_row: MakeRow):
    rows = [as_row(make_row("red", ["red cat"], ["dog"])), as_row(make_row("sun", ["moon"], []))]
    assert loss_of(model, rows, mix="both").item() == pytest.approx(loss_of(model, rows).item())


def test_a_document_above_the_positive_by_more_than_the_margin_does_not_count(
    model: SentenceTransformer, rows: list[Row]
):
    """With no margin at all, only what is no nearer than the positive stays."""
    texts = [text for row in rows for text in (*row.pos, *row.neg)]
    vectors = torch.tensor(model.encode(texts, normalize_embeddings=True))
    queries = torch.tensor(model.encode(QUERIES, normalize_embeddings=True))
    scores = queries @ vectors.T
    positives = torch.tensor([0, 3, 6])
    limit = scores.gather(1, positives[:, None])
    expected = cross_entropy(scores.masked_fill(scores > limit, -math.inf) / TAU, positives)
    assert (scores > limit).any()
    assert loss_of(model, rows, mask_margin=0).item() == pytest.approx(expected.item(), abs=1e-5)
    assert loss_of(model, rows, mask_margin=2).equal(loss_of(model, rows))


def test_focal_weights_lower_the_loss(model: SentenceTransformer, rows: list[Row]):
    losses = [loss_of(model, rows, focal_gamma=gamma).item() for gamma in (0, 0.5, 2)]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("option", [{}, {"same_tower": True, "mix": "both", "focal_gamma": 0.5}])
def test_the_cut_into_parts_does_not_change_the_gradients(
    model: SentenceTransformer, rows: list[Row], option: dict[str, object]
):
    settings = LossSettings.model_validate(option)
    losses = []
    for tokens in (4, 1000):
        fed = feed(model, rows, settings, part_tokens=tokens)
        losses.append(ContrastiveLoss(model, settings)(fed.features, fed.targets))
    same_gradients(model, *losses)


def test_targets_move_with_all_their_tensors(model: SentenceTransformer, rows: list[Row]):
    targets = feed(model, rows, LossSettings(same_tower=True)).targets.to("meta")
    assert isinstance(targets, Targets)
    assert targets.layout.order.is_meta
    assert targets.of.counted.is_meta
    assert targets.of.same_tower is not None
    assert targets.of.same_tower.peers.is_meta


def test_scored_pairs_equal_cosent_loss(model: SentenceTransformer):
    texts = [("red", "red cat"), ("blue fish", "sun"), ("moon star", "star"), ("red", "green")]
    scores = [0.8, 0.1, 0.6, 0.3]
    pairs = [ScoredRow("t", *two, one, "", True) for two, one in zip(texts, scores, strict=True)]
    settings = LossSettings(scored_weight=0.5, scored_scale=10)
    fed = feed_batch(model, pairs, settings)
    ours = ContrastiveLoss(model, settings)(fed.features, fed.targets)
    sides = [dict(model.preprocess(list(side))) for side in zip(*texts, strict=True)]
    theirs = 0.5 * CoSENTLoss(model, scale=10)(sides, torch.tensor(scores))
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    same_gradients(model, ours, theirs)


def taught(rows: list[Row]) -> list[Row]:
    """The first and the last with a teacher's scores."""
    scores = {0: ([0.9], [0.5, 0.2]), 2: ([0.6], [0.8, None])}
    return [
        replace(row, pos_scores=scores[i][0], neg_scores=scores[i][1]) if i in scores else row
        for i, row in enumerate(rows)
    ]


def test_distillation_follows_the_scores_of_the_rows_that_have_some(
    model: SentenceTransformer, rows: list[Row]
):
    plain = loss_of(model, taught(rows)).item()
    found = loss_of(model, taught(rows), distill_weight=2, distill_temperature=0.2).item()
    kept = [(0, [0.9, 0.5, 0.2], [0, 1, 2]), (2, [0.6, 0.8], [0, 1])]
    expected = 0.0
    for place, scores, columns in kept:
        own = [rows[place].pos[0], *rows[place].neg]
        vectors = torch.tensor(model.encode(own, normalize_embeddings=True))
        query = torch.tensor(model.encode(rows[place].query, normalize_embeddings=True))
        student = torch.log_softmax((vectors @ query)[columns] / TAU, 0)
        teacher = torch.log_softmax(torch.tensor(scores) / 0.2, 0)
        expected += float((teacher.exp() * (teacher - student)).sum()) / 3
    assert found == pytest.approx(plain + 2 * expected, abs=1e-5)


def test_without_weight_a_teachers_scores_change_no_bit(
    model: SentenceTransformer, rows: list[Row]
):
    assert loss_of(model, taught(rows), distill_weight=0).equal(loss_of(model, rows))


class Self:
    """A teacher that is the model itself, doubled in width, which changes no cosine."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        self.asked += texts
        found = self._model.encode(list(texts), convert_to_tensor=True)
        return 3 * torch.cat([found, found], dim=1)


def test_a_teacher_is_followed_over_all_documents_that_count(
    model: SentenceTransformer, rows: list[Row]
):
    """Scored by itself, at another temperature, the model has a divergence that can be told."""
    settings = LossSettings(temperature=TAU, distill_weight=1, distill_temperature=0.2)
    rows = [replace(rows[0], in_batch=False), *rows[1:]]
    template = resolve_templates(Task(name="t", query_template="boat {query}"))
    fed = feed(model, taught(rows), settings, teacher={"t": template})
    teacher = Self(model)
    found = ContrastiveLoss(model, settings, teacher)(fed.features, fed.targets)
    plain = loss_of(model, rows).item()
    documents = [text for row in rows for text in (*row.pos, *row.neg)]
    vectors = torch.tensor(model.encode(documents, normalize_embeddings=True))
    expected = 0.0
    for place, row in enumerate(rows):
        queries = [row.query, f"boat {row.query}"]
        ours, theirs = torch.tensor(model.encode(queries, normalize_embeddings=True)) @ vectors.T
        columns = [0, 1, 2] if place == 0 else list(range(3, 9))
        student = torch.log_softmax(ours[columns] / TAU, 0)
        teaching = torch.log_softmax(theirs[columns] / 0.2, 0)
        expected += float((teaching.exp() * (teaching - student)).sum()) / 3
    assert found.item() == pytest.approx(plain + expected, abs=1e-5)
    assert len(teacher.asked) == len(set(teacher.asked)) == 12
