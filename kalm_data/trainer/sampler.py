"""Feeds planned batches to the trainer's loop: sampler, data set and loader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from torch.utils.data import DataLoader, Dataset, Sampler

from kalm_data.measures.scrambling import scrambled
from kalm_data.trainer.batches import choose_positives, plan_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kalm_data.trainer.rows import Row, TrainingRows


class Slot(NamedTuple):
    """A row, which of its positives is drawn, and the key that draws its negatives."""

    row: int
    positive: int
    key: int


class EpochSampler(Sampler[list[Slot]]):
    """The batches of one epoch after the other; the loop calls `set_epoch`."""

    def __init__(self, rows: TrainingRows, batch_size: int, seed: int) -> None:
        self._columns = rows.columns()
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._length = len(self.plan(0))

    def __len__(self) -> int:
        return self._length

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def plan(self, epoch: int) -> list[list[int]]:
        """The rows of each batch of an epoch."""
        batches = plan_batches(self._columns, self._batch_size, self._seed, epoch)
        return [batch.tolist() for batch in batches]

    def __iter__(self) -> Iterator[list[Slot]]:
        seed, epoch = self._seed, self._epoch
        positives = choose_positives(self._columns, seed, epoch)
        keys = scrambled(self._columns.keys, seed, "negatives", epoch)
        for batch in self.plan(epoch):
            yield [Slot(row, int(positives[row]), int(keys[row])) for row in batch]


class SlotRows(Dataset[tuple["Row", Slot]]):
    """Fetches the rows of a batch at once."""

    def __init__(self, rows: TrainingRows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitems__(self, slots: Sequence[Slot]) -> list[tuple[Row, Slot]]:
        return list(zip(self._rows.rows([slot.row for slot in slots]), slots, strict=True))


def make_loader(
    rows: TrainingRows,
    sampler: EpochSampler,
    collator: Callable[[Sequence[tuple[Row, Slot]]], dict[str, Any]],
) -> DataLoader[Any]:
    return DataLoader(SlotRows(rows), batch_sampler=sampler, collate_fn=collator)
