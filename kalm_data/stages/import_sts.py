"""import sts: pairs of texts with a score of how alike they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.arrivals import (
    announce,
    count_splits,
    given_splits,
    raise_first,
    read_good,
    refuse_other_content,
    reject_rows,
    task_revision,
    warn_of_cut_groups,
    warn_of_no_training,
    warn_of_shares,
)
from kalm_data.core.drawn_splits import Fractions
from kalm_data.core.errors import InputError
from kalm_data.core.near_duplicates import groups
from kalm_data.core.pair_sorting import by_pair, sort_pairs
from kalm_data.core.pool import most_protected
from kalm_data.core.records import ScoredPair
from kalm_data.core.splits import plan_splits
from kalm_data.core.sts_rows import OUT_OF_SCALE, read_sts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.core.config.imports import ImportStsConfig
    from kalm_data.core.pair_sorting import SortedPairs
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split, TaskRow
    from kalm_data.core.rows import BadRow, Source
    from kalm_data.core.splits import KnownTexts, SplitPlan
    from kalm_data.core.sts_rows import StsRow
    from kalm_data.core.tasks import Task


_SOME_PAIRS = 20
"""Of fewer nobody expects the fractions to be met."""


class ImportStsStore(Protocol):
    """What the workspace tells about scored pairs."""

    def task(self, name: str) -> TaskRow | None: ...

    def content(self, task: str) -> Content | None: ...

    def scored_pairs(self, task: str) -> list[ScoredPair]: ...

    def known_texts(self) -> KnownTexts:
        """The texts of the scored pairs of all tasks."""
        ...


@dataclass(frozen=True, slots=True)
class ImportStsResult:
    """What the scored pairs added; `splits` counts the new pairs."""

    new_pairs: int
    known_pairs: int
    splits: Mapping[str, int]
    near_duplicates: int
    cut_groups: int


def import_sts(
    store: ImportStsStore,
    run: Run,
    sources: Sequence[Source],
    task: Task,
    config: ImportStsConfig,
) -> ImportStsResult:
    """Bring pairs of texts with their scores into a task; one unit a row.

    Raises InputError for tasks of other types, those that have queries or labels, and where most
    scores lie outside of the scale. Reasons of rejects: those of reading a row, and those of
    `sort_pairs`.
    """
    _refuse_other_tasks(store, task)
    announce(run, sources)
    rows, bad = read_good(run, sources, lambda found: read_sts(found, config, run.warn), config)
    _tell_other_scale(run, rows, bad, config.scale)
    task_rows = task_revision(task, task.pool[0], store.task(task.name), run.run_id)[1]
    held, known = store.scored_pairs(task.name), store.known_texts()
    found = sort_pairs(rows, by_pair(held, known.texts))
    raise_first(found.bad, config)
    joined = {text_hash for one in held for text_hash in (one.first_hash, one.second_hash)}
    plan = _plan(found, known, config, joined)
    made = _made(found, task.name, plan.splits, run.run_id)
    texts = {text.text_hash: text for row in found.new for text in (row.first, row.second)}
    run.append([*task_rows, *texts.values(), *made, *plan.near_duplicates])
    reject_rows(run, found.bad)
    run.keep(len(found.new) + found.known)
    _warn_of_one_group(run, found, made)
    if config.as_split is None and _is_held_out(found, (*held, *made)):
        warn_of_no_training(run, "pairs")
    warn_of_cut_groups(run, plan.cut_groups)
    warn_of_shares(run, plan.shares)
    return ImportStsResult(
        new_pairs=len(made),
        known_pairs=found.known,
        splits=count_splits(one.split for one in made),
        near_duplicates=len(plan.near_duplicates),
        cut_groups=plan.cut_groups,
    )


def _refuse_other_tasks(store: ImportStsStore, task: Task) -> None:
    if task.type != "sts":
        message = (
            f"task {task.name}: a task of type {task.type} has no scored pairs. Give it the type "
            "sts (--type), or name another task."
        )
        raise InputError(message)
    refuse_other_content(task.name, store.content(task.name), "scored pairs")


def _tell_other_scale(run: Run, rows: Sequence[StsRow], bad: Sequence[BadRow], scale: str) -> None:
    """Scores of another scale that happen to fit would be wrong too: InputError where most do not
    fit, a warning where some do not.
    """
    outside = sum(row.error.reason == OUT_OF_SCALE for row in bad)
    if outside > len(rows):
        message = (
            f"{outside} of {outside + len(rows)} scores lie outside of {scale}. Name the range of "
            "the scores with --scale, e.g. --scale 0-5."
        )
        raise InputError(message)
    if outside:
        run.warn(
            f"{outside} scores lie outside of {scale}. If the scores have another range, those "
            "that were kept are wrong too: import into a new workspace with --scale"
        )


def _plan(
    found: SortedPairs, known: KnownTexts, config: ImportStsConfig, joined: Collection[str]
) -> SplitPlan:
    """Splits for the texts of new pairs; those of one pair are never parted, unless given so."""
    pairs = [(row.first.text_hash, row.second.text_hash) for row in found.new]
    texts = {text.text_hash: text for row in found.new for text in (row.first, row.second)}
    from_pairs = (
        (text.text_hash, found.given.get(row.pair))
        for row in found.new
        for text in (row.first, row.second)
    )
    from_workspace = ((text_hash, known.splits.get(text_hash)) for text_hash in texts)
    given = given_splits(chain(from_pairs, from_workspace))
    fractions = Fractions.of(config)
    return plan_splits(list(texts.values()), given, pairs, known, fractions, joined)


def _is_held_out(found: SortedPairs, pairs: Sequence[ScoredPair]) -> bool:
    """Whether the task has no pair for training, as all new ones were given to dev or test."""
    all_given = bool(found.new) and all(row.pair in found.given for row in found.new)
    return all_given and all(one.split != "train" for one in pairs)


def _warn_of_one_group(run: Run, found: SortedPairs, made: Sequence[ScoredPair]) -> None:
    """Tell where most of the pairs whose split was drawn share it, whatever the fractions."""
    drawn = [one for row, one in zip(found.new, made, strict=True) if row.pair not in found.given]
    group_of = groups((one.first_hash, one.second_hash) for one in drawn)
    counts = Counter((group_of[one.first_hash], one.split) for one in drawn)
    (_, split), count = max(counts.items(), key=itemgetter(1), default=(("", ""), 0))
    if len(drawn) >= _SOME_PAIRS and 2 * count > len(drawn):
        run.warn(
            f"{count} of {len(drawn)} new pairs hang together by the texts they share, and all are "
            f'in {split}: a split is drawn for them as one. Name splits in a column "split", or '
            "with --as"
        )


def _made(
    found: SortedPairs, task: str, splits: Mapping[str, Split], run_id: str
) -> list[ScoredPair]:
    """Each in its given split, else in the most protected one of its texts."""
    return [
        ScoredPair(
            task=task,
            first_hash=row.first.text_hash,
            second_hash=row.second.text_hash,
            score=row.score,
            language=row.language,
            split=found.given.get(row.pair)
            or most_protected(splits[text.text_hash] for text in (row.first, row.second)),
            source=row.source,
            line=row.line,
            run_id=run_id,
        )
        for row in found.new
    ]
