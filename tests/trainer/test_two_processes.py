from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from composed_batch import as_row, feed
from sentence_transformers import SentenceTransformer
from torch import multiprocessing
from two_processes import save_gradients

from kalm_data.core.config.training.loss import LossSettings
from kalm_data.trainer.objective import ContrastiveLoss

if TYPE_CHECKING:
    from pathlib import Path

    from two_processes import Gradients

    from kalm_data.trainer.rows import Row
    from tests.trainer.conftest import MakeRow

SETTINGS = [
    LossSettings(),
    LossSettings(same_tower=True, mix="both", focal_gamma=0.5, mask_margin=0.1),
    LossSettings(matryoshka=(8, 32), memory_gb=1e-9),
]
APART = LossSettings(cross_device=False)


@pytest.fixture(scope="module")
def rows(make_row: MakeRow) -> list[Row]:
    """Seven rows: one positive stands in two of them, and two take none from the batch."""
    made = [
        make_row("red cat", ["red fish"], ["dog", "moon boat river"]),
        make_row("green", ["bird tree house"], ["stone", "cloud"]),
        make_row("star", ["sun moon star boat"], ["red fish"]),
        make_row("blue sun", ["red fish", "river"], ["cat dog"]),
        make_row("house", ["stone house"], ["tree", "bird"], in_batch=False),
        make_row("boat", ["river boat"], ["cloud cloud"], in_batch=False),
        make_row("tree", ["green tree"], []),
    ]
    return [as_row(one) for one in made]


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, rows: list[Row]
) -> list[list[Gradients]]:
    """Of two processes, for each of the settings and for APART."""
    folder = tmp_path_factory.mktemp("processes")
    given = (2, folder, tiny_model, rows, [*SETTINGS, APART])
    multiprocessing.spawn(save_gradients, given, nprocs=2)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


def alone(model_path: Path, rows: list[Row], settings: LossSettings) -> Gradients:
    model = SentenceTransformer(str(model_path), device="cpu").eval()
    fed = feed(model, rows, settings)
    value = ContrastiveLoss(model, settings)(fed.features, fed.targets)
    value.backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return float(value.detach()), found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Unlike one process, DDP gives a parameter without a gradient one of zeros."""
    none = torch.zeros(())
    return all(
        torch.allclose(one.get(name, none), other.get(name, none), atol=1e-5)
        for name in one.keys() | other.keys()
    )


@pytest.mark.parametrize("which", range(len(SETTINGS)))
def test_two_processes_give_loss_and_gradients_of_one(
    tiny_model: Path, rows: list[Row], found: list[list[Gradients]], which: int
):
    loss, gradients = alone(tiny_model, rows, SETTINGS[which])
    for process in found:
        assert process[which][0] == pytest.approx(loss, abs=1e-5)
        assert same(process[which][1], gradients)


def test_without_cross_device_each_process_tells_its_own_rows_apart(
    tiny_model: Path, rows: list[Row], found: list[list[Gradients]]
):
    first, second = (alone(tiny_model, rows[rank::2], APART)[1] for rank in (0, 1))
    expected = {name: (4 * first[name] + 3 * second[name]) / 7 for name in first}
    assert all(same(process[-1][1], expected) for process in found)
    assert not same(expected, alone(tiny_model, rows, APART)[1])
