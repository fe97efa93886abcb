"""The positives of a task as rules look at them, with what `mine` measured of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.config.mine import mine_command
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.filtering import FilterRow
from kalm_data.core.mining import (
    excluded,
    hits_basis,
    names_ranker,
    ranking_basis,
    stale_line,
)
from kalm_data.measures.draws import MeasuredStore, read_pool_and_examples
from kalm_data.measures.rules.seen import BLIND_TO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.config.filter import FilterConfig
    from kalm_data.core.mining import Excluded, Hits, Measured, MiningExample
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task

_BLOCK = 8192
_BY_RANK = ("top-k", "min-score", "min-gap")
_BY_TEXT = ("exclude", "dedup")


class FilterStore(MeasuredStore, Protocol):
    """What is read of the workspace."""

    def rankers(self, task: str) -> list[str]:
        """Who ranked the task: who made the draw in force, then the latest first."""
        ...


@dataclass(frozen=True, slots=True)
class TaskPositives:
    """All positives of a task; `basis` is what ranks of it are made from."""

    task: Task
    rankers: tuple[str, ...]
    pool_size: int
    basis: str
    rows: tuple[FilterRow, ...]


def read_rows(store: FilterStore, run: Run, task: Task, config: FilterConfig) -> TaskPositives:
    """Raises StaleMeasurement where a rule needs ranks that are not as the pool is now, InputError
    where nobody ranked the task, and for tasks that are not searched.
    """
    by_rank = any(rule in _BY_RANK for rule in config.rules)
    if by_rank and not task.is_ranked:
        message = f"task {task.name}: a {task.type} task has no ranks. Leave it out of filter."
        raise InputError(message)
    pool, examples = read_pool_and_examples(store, task)
    if not examples:
        run.warn(f"task {task.name}: no training example with a positive; nothing to filter")
    rankers = _choose_rankers(store, task, config, needed=by_rank) if examples else ()
    k = config.top_k or task.top_k
    if examples and "top-k" in config.rules and len(pool) < (k or 50):
        run.warn(
            f"task {task.name}: its pool holds {len(pool)} documents, fewer than k = {k or 50}; "
            "the rule keeps every positive that has evidence"
        )
    reader = _Reader(store, task, pool, rankers, config.rules)
    blocks = (examples[start : start + _BLOCK] for start in range(0, len(examples), _BLOCK))
    rows = tuple(row for block in blocks for row in reader.read(block))
    return TaskPositives(task, rankers, len(pool), ranking_basis(pool, task), rows)


def _choose_rankers(
    store: FilterStore, task: Task, config: FilterConfig, *, needed: bool
) -> tuple[str, ...]:
    """The ids of the rankers named, or of the one that drew the task's negatives."""
    looks_at_ranks = needed or any(rule in BLIND_TO for rule in config.rules)
    if not looks_at_ranks and not config.ranker:
        return ()
    known = store.rankers(task.name)
    if not config.ranker and (known or not needed):
        return tuple(known[:1])
    found = []
    for wanted in config.ranker or ("",):
        id_ = next((one for one in known if names_ranker(wanted, one)), None)
        if id_ is None:
            remedy = f"Run `kalm-data mine --task {task.name}`."
            if known:
                remedy = f"There are ranks by {', '.join(known)}."
            by = f" by {wanted}" if wanted else ""
            raise InputError(f"task {task.name}: no ranks{by}. {remedy}")
        found.append(id_)
    return tuple(dict.fromkeys(found))


class _Reader:
    """Reads the rows of blocks of examples, which are in order of id."""

    def __init__(
        self,
        store: FilterStore,
        task: Task,
        pool: Pool,
        rankers: Sequence[str],
        rules: Sequence[str],
    ) -> None:
        self._store, self._task, self._pool, self._rankers = store, task, pool, rankers
        self._index, self._basis = pool.index(), ranking_basis(pool, task)
        self._keys = np.array(pool.keys(), np.uint64)
        self._reads_texts = not {*_BY_TEXT}.isdisjoint(rules)
        self._listed = ""
        if "min-gap" in rules:
            depth = store.mine_config(task.name, rankers[0]).stored_depth
            self._listed = hits_basis(self._basis, depth)

    def read(self, block: Sequence[MiningExample]) -> Iterator[FilterRow]:
        first, last = block[0].example_id, block[-1].example_id
        stored = [
            self._store.measured(ranker, self._basis, first, last) for ranker in self._rankers
        ]
        hits = self._store.hits(self._rankers[0], self._listed, first, last) if self._listed else {}
        texts = self._texts(block) if self._reads_texts else {}
        for example in block:
            own = excluded(self._pool, self._index, example.positives)
            key = example.example_id, own.positives
            measured = [one.get(key, {}) for one in stored]
            self._refuse_stale(example, measured)
            rival = self._rival(hits[key], own) if key in hits else None
            for text_hash in example.positives:
                text = texts.get(text_hash, "")
                known = tuple(one.get(text_hash) for one in measured)
                yield FilterRow(self._task.name, example, text_hash, text, known, rival)

    def _texts(self, block: Sequence[MiningExample]) -> dict[str, str]:
        """The positives' texts, by hash."""
        named = {one for example in block for one in example.positives}
        places = sorted(self._index[one] for one in named if one in self._index)
        return {one.text_hash: one.text for one in self._pool.documents(places)}

    def _refuse_stale(
        self, example: MiningExample, measured: Sequence[Mapping[str, Measured]]
    ) -> None:
        for ranker, known in zip(self._rankers, measured, strict=True):
            if any(h in self._index and h not in known for h in example.positives):
                config = self._store.mine_config(self._task.name, ranker)
                what = stale_line(self._task.name, ranker, example.query)
                raise StaleMeasurement(what, [mine_command(self._task.name, config)])

    def _rival(self, hits: Hits, own: Excluded) -> float | None:
        """The score of the best hit that is neither a positive nor like one."""
        places = np.searchsorted(self._keys, hits.keys)
        others = hits.scores[~np.isin(places, own.places)]
        return float(others[0]) if len(others) else None
