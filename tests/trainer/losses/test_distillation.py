from __future__ import annotations

import math

import pytest
import torch

from kalm_data.trainer.losses.distillation import distillation

NAN = float("nan")


def softmax(scores: list[float], temperature: float) -> list[float]:
    terms = [math.exp(score / temperature) for score in scores]
    return [term / sum(terms) for term in terms]


def plain(scores: list[float], taught: list[float], tau: float, teacher_tau: float) -> float:
    teacher, student = softmax(taught, teacher_tau), softmax(scores, tau)
    return sum(t * math.log(t / s) for t, s in zip(teacher, student, strict=True))


def test_equals_the_plain_divergence_over_the_columns_with_scores():
    scores = torch.tensor([[0.7, 0.1, 0.4], [0.2, 0.9, 0.3]], dtype=torch.float64)
    taught = torch.tensor([[0.9, 0.5, 0.2], [0.8, NAN, 0.1]], dtype=torch.float64)
    expected = plain([0.7, 0.1, 0.4], [0.9, 0.5, 0.2], 0.1, 0.3)
    expected += plain([0.2, 0.3], [0.8, 0.1], 0.1, 0.3)
    assert distillation(scores, taught, 0.1, 0.3).item() == pytest.approx(expected / 2, rel=1e-12)


def test_a_query_without_scores_adds_nothing_and_gets_no_gradient():
    scores = torch.tensor([[0.7, 0.1], [0.2, 0.9], [0.5, 0.4]], requires_grad=True)
    taught = torch.tensor([[0.9, 0.5], [NAN, NAN], [0.3, NAN]])
    loss = distillation(scores, taught, 0.1, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(plain([0.7, 0.1], [0.9, 0.5], 0.1, 0.1) / 3, rel=1e-5)
    assert scores.grad is not None
    assert scores.grad[0].abs().min() > 0
    assert scores.grad[1:].tolist() == [[0, 0], [0, 0]]


def test_who_scores_as_the_teacher_does_has_nothing_to_learn():
    scores = torch.tensor([[0.7, 0.1, -0.4]], requires_grad=True)
    loss = distillation(scores, scores.detach(), 0.02, 0.02)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert scores.grad is not None
    assert scores.grad.abs().max() < 1e-5
