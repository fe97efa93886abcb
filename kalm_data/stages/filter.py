"""Filter: which positives stay, by the ranks that `mine` measured. Nothing is encoded.

Each positive is judged by itself: one good positive does not save a bad one. Run again with
another k, the rule replaces its own verdicts; those of other rules stand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.config.filter import DEFAULT_TOP_K
from kalm_data.core.config.mine import mine_command
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.mining import excluded, nothing_to, ranking_basis, stale_line
from kalm_data.core.records import Decision, Head, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.config.filter import FilterConfig
    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.mining import Measured, MiningExample, RankedKey
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task

RULE = "top-k"
SWEEP = (1, 2, 5, 10, 20, 50, 100)
_BLOCK = 8192


class FilterStore(Protocol):
    """What is read of the workspace."""

    def pool(self, task: Task) -> Pool: ...

    def mining_examples(self, task: str) -> list[MiningExample]:
        """Those of the train split that have a positive, in order of id."""
        ...

    def measured(
        self, ranker: str, basis: str, first: str, last: str
    ) -> dict[RankedKey, dict[str, Measured]]:
        """Of the examples from id `first` to id `last`."""
        ...

    def rankers(self, task: str) -> list[str]:
        """Who ranked the task, the latest first."""
        ...

    def mine_config(self, task: str, ranker: str) -> MineConfig:
        """The settings with which the task was last mined by this ranker."""
        ...


@dataclass(frozen=True, slots=True)
class SweepRow:
    """How many positives `k` would keep."""

    k: int
    kept: int


@dataclass(frozen=True, slots=True)
class TaskFiltered:
    """Figures of one task. `examples_lost` counts examples whose positives were all rejected."""

    task: str
    ranker: str
    top_k: int
    pool_size: int
    positives: int
    kept: int
    examples: int
    examples_lost: int
    sweep: tuple[SweepRow, ...]


@dataclass(frozen=True, slots=True)
class FilterResult:
    """The sweep over all tasks together, and each task's figures."""

    sweep: tuple[SweepRow, ...]
    tasks: tuple[TaskFiltered, ...]


@dataclass(frozen=True, slots=True)
class _Ranks:
    """The ranks by which a task is filtered."""

    task: str
    ranker: str
    top_k: int
    pool_size: int


def filter_positives(
    store: FilterStore, run: Run, tasks: Sequence[Task], config: FilterConfig
) -> FilterResult:
    """Keep the positives that rank among the first k; one unit a positive.

    Raises StaleMeasurement where an example was not ranked as it and its pool are now, and
    InputError for tasks that are not searched or that nobody ranked, and where no task has a
    positive.
    """
    filtered = tuple(_filter_task(store, run, task, config) for task in tasks)
    if not any(task.positives for task in filtered):
        raise InputError(nothing_to("filter", tasks))
    rows = zip(*(task.sweep for task in filtered), strict=True)
    sweep = tuple(SweepRow(row[0].k, sum(each.kept for each in row)) for row in rows)
    return FilterResult(sweep, filtered)


def _filter_task(store: FilterStore, run: Run, task: Task, config: FilterConfig) -> TaskFiltered:
    if not task.is_ranked:
        message = f"task {task.name}: a {task.type} task has no ranks. Leave it out of filter."
        raise InputError(message)
    examples, pool = store.mining_examples(task.name), store.pool(task)
    if not examples:
        run.warn(f"task {task.name}: no training example with a positive; nothing to filter")
    ranks = _Ranks(
        task.name,
        _choose_ranker(store, task.name, config.ranker) if examples else "",
        config.top_k or task.top_k or DEFAULT_TOP_K,
        len(pool),
    )
    run.plan(sum(len(example.positives) for example in examples))
    if examples and len(pool) < ranks.top_k:
        run.warn(
            f"task {task.name}: its pool holds {len(pool)} documents, fewer than "
            f"k = {ranks.top_k}; the rule keeps every positive that has evidence"
        )
    found: list[tuple[str, Measured | None]] = []
    for start in range(0, len(examples), _BLOCK):
        block = examples[start : start + _BLOCK]
        found += _judge_block(run, ranks, block, list(_look_up(store, task, ranks, pool, block)))
    basis, settings = ranking_basis(pool, task), {"ranker": ranks.ranker, "top_k": ranks.top_k}
    stored = json.dumps(settings, sort_keys=True)
    run.append([Head("rule", task.name, RULE, run.sequence, stored, basis, run.run_id)])
    return _figures(ranks, found, len(examples))


def _choose_ranker(store: FilterStore, task: str, wanted: str) -> str:
    rankers = store.rankers(task)
    for ranker in rankers:
        if not wanted or ranker == wanted or ranker.startswith(f"{wanted}@"):
            return ranker
    remedy = f"Run `kalm-data mine --task {task}`."
    if rankers:
        remedy = f"There are ranks by {', '.join(rankers)}."
    raise InputError(f"task {task}: no ranks{f' by {wanted}' if wanted else ''}. {remedy}")


def _look_up(
    store: FilterStore, task: Task, ranks: _Ranks, pool: Pool, block: Sequence[MiningExample]
) -> Iterator[list[tuple[str, Measured | None]]]:
    """For each example its positives with their ranks; None for those outside the pool."""
    index = pool.index()
    first, last = block[0].example_id, block[-1].example_id
    stored = store.measured(ranks.ranker, ranking_basis(pool, task), first, last)
    for example in block:
        own = excluded(pool, index, example.positives)
        measured = stored.get((example.example_id, own.positives), {})
        if any(h in index and h not in measured for h in example.positives):
            config = store.mine_config(task.name, ranks.ranker)
            what = stale_line(task.name, ranks.ranker, example.query)
            raise StaleMeasurement(what, [mine_command(task.name, config)])
        yield [(h, measured.get(h)) for h in example.positives]


def _judge_block(
    run: Run,
    ranks: _Ranks,
    block: Sequence[MiningExample],
    measured: Sequence[list[tuple[str, Measured | None]]],
) -> list[tuple[str, Measured | None]]:
    """Append the decisions of a block, count each positive; (example id, rank) of each."""
    decisions: list[Decision] = []
    rejects: list[Reject] = []
    for example, positives in zip(block, measured, strict=True):
        for text_hash, at in positives:
            decision = _decide(run, ranks, example, text_hash, at)
            decisions.append(decision)
            if decision.verdict == "drop":
                rejects.append(_reject(example, decision))
    run.append(decisions)
    run.reject(rejects)
    run.keep(len(decisions) - len(rejects))
    return [
        (example.example_id, at)
        for example, positives in zip(block, measured, strict=True)
        for _, at in positives
    ]


def _decide(
    run: Run, ranks: _Ranks, example: MiningExample, text_hash: str, at: Measured | None
) -> Decision:
    reason = _reason(at, ranks.top_k)
    numbers: dict[str, float] = {"k": ranks.top_k, "pool_size": ranks.pool_size}
    if at:
        numbers |= {"rank": at.rank, "score": at.score}
    return Decision(
        task=ranks.task,
        rule=RULE,
        example_id=example.example_id,
        text_hash=text_hash,
        verdict="drop" if reason else "keep",
        reason=reason,
        numbers=json.dumps(numbers, sort_keys=True),
        cause=ranks.ranker,
        run_id=run.run_id,
    )


def _reason(at: Measured | None, top_k: int) -> str:
    """Why a positive is dropped, or nothing."""
    if at is None:
        return "positive_not_in_pool"
    if at.no_evidence:
        return "no_evidence"
    return "rank" if at.rank > top_k else ""


def _reject(example: MiningExample, decision: Decision) -> Reject:
    return Reject(
        run_id=decision.run_id,
        stage="filter",
        reason=decision.reason,
        key=f"{example.example_id}:{decision.text_hash}",
        numbers=decision.numbers,
        source=example.source,
        line=example.line,
        text=example.query,
    )


def _figures(
    ranks: _Ranks, found: Sequence[tuple[str, Measured | None]], examples: int
) -> TaskFiltered:
    def kept(k: int) -> list[str]:
        return [example_id for example_id, at in found if not _reason(at, k)]

    left = kept(ranks.top_k)
    return TaskFiltered(
        task=ranks.task,
        ranker=ranks.ranker,
        top_k=ranks.top_k,
        pool_size=ranks.pool_size,
        positives=len(found),
        kept=len(left),
        examples=examples,
        examples_lost=examples - len(set(left)),
        sweep=tuple(SweepRow(k, len(kept(k))) for k in SWEEP),
    )
