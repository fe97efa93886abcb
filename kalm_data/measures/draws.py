"""The hard negatives of a whole task, drawn from what the workspace stores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.config.mine import mine_command
from kalm_data.core.errors import StaleMeasurement
from kalm_data.core.mining import Ranked, excluded, hits_basis, ranking_basis, stale_line
from kalm_data.measures.blocks import Block
from kalm_data.measures.drawing import draw_block
from kalm_data.measures.surroundings import surroundings
from kalm_data.measures.training_pool import training_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.config.mine import DrawSettings, MineConfig
    from kalm_data.core.mining import Hits, Measured, MiningExample, RankedKey
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task
    from kalm_data.measures.drawn_block import DrawnBlock
    from kalm_data.measures.training_pool import TrainingPool

BLOCK = 8192
"""Examples whose measurements are in memory at one time."""


class MeasuredStore(Protocol):
    """Reads the examples of a task and what `mine` measured of them."""

    def pool(self, task: Task) -> Pool: ...

    def mining_examples(self, task: str) -> list[MiningExample]:
        """Those of the train split that have a positive, in order of id."""
        ...

    def example_blocks(self, task: str, size: int) -> Iterator[list[MiningExample]]:
        """The same, at most `size` at a time."""
        ...

    def measured(
        self, ranker: str, basis: str, first: str, last: str
    ) -> dict[RankedKey, dict[str, Measured]]:
        """Of the examples from id `first` to id `last`."""
        ...

    def hits(self, ranker: str, hits_basis: str, first: str, last: str) -> dict[RankedKey, Hits]:
        """Of the examples from id `first` to id `last`."""
        ...

    def mine_config(self, task: str, ranker: str) -> MineConfig:
        """The settings with which the task was last mined by this ranker."""
        ...


class DrawStore(MeasuredStore, Protocol):
    """What a draw reads of the workspace."""

    def dropped(self, task: str) -> set[tuple[str, str]]: ...

    def dropped_by(self, task: str) -> Mapping[str, set[tuple[str, str]]]:
        """Rule → (example id, text hash) of what it drops."""
        ...


def read_pool_and_examples(store: MeasuredStore, task: Task) -> tuple[Pool, list[MiningExample]]:
    """Both at once: while DuckDB reads the one, the other is made of what it read."""
    with ThreadPoolExecutor(1) as reader:
        pool = reader.submit(store.pool, task)
        examples = store.mining_examples(task.name)
    return pool.result(), examples


def read_ranked(
    store: DrawStore, ranker: str, basis: str, depth: int, block: Sequence[MiningExample]
) -> dict[RankedKey, Ranked]:
    """What is stored of a block of examples, which are in order of id.

    Hits are read by halves at once: DuckDB reads rows that lie together with one thread.
    """
    ids, listed = [example.example_id for example in block], hits_basis(basis, depth)
    middle = (len(ids) + 1) // 2
    with ThreadPoolExecutor(2) as reader:
        halves = [
            reader.submit(store.hits, ranker, listed, half[0], half[-1])
            for half in (ids[:middle], ids[middle:])
            if half
        ]
        measured = store.measured(ranker, basis, ids[0], ids[-1])
    hits = (one for half in halves for one in half.result().items())
    return {key: Ranked(measured[key], found) for key, found in hits if key in measured}


def read_training(
    store: DrawStore, task: Task, barred: Mapping[str, str] | None = None
) -> TrainingPool:
    """The pool of a task and what was dropped of it, as the workspace has them now."""
    pool = store.pool(task)
    return training_pool(pool, pool.index(), frozenset(store.dropped(task.name)), barred)


def draw_blocks(
    store: DrawStore, task: Task, settings: DrawSettings, training: TrainingPool
) -> Iterator[DrawnBlock]:
    """The negatives of the examples of a task, in order of id, from what is stored.

    Raises StaleMeasurement where an example was not ranked as it and its pool are now.
    """
    pool, index, config = training.pool, training.index, settings.config
    basis, around = ranking_basis(pool, task), surroundings(training, settings)
    for asked in store.example_blocks(task.name, BLOCK):
        stored = {
            id_: read_ranked(store, id_, basis, config.stored_depth, asked)
            for id_ in settings.measured
        }
        pairs = [(example, excluded(pool, index, example.positives)) for example in asked]
        block = Block.of(pairs, stored)
        _refuse_stale(block, index, task, config)
        yield draw_block(around, block)


def _refuse_stale(block: Block, index: Mapping[str, int], task: Task, config: MineConfig) -> None:
    for ranker in block.ranked:
        for example, ranked in zip(block.examples, block.found_by(ranker), strict=True):
            if ranked is None and any(h in index for h in example.positives):
                what = stale_line(task.name, ranker, example.query)
                raise StaleMeasurement(what, [mine_command(task.name, config)])
