"""Mine: rank every positive over the whole pool, keep the best hits, draw hard negatives.

What has been ranked is never ranked again, and no text is encoded twice. The draw follows the
decisions in force, so it is made anew by every run; a later decision makes `build-shards` draw
again from the same measurements.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.config.mine import DrawSettings
from kalm_data.core.errors import InputError
from kalm_data.core.mine_result import MineResult, TaskMined
from kalm_data.core.mining import DRAW, excluded, nothing_to
from kalm_data.core.record_columns import Coded, RecordColumns
from kalm_data.core.records import Head, Judgement, Reject
from kalm_data.measures.blocks import Block
from kalm_data.measures.drawing import draw_block
from kalm_data.measures.draws import BLOCK, DrawStore, read_pool_and_examples
from kalm_data.measures.labelled_draws import LabelledDraws
from kalm_data.measures.mining_report import MiningReport
from kalm_data.measures.ranking import Measurements, RankedPool
from kalm_data.measures.surroundings import surroundings
from kalm_data.measures.training_pool import training_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.protocols import Run
    from kalm_data.core.record_columns import Column
    from kalm_data.core.tasks import Task
    from kalm_data.measures.drawn_block import DrawnBlock
    from kalm_data.measures.ranking import Ranker

WIDE_SHARE = 0.05
"""Share of the pool beyond which a window's documents are nearly random (DESIGN terms)."""

RELABEL = "mine-relabel"
"""Stage under which rejects list hits that are to be judged again."""


@dataclass(frozen=True, slots=True)
class TaskRankers:
    """Who ranks one task: all of them, those that others need first; whose hits become negatives,
    and who judges the hits, by id.
    """

    all: tuple[Ranker, ...]
    drawn: tuple[str, ...]
    denoiser: str = ""


class MineStore(DrawStore, Protocol):
    """What mining reads of the workspace."""

    def labelled(self, task: str) -> ClassTexts | None:
        """The labelled texts of the train split; None where the task has no labels."""
        ...


class RankerMaker(Protocol):
    """Makes the rankers of each task; `encoded` counts the texts encoded so far."""

    @property
    def encoded(self) -> int: ...

    def make(self, over: RankedPool) -> TaskRankers: ...


def mine(
    store: MineStore, run: Run, maker: RankerMaker, tasks: Sequence[Task], config: MineConfig
) -> MineResult:
    """Rank what is not ranked yet and draw negatives; one unit an example, or a labelled text.

    Raises InputError for tasks of classification or clustering that have no labels, and where no
    task has an example with a positive.
    """
    stores = [_draws(store, task) for task in tasks]
    before = maker.encoded
    mined = tuple(
        _mine_task(draws, run, maker, task, config)
        for draws, task in zip(stores, tasks, strict=True)
    )
    if config.part:
        run.warn(
            f"part {config.part} is ranked, and no negatives are drawn. Bring all parts together "
            "with `kalm-data import rankings`, then mine without --part."
        )
    if not any(task.examples for task in mined):
        raise InputError(nothing_to("mine", tasks))
    return MineResult(
        negatives=sum(task.negatives for task in mined),
        short=sum(task.short for task in mined),
        encoded=maker.encoded - before,
        cut=sum(task.cut for task in mined),
        false_negatives=sum(task.false_negatives for task in mined),
        tasks=mined,
    )


def _draws(store: MineStore, task: Task) -> DrawStore:
    """What the draws of a task read."""
    labelled = store.labelled(task.name)
    if labelled is not None:
        return LabelledDraws(store, labelled)
    if not task.is_ranked:
        message = (
            f"task {task.name}: a {task.type} task is mined by its labels, and it has none. Bring "
            "them with `kalm-data import labels`, or leave the task out."
        )
        raise InputError(message)
    return store


def _mine_task(
    store: DrawStore, run: Run, maker: RankerMaker, task: Task, config: MineConfig
) -> TaskMined:
    pool, examples = read_pool_and_examples(store, task)
    if config.part is not None:
        examples = [one for one in examples if config.takes(one.example_id)]
    run.plan(len(examples))
    if examples:
        _warn_of_a_small_pool(run, task.name, len(pool), config.window)
    else:
        run.warn(f"task {task.name}: no training example with a positive; nothing to mine")
    over = RankedPool.of(task, pool)
    rankers = maker.make(over)
    settings = DrawSettings(config, rankers.drawn, rankers.denoiser)
    measurements = Measurements(store, run, over, rankers.all, config.stored_depth)
    training = training_pool(pool, over.index, frozenset(store.dropped(task.name)))
    around = surroundings(training, settings)
    report = MiningReport(over, examples, config)
    figures: Counter[str] = Counter()
    for start in range(0, len(examples), BLOCK):
        pairs = [
            (one, excluded(pool, over.index, one.positives))
            for one in examples[start : start + BLOCK]
        ]
        drawn = draw_block(around, Block.of(pairs, measurements.of(pairs)))
        report.see(drawn)
        figures.update(_store_draw(run, config, drawn))
    if examples and config.part is None:
        stored = settings.to_json()
        head = Head("draw", task.name, DRAW, run.sequence, stored, over.basis, run.run_id)
        run.hold(
            RecordColumns.of(head)
        )  # no head without its draw; a draw without head counts for nothing
    return TaskMined(
        task=task.name,
        rankers=rankers.drawn,
        pool_size=len(pool),
        examples=len(examples),
        ranked=measurements.ranked,
        cut=sum(ranker.cut for ranker in rankers.all),
        by_ranker=report.by_ranker,
        positives_elsewhere=report.positives_elsewhere,
        overlaps=report.overlaps(),
        gaps=report.gaps(),
        risks=report.risks(),
        **{
            name: figures[name]
            for name in ("negatives", "given", "padding", "short", "false_negatives")
        },
    )


def _warn_of_a_small_pool(run: Run, task: str, pool_size: int, window: tuple[int, int]) -> None:
    first, last = window
    if last > WIDE_SHARE * pool_size:
        run.warn(
            f"task {task}: ranks {first}-{last} reach beyond {WIDE_SHARE:.0%} of its pool of "
            f"{pool_size} documents; negatives from there are nearly random. "
            "Choose a narrower window with --ranks."
        )


def _store_draw(run: Run, config: MineConfig, drawn: DrawnBlock) -> dict[str, int]:
    """Store the draw of a block, unless it is a part's; count each example."""
    negatives = drawn.negatives
    if config.part is None:
        run.hold(_judgements(run, drawn))
    run.append(_to_relabel(run, drawn))
    rejects = _rejects(run, drawn)
    run.reject(rejects)
    run.keep(len(drawn.block) - len(rejects))
    found = negatives.select(~negatives.padding).counts(len(drawn.block))
    is_kept = np.array([not refusal for refusal in drawn.refusals], bool)
    return {
        "negatives": len(negatives),
        "given": int(negatives.given.sum()),
        "padding": int(negatives.padding.sum()),
        "short": int(np.count_nonzero(found[is_kept] < config.negatives)),
        "false_negatives": len(drawn.judged.documents),
    }


def _judgements(run: Run, drawn: DrawnBlock) -> RecordColumns:
    negatives, rankers = drawn.negatives, drawn.around.settings.rankers
    examples, text_hashes = drawn.block.examples, drawn.around.training.pool.text_hashes
    places, numbers = np.unique(negatives.places, return_inverse=True)
    differing: dict[str, Column] = {
        "example_id": Coded([example.example_id for example in examples], negatives.rows),
        "text_hash": Coded([text_hashes[place] for place in places.tolist()], numbers),
        "ranker": Coded(rankers, negatives.rankers),
        "rank": negatives.ranks,
        "score": negatives.scores,
        "positive_score": negatives.positive_scores,
        "padding": negatives.padding,
    }
    same = {"label": "negative", "origin": "miner", "origin_key": "", "run_id": run.run_id}
    return RecordColumns(Judgement, len(negatives), differing, same)


def _to_relabel(run: Run, drawn: DrawnBlock) -> list[Reject]:
    """What the denoiser took out; parts of rows are no units."""
    return [
        Reject(
            run.run_id, RELABEL, "false_negative", f"{example.example_id}:{one.text_hash}",
            json.dumps({"score": one.score, "positive_score": one.positive_score}),
            example.source, example.line, example.query,
        )
        for row, found in drawn.false_negatives().items()
        for example in (drawn.block.examples[row],)
        for one in found
    ]  # fmt: skip


def _rejects(run: Run, drawn: DrawnBlock) -> list[Reject]:
    """The examples that have no row."""
    return [
        Reject(
            run.run_id, "mine", refusal, example.example_id,
            json.dumps({"positives": len(example.positives)}, sort_keys=True),
            example.source, example.line, example.query,
        )
        for example, refusal in zip(drawn.block.examples, drawn.refusals, strict=True)
        if refusal
    ]  # fmt: skip
