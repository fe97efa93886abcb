from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from kalm_data.trainer.loop import ContrastiveLoss
from kalm_data.trainer.loss import info_nce, masked

if TYPE_CHECKING:
    from pathlib import Path

TAU = 0.05


def plain_info_nce(scores: list[list[float]], counted: list[list[bool]], positives: list[int]):
    """The formula, one query and one document after the other, in float64."""
    total = 0.0
    for row, counts, positive in zip(scores, counted, positives, strict=True):
        terms = [math.exp(s / TAU) for s, counting in zip(row, counts, strict=True) if counting]
        total -= math.log(math.exp(row[positive] / TAU) / math.fsum(terms))
    return total / len(scores)


def random_batch(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(5, 9, generator=generator, dtype=torch.float64) * 2 - 1
    counted = torch.rand(5, 9, generator=generator) < 0.7
    positives = torch.arange(5)
    counted[range(5), positives] = True
    return scores, counted, positives


@pytest.mark.parametrize("seed", range(5))
def test_values_and_gradients_equal_the_plain_formula(seed: int):
    scores, counted, positives = random_batch(seed)
    scores.requires_grad_()
    loss = info_nce(masked(scores, counted), positives, TAU)
    loss.backward()
    lists = (scores.tolist(), counted.tolist(), positives.tolist())
    assert loss.item() == pytest.approx(plain_info_nce(*lists), rel=1e-12)
    for q, p in ((0, 0), (0, 5), (3, 8), (4, 1)):
        slopes = []
        for step in (1e-6, -1e-6):
            moved = [list(row) for row in lists[0]]
            moved[q][p] += step
            slopes.append(plain_info_nce(moved, *lists[1:]))
        slope = (slopes[0] - slopes[1]) / 2e-6
        assert scores.grad is not None
        assert scores.grad[q, p].item() == pytest.approx(slope, abs=1e-6)


def test_a_query_with_nothing_but_its_positive_gives_no_loss_and_no_gradient():
    scores = torch.tensor([[0.3, 0.9]], requires_grad=True)
    loss = info_nce(masked(scores, torch.tensor([[True, False]])), torch.tensor([0]), TAU)
    loss.backward()
    assert loss.item() == 0
    assert scores.grad is not None
    assert scores.grad.tolist() == [[0, 0]]


def tokens(model: SentenceTransformer, texts: list[str]) -> dict[str, Any]:
    return dict(model.preprocess(texts))


def test_equals_multiple_negatives_ranking_loss_on_the_same_batch(tiny_model: Path):
    model = SentenceTransformer(str(tiny_model), device="cpu").eval()
    queries, positives = ["red", "blue fish", "sun"], ["red cat", "fish", "sun moon star"]
    negatives = ["dog", "boat river", "stone"]
    parts = [tokens(model, texts) for texts in (queries, positives, negatives)]
    reference = MultipleNegativesRankingLoss(model, scale=1 / TAU)(parts, None)
    expected = torch.autograd.grad(reference, list(model.parameters()), allow_unused=True)
    labels = {
        "queries": torch.arange(3), "documents": torch.arange(3, 9),
        "positives": torch.arange(3), "counted": torch.ones(3, 6, dtype=torch.bool),
    }  # fmt: skip
    ours = ContrastiveLoss(model, TAU, limit_bytes=1e9)(parts, labels)
    found = torch.autograd.grad(ours, list(model.parameters()), allow_unused=True)
    assert ours.item() == pytest.approx(reference.item(), abs=1e-5)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, atol=1e-5)
