"""Which tasks, documents and texts a set does without: by licence, and for the sake of dev."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.records import Text
from kalm_data.measures.draws import BLOCK
from kalm_data.measures.holding_out import OTHER_LICENCE, held_for_dev, of_other_licence
from kalm_data.measures.row_plans import Barred
from kalm_data.measures.training_pool import HELD_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.pool import Pool, PoolDocument
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.holding_out import HeldForDev
    from kalm_data.measures.set_writer import ShardStore

_FAR_LESS = 0.5
"""A dev split with less than this part of what was asked for is told of."""

_SHOWN = 60
"""Characters of a text that name it."""


def allowed_tasks(
    store: ShardStore, run: Run, tasks: Sequence[Task], licences: Sequence[str]
) -> list[Task]:
    """Tasks of labels and scores have no licence but their own; documents have theirs."""
    if not licences:
        return list(tasks)
    left = [
        task for task in tasks if task.licence in licences or not store.has_own_texts(task.name)
    ]
    for task in tasks:
        if task not in left:
            told = f"licence {task.licence}" if task.licence else "no licence"
            run.warn(f"task {task.name}: left out, as it has {told}")
    return left


def find_barred(
    draws: DrawStore, store: ShardStore, run: Run, tasks: Sequence[Task], config: ShardsConfig
) -> Barred:
    """Documents that are held out for dev, and those that must not be used."""
    dev = _hold_for_dev(draws, store, run, tasks, config) if config.dev_fraction else frozenset()
    reasons = {}
    for task in tasks:
        found = dict.fromkeys(dev, HELD_OUT)
        if config.licences:
            other = of_other_licence(store.licences(task), task.licence, config.licences)
            found |= dict.fromkeys(other, OTHER_LICENCE)
        reasons[task.name] = found
    return Barred(reasons, dev, _held_texts(draws, store, tasks, dev))


def _held_texts(
    draws: DrawStore, store: ShardStore, tasks: Sequence[Task], dev: frozenset[str]
) -> list[Text]:
    """The documents held for dev, with the queries they answer, and those of dev and test, where a
    task has other texts too: labels and scores come with splits of their own.
    """
    if not any(store.has_own_texts(task.name) for task in tasks):
        return []
    held = {one.text_hash: one.text for task in tasks for one in _held(draws.pool(task), dev)}
    queries = {
        example.query
        for task in (tasks if dev else ())
        for block in draws.example_blocks(task.name, BLOCK)
        for example in block
        if not dev.isdisjoint(example.positives)
    }
    return [Text.of(text) for text in sorted({*held.values(), *queries})]


def _held(pool: Pool, dev: frozenset[str]) -> Iterator[PoolDocument]:
    both = zip(pool.text_hashes, pool.columns.splits, strict=True)
    return pool.documents(
        [place for place, (one, split) in enumerate(both) if one in dev or split != "train"]
    )


def _hold_for_dev(
    draws: DrawStore, store: ShardStore, run: Run, tasks: Sequence[Task], config: ShardsConfig
) -> frozenset[str]:
    alike: list[tuple[str, str]] = []
    if config.dev_by:
        for task in tasks:
            alike += store.values(task, config.dev_by)
        if not alike:
            message = (
                f'column "{config.dev_by}": no document has it. Name a column of the documents '
                "with --dev-by, or leave it out."
            )
            raise InputError(message)
    pools = [draws.pool(task) for task in tasks]
    examples = (block for task in tasks for block in draws.example_blocks(task.name, BLOCK))
    held = held_for_dev(pools, examples, alike, config.dev_fraction, config.seed)
    if len(held.documents) < _FAR_LESS * max(held.wanted, 1):
        run.warn(_too_few(held, pools, config))
    return held.documents


def _too_few(held: HeldForDev, pools: Sequence[Pool], config: ShardsConfig) -> str:
    told = f"{len(held.documents):,} documents are held for dev, of {held.wanted:,} that"
    told = f"{told} --dev-fraction {config.dev_fraction} allows"
    if not held.too_large:
        return told
    first = _first_document(pools, held.too_large[0])
    named = f'"{first.title}"' if first.title else f'that of "{first.text[:_SHOWN].strip()}"'
    count = len(held.too_large)
    return (
        f"{told}: groups of documents are never parted, and the largest one left to training, "
        f"{named}, has {count:,}"
    )


def _first_document(pools: Sequence[Pool], text_hash: str) -> PoolDocument:
    return next(
        one
        for pool in pools
        if (place := pool.index().get(text_hash)) is not None
        for one in pool.documents([place])
    )
