"""Filter: which positives stay, by the ranks that `mine` measured and by what else the rules see.

Each positive is judged by itself: one good positive does not save a bad one. A rule run again
replaces its own verdicts; those of other rules stand, and all combine by AND. Nothing is encoded.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.by_hand import BY_HAND
from kalm_data.core.config.filter import (
    DEFAULT_TOP_K,
    RULES,
    FilterConfig,
    filter_command,
    rule_options,
)
from kalm_data.core.errors import InputError
from kalm_data.core.filter_result import FilterResult, SweepRow, TaskFiltered
from kalm_data.core.filtering import KEEP
from kalm_data.core.mining import nothing_to
from kalm_data.core.record_columns import RecordColumns
from kalm_data.core.records import Decision, Head, Reject
from kalm_data.measures.filter_rows import FilterStore, read_rows
from kalm_data.measures.rules.ranks import MinGap, MinScore, TopK
from kalm_data.measures.rules.repeats import Dedup, MaxPerPositive
from kalm_data.measures.rules.seen import BLIND_TO, seen_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.filter import RuleName
    from kalm_data.core.filter_labels import Labels
    from kalm_data.core.filtering import FilterRow, Rule, Verdict
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task
    from kalm_data.measures.filter_rows import TaskPositives
    from kalm_data.measures.rules.exclusion import Exclude
    from kalm_data.measures.rules.seen import Dropped

SWEEP = (1, 2, 5, 10, 20, 50, 100)
_ROWS_AT_ONCE = 32_768
_NUMBERS = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
"""Of verdicts; made once, as `json.dumps` makes one for every call."""


class RuleStore(Protocol):
    """What is in force."""

    def rule_settings(self, task: str) -> Mapping[str, str]:
        """The settings of the rules in force, by name."""
        ...

    def dropped_by(self, task: str) -> Mapping[str, set[tuple[str, str]]]:
        """Rule → (example id, text hash) of what it drops."""
        ...


class Store(RuleStore, FilterStore, Protocol):
    """What is read of the workspace."""

    def kept_by_hand(self, task: str) -> set[tuple[str, str]]:
        """(Example id, text hash) of the positives that stay whatever rules say."""
        ...

    def overruled(self, task: str) -> Mapping[str, set[tuple[str, str]]]:
        """Rule → (example id, text hash) of what it would drop and is kept by hand."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """What comes from outside the workspace: test sets to keep out, and true labels."""

    exclude: Exclude | None = None
    labels: Labels | None = None


def filter_positives(
    store: Store, run: Run, tasks: Sequence[Task], config: FilterConfig, given: Given
) -> FilterResult:
    """Judge every positive by the rules of the run; one unit a positive.

    Raises StaleMeasurement where an example was not ranked as it and its pool are now, and
    InputError for tasks that are not searched or that nobody ranked, and where no task has a
    positive.
    """
    read = [read_rows(store, run, task, config) for task in tasks]
    rows = [row for one in read for row in one.rows]
    if not rows:
        raise InputError(nothing_to("filter", tasks))
    run.plan(len(rows))
    rules = _make_rules(config, read, given)
    before = {task.name: _others(store, task.name, rules, config) for task in tasks}
    by_hand = _by_hand(store, tasks, rows, config)
    said = _judge(before, rules, rows, by_hand)
    verdicts = {name: _in_force(found, by_hand) for name, found in said.items()}
    now = _dropped_now(before, rows, verdicts)
    _store(run, rows, said, verdicts)
    for one in read:
        run.append([_head(run, one, rule.name, config, now) for rule in rules])
        run.append(_take_back(store, run, one, config.reset))
    _tell_stale(store, run, now, {*verdicts, *config.reset})
    top_k = next((rule for rule in rules if isinstance(rule, TopK)), None)
    borders = pairwise(_borders(read))
    filtered = tuple(
        _figures(one, config, {name: found[first:last] for name, found in verdicts.items()},
                 top_k, given.labels)
        for one, (first, last) in zip(read, borders, strict=True)
    )  # fmt: skip
    return FilterResult(_sum_sweeps(filtered), filtered)


def _make_rules(config: FilterConfig, read: Sequence[TaskPositives], given: Given) -> list[Rule]:
    """The rules of the run, in the order in which they judge."""
    made: dict[RuleName, Rule | None] = {
        "top-k": TopK(
            {one.task.name: config.top_k or one.task.top_k or DEFAULT_TOP_K for one in read},
            {one.task.name: one.pool_size for one in read},
            {one.task.name: one.rankers for one in read},
            config.agree == "all",
        ),
        "min-score": None if config.min_score is None else MinScore(config.min_score),
        "min-gap": None if config.min_gap is None else MinGap(config.min_gap),
        "exclude": given.exclude,
        "dedup": Dedup(config.dedup == "near"),
        "max-per-positive": MaxPerPositive(config.max_per_positive or 1),
    }
    return [rule for name in config.rules if (rule := made[name]) is not None]


def _others(store: Store, task: str, rules: Sequence[Rule], config: FilterConfig) -> Dropped:
    """What rules drop that neither judge in this run nor are taken back."""
    replaced = {*(rule.name for rule in rules), *config.reset}
    dropped = dict(store.dropped_by(task))
    if BY_HAND in config.reset:
        for rule, rows in store.overruled(task).items():
            dropped[rule] = dropped.get(rule, set()) | rows
    return {rule: rows for rule, rows in dropped.items() if rule not in replaced}


def _by_hand(
    store: Store, tasks: Sequence[Task], rows: Sequence[FilterRow], config: FilterConfig
) -> list[bool]:
    """Which rows stay whatever the rules say."""
    if BY_HAND in config.reset:
        return [False] * len(rows)
    kept = {(task.name, *row) for task in tasks for row in store.kept_by_hand(task.name)}
    return [(row.task, row.example.example_id, row.text_hash) in kept for row in rows]


def _in_force(found: list[Verdict], by_hand: Sequence[bool]) -> list[Verdict]:
    """The verdicts, but for those that a person overruled."""
    if not any(by_hand):
        return found
    return [KEEP if is_kept else one for one, is_kept in zip(found, by_hand, strict=True)]


def _judge(
    before: Mapping[str, Dropped],
    rules: Sequence[Rule],
    rows: Sequence[FilterRow],
    by_hand: Sequence[bool],
) -> dict[str, list[Verdict]]:
    """What each rule says, in the order of the rows."""
    gone = {
        (task, *row)
        for task, dropped in before.items()
        for some in dropped.values()
        for row in some
    }
    standing = [(row.task, row.example.example_id, row.text_hash) not in gone for row in rows]
    verdicts: dict[str, list[Verdict]] = {}
    for rule in rules:
        # the rules on repeats come last, and dedup takes no notice of max-per-positive
        found = verdicts[rule.name] = rule.judge(rows, standing)
        standing = [
            stands and not verdict.reason
            for stands, verdict in zip(standing, _in_force(found, by_hand), strict=True)
        ]
    return verdicts


def _dropped_now(
    before: Mapping[str, Dropped],
    rows: Sequence[FilterRow],
    verdicts: Mapping[str, Sequence[Verdict]],
) -> dict[str, Dropped]:
    """Task → what each rule in force drops when this run is over."""
    now: dict[str, dict[str, set[tuple[str, str]]]] = {
        task: dict(dropped) for task, dropped in before.items()
    }
    for name, found in verdicts.items():
        for row, verdict in zip(rows, found, strict=True):
            if verdict.reason:
                pair = row.example.example_id, row.text_hash
                now[row.task].setdefault(name, set()).add(pair)
    return dict(now)


def _tell_stale(
    store: RuleStore, run: Run, now: Mapping[str, Dropped], replaced: AbstractSet[str]
) -> None:
    """Warn of rules on repeats that looked at what other rules kept before this run."""
    for task in now:
        for rule, settings in store.rule_settings(task).items():
            if rule not in BLIND_TO or rule in replaced:
                continue
            told = json.loads(settings)
            dropped = {
                name: now[name] if name in now else store.dropped_by(name) for name in told["tasks"]
            }
            if seen_by(rule, dropped) != told["saw"]:
                command = filter_command(told["tasks"], told["options"])
                run.warn(
                    f"task {task}: rule {rule} looked at what other rules kept before. Run "
                    f"`{command}` again."
                )


def _store(
    run: Run,
    rows: Sequence[FilterRow],
    said: Mapping[str, Sequence[Verdict]],
    verdicts: Mapping[str, Sequence[Verdict]],
) -> None:
    """Store what was said as decisions; count each positive as kept, or under its first reason of
    the verdicts in force.
    """
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        of_block = rows[start : start + _ROWS_AT_ONCE]
        run.hold(_decisions(run, _beside(of_block, said, start)))
        decided = _beside(of_block, verdicts, start)
        rejects = [
            _reject(run, row, first)
            for row, found in decided
            if (first := next((one for one in found.values() if one.reason), None)) is not None
        ]
        run.reject(rejects)
        run.keep(len(decided) - len(rejects))


def _beside(
    rows: Sequence[FilterRow], verdicts: Mapping[str, Sequence[Verdict]], start: int
) -> list[tuple[FilterRow, dict[str, Verdict]]]:
    """Rows with the verdict of each rule, whose lists have them from `start` on."""
    return [
        (row, {name: of_rule[start + at] for name, of_rule in verdicts.items()})
        for at, row in enumerate(rows)
    ]


def _take_back(store: RuleStore, run: Run, one: TaskPositives, rules: Sequence[str]) -> list[Head]:
    """Heads that put rules out of force."""
    task, in_force = one.task.name, store.rule_settings(one.task.name)
    for rule in rules:
        if rule not in in_force:
            run.warn(f"task {task}: rule {rule} is not in force; nothing to take back")
    return [
        Head("rule", task, rule, run.sequence, "{}", one.basis, "")
        for rule in rules
        if rule in in_force
    ]


def _head(
    run: Run, one: TaskPositives, rule: str, config: FilterConfig, now: Mapping[str, Dropped]
) -> Head:
    (name,) = (known for known in RULES if known == rule)
    options = rule_options(name, config)
    if "ranker" in options:  # those that were looked at, whoever draws negatives later
        options["ranker"] = [id_.partition("@")[0] for id_ in one.rankers]
    if name == "top-k":
        options["top_k"] = config.top_k or one.task.top_k or DEFAULT_TOP_K
    told: dict[str, object] = {"options": options, "rankers": one.rankers}
    if name in BLIND_TO:
        told |= {"tasks": sorted(now), "saw": seen_by(name, now)}
    settings = json.dumps(told, sort_keys=True)
    return Head("rule", one.task.name, rule, run.sequence, settings, one.basis, run.run_id)


def _decisions(
    run: Run, decided: Sequence[tuple[FilterRow, Mapping[str, Verdict]]]
) -> RecordColumns:
    """What each rule said of each row."""
    said = [(row, rule, verdict) for row, found in decided for rule, verdict in found.items()]
    differing = {
        "task": [row.task for row, _, _ in said],
        "rule": [rule for _, rule, _ in said],
        "example_id": [row.example.example_id for row, _, _ in said],
        "text_hash": [row.text_hash for row, _, _ in said],
        "verdict": ["drop" if verdict.reason else "keep" for _, _, verdict in said],
        "reason": [verdict.reason for _, _, verdict in said],
        "numbers": [_NUMBERS.encode(verdict.numbers) for _, _, verdict in said],
        "cause": [verdict.cause for _, _, verdict in said],
    }
    return RecordColumns(Decision, len(said), differing, {"run_id": run.run_id})


def _reject(run: Run, row: FilterRow, verdict: Verdict) -> Reject:
    numbers = dict(verdict.numbers) | ({"cause": verdict.cause} if verdict.cause else {})
    return Reject(
        run_id=run.run_id,
        stage="filter",
        reason=verdict.reason,
        key=row.key,
        numbers=_NUMBERS.encode(numbers),
        source=row.example.source,
        line=row.example.line,
        text=row.example.query,
    )


def _borders(read: Sequence[TaskPositives]) -> list[int]:
    """Where the rows of each task begin, and the end."""
    borders = [0]
    for one in read:
        borders.append(borders[-1] + len(one.rows))
    return borders


def _figures(
    one: TaskPositives,
    config: FilterConfig,
    verdicts: Mapping[str, Sequence[Verdict]],
    top_k: TopK | None,
    labels: Labels | None,
) -> TaskFiltered:
    dropped = Counter(
        name for name, found in verdicts.items() for verdict in found if verdict.reason
    )
    kept = [
        row
        for place, row in enumerate(one.rows)
        if not any(found[place].reason for found in verdicts.values())
    ]
    return TaskFiltered(
        task=one.task.name,
        rules=tuple(verdicts),
        reset=config.reset,
        rankers=one.rankers,
        top_k=top_k.ks[one.task.name] if top_k else None,
        pool_size=one.pool_size,
        positives=len(one.rows),
        kept=len(kept),
        dropped={name: dropped[name] for name in verdicts},
        examples=len({row.example.example_id for row in one.rows}),
        examples_lost=len(
            {row.example.example_id for row in one.rows} - {row.example.example_id for row in kept}
        ),
        sweep=_sweep(one.rows, top_k, labels) if top_k else (),
    )


def _sweep(rows: Sequence[FilterRow], top_k: TopK, labels: Labels | None) -> tuple[SweepRow, ...]:
    least = np.array([top_k.least(row) for row in rows])
    known = [labels.of(row) for row in rows] if labels else [None] * len(rows)
    labelled = np.array([label is not None for label in known])
    true = np.array([bool(label) for label in known])
    return tuple(
        SweepRow(
            k,
            int(np.count_nonzero(least <= k)),
            int(np.count_nonzero(labelled & (least <= k))),
            int(np.count_nonzero(true & (least <= k))),
        )
        for k in SWEEP
    )


def _sum_sweeps(filtered: Sequence[TaskFiltered]) -> tuple[SweepRow, ...]:
    return tuple(
        SweepRow(
            row[0].k,
            sum(each.kept for each in row),
            sum(each.labelled_kept for each in row),
            sum(each.true_kept for each in row),
        )
        for row in zip(*(task.sweep for task in filtered), strict=True)
    )
