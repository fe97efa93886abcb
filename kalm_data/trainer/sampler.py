"""Feeds planned batches to the trainer's loop: sampler, data set and loader."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.utils.data import DataLoader, Dataset, Sampler

from kalm_data.trainer.batches import NO_BATCH, PlannedBatch
from kalm_data.trainer.columns import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kalm_data.trainer.batches import RunPlan
    from kalm_data.trainer.rows import Row, ScoredRow, TrainingRows

    Fetched = list[tuple[Row, "Slot"]] | list[ScoredRow]
    """What a collator gets: rows with what is drawn of them, or scored pairs."""


class Slot(NamedTuple):
    """A row, which of its positives is drawn, and the key that draws its negatives."""

    row: int
    positive: int
    key: int


class RunSampler(Sampler[PlannedBatch]):
    """The batches of a run up to before step `steps`, for a loop that skips the first `skipped`.

    A loop that goes on from a checkpoint asks for all batches and drops those that it had before:
    in their place stand empty ones, which nothing has to plan. To the loop the whole run is one
    epoch: real epochs may differ in their number of steps.
    """

    def __init__(self, plan: RunPlan, steps: int, skipped: int = 0) -> None:
        self._plan = plan
        self._steps = steps
        self._skipped = skipped

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[PlannedBatch]:
        yield from repeat(NO_BATCH, self._skipped)
        yield from self._plan.batches(self._skipped, self._steps)


class SlotRows(Dataset[tuple["Row", Slot]]):
    """Fetches the rows of a batch at once."""

    def __init__(self, rows: TrainingRows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitems__(self, batch: PlannedBatch) -> Fetched:
        if batch.kind is Kind.SCORED:
            return self._rows.pairs(batch.rows)
        drawn = zip(batch.rows.tolist(), batch.positives.tolist(), batch.keys.tolist(), strict=True)
        return list(zip(self._rows.rows(batch.rows), map(Slot._make, drawn), strict=True))


def make_loader(
    rows: TrainingRows, sampler: RunSampler, collator: Callable[[Any], dict[str, Any]]
) -> DataLoader[Any]:
    batches: Any = sampler  # torch would have lists of numbers, but hands on what it is given
    return DataLoader(SlotRows(rows), batch_sampler=batches, collate_fn=collator)
