"""What the rows of a shard set are made from, beside the texts that the workspace holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.mining import excluded
from kalm_data.measures.negatives import Drawn, Negative
from kalm_data.measures.training_pool import standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.mining import MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task
    from kalm_data.measures.training_pool import TrainingPool


@dataclass(frozen=True, slots=True)
class TaskRows:
    """The rows of one task, one for each of `drawn`, which names no example twice.

    `ranker` and `basis` name the rankings that give the positives their scores; empty where
    nothing was ranked. `groups` has the group (DESIGN terms) of each text that is not alone in
    its own, by hash. `labelled` are the texts of a task of labels, whose queries they are: it has
    neither examples nor a pool.
    """

    task: Task
    ranker: str
    basis: str
    drawn: Sequence[Drawn]
    pool: Pool
    groups: Mapping[str, str]
    labelled: ClassTexts | None = None


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
