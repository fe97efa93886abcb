"""What the rows of a shard set are made from, beside the texts that the workspace holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kalm_data.core.mining import excluded
from kalm_data.measures.negatives import Drawn, Negative
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task
    from kalm_data.measures.training_pool import TrainingPool


RowKind = Literal["train", "dev"]
"""Rows to train on, and rows to evaluate on while training."""


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query that is a text of a task of labels or scores, not an example of the workspace."""

    text_hash: str
    language: str
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class TaskRows:
    """What all rows of one task share.

    `ranker` and `basis` name the rankings that give the positives their scores; empty where
    nothing was ranked. `groups` has the group (DESIGN terms) of each text that is not alone in
    its own, by hash. `queries` has the query of each example, by its id, of a task that has neither
    examples nor a pool; else None.
    """

    task: Task
    ranker: str
    basis: str
    pool: Pool
    groups: Mapping[str, str]
    queries: Mapping[str, QueryText] | None = None


@dataclass(frozen=True, slots=True)
class HeldExample:
    """An example of the dev split, with the text hashes of the positives that stayed."""

    example_id: str
    query: str
    source: str
    line: int
    positives: tuple[str, ...]


def given_negatives(training: TrainingPool, examples: Sequence[MiningExample]) -> Iterator[Drawn]:
    """The negatives that came with the data, for a task that nobody mined: without limits.

    They are documents of the pool and of the train split, and neither positives nor like one. An
    example without a positive that stays is refused, as `draw_negatives` does.
    """
    for example in examples:
        stayed = standing(training, example)
        given = () if stayed.refusal else tuple(_given(training, example))
        yield Drawn(example.example_id, stayed.positives, given, stayed.left_out, stayed.refusal)


def _given(training: TrainingPool, example: MiningExample) -> Iterator[Negative]:
    barred = excluded(training.pool, training.index, example.positives).places
    for text_hash in example.negatives:
        place = training.index.get(text_hash)
        if place is not None and training.trainable[place] and place not in barred:
            yield Negative(text_hash, 0, 0.0, given=True)
