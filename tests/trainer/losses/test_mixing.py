from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from kalm_data.trainer.losses.mixing import list_mixtures, pair_mixtures

DOCUMENTS = normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), dim=1)
NEGATIVES = torch.tensor([[1, 2, 3], [4, 0, 0]])
USABLE = torch.tensor([[True, False, True], [True, False, False]])


def coordinates(mixture: torch.Tensor, columns: list[int]) -> list[float]:
    """How much of each of these documents is in the mixture, in shares."""
    solved = torch.linalg.lstsq(DOCUMENTS[columns].T, mixture[:, None]).solution[:, 0]
    assert torch.allclose(DOCUMENTS[columns].T @ solved, mixture, atol=1e-5)
    return (solved / solved.sum()).tolist()


def test_a_pair_is_of_two_different_usable_negatives_of_the_query():
    mixtures, real = pair_mixtures(DOCUMENTS, NEGATIVES, USABLE, 50, seed=1)
    assert mixtures.shape == (2, 50, 8)
    assert real.tolist() == [[True] * 50, [False] * 50]
    for mixture in mixtures[0]:
        assert mixture.norm().item() == pytest.approx(1)
        assert all(0 < share < 1 for share in coordinates(mixture, [1, 3]))


def test_shares_of_pairs_are_beta_2_2():
    mixtures, _ = pair_mixtures(DOCUMENTS, NEGATIVES, USABLE, 4000, seed=2)
    shares = torch.tensor([coordinates(mixture, [1, 3])[0] for mixture in mixtures[0]])
    grid = torch.linspace(0.05, 0.95, 19)
    expected = 3 * grid**2 - 2 * grid**3  # distribution function of Beta(2, 2)
    found = (shares[:, None] <= grid).float().mean(0)
    assert (found - expected).abs().max() < 1.63 / math.sqrt(4000)  # Kolmogorov, 1 %


def test_pairs_depend_on_the_seed_alone():
    torch.manual_seed(1)
    one, _ = pair_mixtures(DOCUMENTS, NEGATIVES, USABLE, 3, seed=1)
    torch.manual_seed(2)
    again, _ = pair_mixtures(DOCUMENTS, NEGATIVES, USABLE, 3, seed=1)
    other, _ = pair_mixtures(DOCUMENTS, NEGATIVES, USABLE, 3, seed=2)
    assert torch.equal(one, again)
    assert not torch.equal(one[0], other[0])


def test_a_single_negative_is_no_pair():
    mixtures, real = pair_mixtures(DOCUMENTS, NEGATIVES[:, :1], USABLE[:, :1], 2, seed=1)
    assert mixtures.shape == (2, 0, 8)
    assert real.shape == (2, 0)


def test_the_list_is_weighted_by_the_softmax_of_its_scores():
    scores = torch.tensor([[0.0, 0.3, 0.9, 0.1, 0.0, 0.0]]).expand(2, -1)
    mixtures, real = list_mixtures(DOCUMENTS, NEGATIVES, USABLE, scores, 0.1)
    assert real.tolist() == [[True], [False]]
    expected = normalize(math.exp(3) * DOCUMENTS[1] + math.exp(1) * DOCUMENTS[3], dim=0)
    assert torch.allclose(mixtures[0, 0], expected, atol=1e-6)
    assert mixtures.isfinite().all()
