from __future__ import annotations

import math

import pytest
import torch

from kalm_data.trainer.losses.info_nce import focal_weights, info_nce, masked, within_margin

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


def test_gamma_weighs_each_loss_and_its_gradient_by_one_minus_p_to_its_power():
    scores, counted, positives = random_batch(7)
    scores.requires_grad_()
    info_nce(masked(scores, counted), positives, TAU, gamma=0.5).backward()
    expected = torch.zeros_like(scores)
    total = 0.0
    for q in range(5):
        alone = scores.detach()[q : q + 1].clone().requires_grad_()
        loss = info_nce(masked(alone, counted[q : q + 1]), positives[q : q + 1], TAU)
        loss.backward()
        weight = (1 - math.exp(-loss.item())) ** 0.5
        total += weight * loss.item() / 5
        assert alone.grad is not None
        expected[q] = weight * alone.grad[0] / 5
    found = info_nce(masked(scores, counted), positives, TAU, gamma=0.5)
    assert found.item() == pytest.approx(total, rel=1e-10)
    assert scores.grad is not None
    assert torch.allclose(scores.grad, expected, atol=1e-12)


def test_a_solved_query_gives_no_gradient_and_no_nan_under_gamma():
    scores = torch.tensor([[1.0, -1.0]], requires_grad=True)
    info_nce(scores, torch.tensor([0]), 0.001, gamma=0.5).backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [[0, 0]]


def test_gamma_zero_is_the_plain_loss_to_the_bit():
    scores, counted, positives = random_batch(8)
    scores = masked(scores.float(), counted)
    plain = torch.nn.functional.cross_entropy(scores / TAU, positives)
    assert info_nce(scores, positives, TAU, gamma=0.0).equal(plain)
    assert focal_weights(torch.tensor([0.0, 1e-9, 3.0]), 0.0).tolist() == [1, 1, 1]


def test_the_margin_keeps_what_is_at_most_that_much_above_the_positive():
    scores = torch.tensor([[0.5, 0.5625, 0.625, 0.6875, -1.0]])
    near = within_margin(scores, scores[:, 0], 0.125)
    assert near.tolist() == [[True, True, True, False, True]]
