"""Mine: rank every positive over the whole pool, keep the best hits, draw hard negatives.

What has been ranked is never ranked again, and no text is encoded twice. The draw follows the
decisions in force, so it is made anew by every run; a later decision makes `build-shards` draw
again from the same measurements.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.config.mine import draw_settings
from kalm_data.core.errors import InputError
from kalm_data.core.mining import DRAW, excluded, nothing_to
from kalm_data.core.records import Head, Judgement, Reject
from kalm_data.measures.draws import BLOCK, NOT_RANKED, DrawStore, read_ranked
from kalm_data.measures.negatives import draw_negatives, surroundings
from kalm_data.measures.ranker import DenseRanker, Engines, ranked_key
from kalm_data.measures.training_pool import training_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import Excluded, MiningExample, Ranked, RankedKey
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task
    from kalm_data.measures.negatives import Drawn

WIDE_SHARE = 0.05
"""Share of the pool beyond which a window's documents are nearly random (DESIGN terms)."""


@dataclass(frozen=True, slots=True)
class TaskMined:
    """Figures of one task. `short` counts examples with fewer negatives than wanted.

    `ranked` counts the examples ranked in this run, `cut` the texts that the encoder read in part
    while doing so (0 where nothing was left to rank).
    """

    task: str
    ranker: str
    pool_size: int
    examples: int
    ranked: int
    negatives: int
    given: int
    padding: int
    short: int
    cut: int


@dataclass(frozen=True, slots=True)
class MineResult:
    """Sums over the tasks; `encoded` counts the texts that were encoded in this run."""

    negatives: int
    short: int
    encoded: int
    cut: int
    tasks: tuple[TaskMined, ...]


def mine(
    store: DrawStore, run: Run, engines: Engines, tasks: Sequence[Task], config: MineConfig
) -> MineResult:
    """Rank what is not ranked yet and draw negatives; one unit an example.

    Raises InputError for tasks that are not searched (classification, clustering), and where no
    task has an example with a positive.
    """
    for task in tasks:
        if not task.is_ranked:
            message = f"task {task.name}: a {task.type} task has no ranks. Leave it out of mine."
            raise InputError(message)
    run.record_input(f"encoder {engines.encoder.name}", engines.encoder.fingerprint)
    before = engines.vectors.encoded
    mined = tuple(_mine_task(store, run, engines, task, config) for task in tasks)
    if not any(task.examples for task in mined):
        raise InputError(nothing_to("mine", tasks))
    return MineResult(
        negatives=sum(task.negatives for task in mined),
        short=sum(task.short for task in mined),
        encoded=engines.vectors.encoded - before,
        cut=sum(task.cut for task in mined),
        tasks=mined,
    )


def _mine_task(
    store: DrawStore, run: Run, engines: Engines, task: Task, config: MineConfig
) -> TaskMined:
    pool, examples = store.pool(task), store.mining_examples(task.name)
    run.plan(len(examples))
    if examples:
        _warn_of_a_small_pool(run, task.name, len(pool), config.window)
    else:
        run.warn(f"task {task.name}: no training example with a positive; nothing to mine")
    ranker = DenseRanker(run, engines, task, pool, config.stored_depth)
    training = training_pool(pool, ranker.index, frozenset(store.dropped(task.name)))
    around = surroundings(training, config)
    figures: Counter[str] = Counter()
    for start in range(0, len(examples), BLOCK):
        block = examples[start : start + BLOCK]
        own = [excluded(pool, ranker.index, example.positives) for example in block]
        ranked = read_ranked(store, ranker.id, ranker.basis, config.stored_depth, block)
        ranked |= ranker.rank(
            [pair for pair in zip(block, own, strict=True) if _needs(*pair, ranker.index, ranked)]
        )
        drawn = [
            draw_negatives(around, *pair, ranked.get(ranked_key(*pair), NOT_RANKED))
            for pair in zip(block, own, strict=True)
        ]
        figures.update(_store_draw(run, ranker, config, block, drawn))
    if examples:
        run.append([_head(run, ranker, task.name, config)])
    return TaskMined(
        task=task.name,
        ranker=ranker.id,
        pool_size=len(pool),
        examples=len(examples),
        ranked=ranker.ranked,
        cut=ranker.cut,
        **{name: figures[name] for name in ("negatives", "given", "padding", "short")},
    )


def _warn_of_a_small_pool(run: Run, task: str, pool_size: int, window: tuple[int, int]) -> None:
    first, last = window
    if last > WIDE_SHARE * pool_size:
        run.warn(
            f"task {task}: ranks {first}-{last} reach beyond {WIDE_SHARE:.0%} of its pool of "
            f"{pool_size} documents; negatives from there are nearly random. "
            "Choose a narrower window with --ranks."
        )


def _needs(
    example: MiningExample,
    own: Excluded,
    index: dict[str, int],
    ranked: dict[RankedKey, Ranked],
) -> bool:
    """Whether the example can be ranked, and has not been."""
    in_pool = any(text_hash in index for text_hash in example.positives)
    return in_pool and ranked_key(example, own) not in ranked


def _store_draw(
    run: Run,
    ranker: DenseRanker,
    config: MineConfig,
    block: Sequence[MiningExample],
    drawn: Sequence[Drawn],
) -> dict[str, int]:
    """Append the draw of a block, count each example as kept or rejected."""
    run.append(
        [
            Judgement(
                one.example_id, negative.text_hash, "negative", "miner", run.run_id,
                ranker=ranker.id, rank=negative.rank, score=negative.score,
                positive_score=one.positive_score, padding=negative.padding,
            )
            for one in drawn
            for negative in one.negatives
        ]
    )  # fmt: skip
    pairs = list(zip(block, drawn, strict=True))
    run.reject([_reject(run, example, one) for example, one in pairs if one.refusal])
    kept = [one for one in drawn if not one.refusal]
    run.keep(len(kept))
    negatives = [negative for one in kept for negative in one.negatives]
    return {
        "negatives": len(negatives),
        "given": sum(negative.given for negative in negatives),
        "padding": sum(negative.padding for negative in negatives),
        "short": sum(one.is_short(config.negatives) for one in kept),
    }


def _reject(run: Run, example: MiningExample, drawn: Drawn) -> Reject:
    numbers = json.dumps({"positives": len(example.positives)}, sort_keys=True)
    return Reject(
        run.run_id, "mine", drawn.refusal, example.example_id, numbers, example.source,
        example.line, example.query,
    )  # fmt: skip


def _head(run: Run, ranker: DenseRanker, task: str, config: MineConfig) -> Head:
    settings = draw_settings(config, ranker.id)
    return Head("draw", task, DRAW, run.sequence, settings, ranker.basis, run.run_id)
