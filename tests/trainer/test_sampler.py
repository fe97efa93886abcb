from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from accelerate import skip_first_batches
from scored_sets import add_pairs, cut_row_groups

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.manifest import read_manifest
from kalm_data.trainer.batches import plan_run
from kalm_data.trainer.rows import Row, ScoredRow, TrainingRows, read_rows
from kalm_data.trainer.sampler import RunSampler, make_loader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, WriteSet

    Batches = list[list[Any]]

ROW_BYTES = 400
"""Of a row of the sets below, about."""


@pytest.fixture
def folder(write_set: WriteSet, make_row: MakeRow) -> Path:
    """Two tasks of 24 rows, and 10 scored pairs, in row groups of 4."""
    rows = [
        make_row(f"{task} {n}", [f"p {task} {n}"], [f"n {n}"], task=task)
        for task in ("one", "two") for n in range(24)
    ]  # fmt: skip
    folder = write_set(rows)
    cut_row_groups(folder, 4)
    add_pairs(folder, "two", [(f"a {n}", f"b {n}", n / 10) for n in range(10)])
    return folder


@pytest.fixture
def load(folder: Path) -> Callable[..., tuple[TrainingRows, Batches]]:
    """The batches of two epochs as a collator gets them, and what they were read from.

    `first` are skipped as the training loop does it.
    """

    def fetch(memory: float = float("inf"), first: int = 0) -> tuple[TrainingRows, Batches]:
        rows = read_rows(folder, read_manifest(folder), memory, scored=True)
        settings = TrainConfig(
            model="m", batch_size=6, epochs=2, rows_memory_gb=min(memory, 2**40) / 2**30
        )
        plan = plan_run(rows.columns, settings, ["one", "two"])
        loader = make_loader(rows, RunSampler(plan, len(plan), first), list)
        return rows, list(skip_first_batches(loader, first))

    return fetch


def test_a_batch_is_of_rows_with_their_draws_or_of_scored_pairs(
    load: Callable[..., tuple[TrainingRows, Batches]],
):
    _, batches = load()
    pairs = [batch for batch in batches if isinstance(batch[0], ScoredRow)]
    assert [len(batch) for batch in pairs] == [5, 5] * 2
    assert all(isinstance(pair, ScoredRow) for batch in pairs for pair in batch)
    for row, slot in (given for batch in batches if batch not in pairs for given in batch):
        assert isinstance(row, Row) and slot.positive == 0 and 0 <= slot.key < 2**64
    assert batches.index(pairs[0]) > 0 or batches.index(pairs[1]) > 1  # dealt among the others


@pytest.mark.parametrize("row_groups", [1, 3, 100])
def test_a_set_larger_than_memory_gives_each_row_once_an_epoch_and_holds_few_row_groups(
    load: Callable[..., tuple[TrainingRows, Batches]], row_groups: int
):
    limit = row_groups * 4 * ROW_BYTES * 1.5
    rows, batches = load(limit)
    told = [
        given.first if isinstance(given, ScoredRow) else given[0].query
        for batch in batches
        for given in batch
    ]
    every = {f"{task} {n}" for task in ("one", "two") for n in range(24)} | {
        f"a {n}" for n in range(10)
    }
    assert set(told[:58]) == set(told[58:]) == every and len(told) == 116
    assert rows.kept.most <= max(limit, max(rows.columns.sizes))
    assert (len(rows.kept) < len(rows.columns.sizes)) == (row_groups < 100)


@pytest.mark.parametrize("row_groups", [1, 3, 100])
@pytest.mark.parametrize("first", [0, 1, 7, 19])
def test_a_run_that_starts_later_fetches_what_an_undisturbed_one_does_and_no_more(
    load: Callable[..., tuple[TrainingRows, Batches]],
    monkeypatch: pytest.MonkeyPatch,
    row_groups: int,
    first: int,
):
    limit = row_groups * 4 * ROW_BYTES * 1.5
    _, whole = load(limit)
    fetched: list[int] = []
    read, pairs = TrainingRows.rows, TrainingRows.pairs
    monkeypatch.setattr(
        TrainingRows, "rows", lambda self, places: fetched.append(1) or read(self, places)
    )
    monkeypatch.setattr(
        TrainingRows, "pairs", lambda self, places: fetched.append(1) or pairs(self, places)
    )
    _, later = load(limit, first=first)
    assert later == whole[first:]
    assert len(fetched) == len(later)
