from __future__ import annotations

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import CoSENTLoss

from kalm_data.trainer.losses.cosent import cosent


def drawn(seed: int, count: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn(2, count, 6, generator=generator)
    scores = torch.randint(0, 5, (count,), generator=generator) / 4  # some are equal
    return vectors.requires_grad_(), scores


@pytest.mark.parametrize("seed", range(3))
def test_equals_cosent_loss_of_the_same_pairs(seed: int):
    vectors, scores = drawn(seed)
    cosines = torch.cosine_similarity(vectors[0], vectors[1])
    ours = cosent(cosines, scores, torch.zeros(12), 20)
    theirs = CoSENTLoss(torch.nn.Identity(), scale=20).compute_loss_from_embeddings(
        list(vectors), scores
    )
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    slopes = [torch.autograd.grad(loss, vectors, retain_graph=True)[0] for loss in (ours, theirs)]
    assert torch.allclose(*slopes, atol=1e-5)


def test_scores_of_two_tasks_are_not_compared():
    tasks = torch.tensor([0, 1])
    loss = cosent(torch.tensor([0.9, 0.1]), torch.tensor([0.0, 1.0]), tasks, 20)
    assert loss.item() == 0
