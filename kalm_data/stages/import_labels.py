"""import labels: texts of classification and clustering tasks, with their classes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.arrivals import (
    announce,
    count_splits,
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
from kalm_data.core.label_rows import read_labels
from kalm_data.core.labelling import HeldLabels, sort_labels
from kalm_data.core.records import LabelledText
from kalm_data.core.splits import plan_splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.core.config.imports import ImportLabelsConfig
    from kalm_data.core.labelling import SortedLabels
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split, TaskRow
    from kalm_data.core.rows import Source
    from kalm_data.core.splits import KnownTexts
    from kalm_data.core.tasks import Task


class ImportLabelsStore(Protocol):
    """What the workspace tells about labelled texts."""

    def task(self, name: str) -> TaskRow | None: ...

    def content(self, task: str) -> Content | None: ...

    def labels(self, task: str) -> dict[str, LabelledText]:
        """Those of the task, by text hash."""
        ...

    def known_texts(self) -> KnownTexts:
        """The labelled texts of all tasks."""
        ...


@dataclass(frozen=True, slots=True)
class ImportLabelsResult:
    """What the labels added; `splits` counts the new texts, `classes` all that the task has now."""

    new_texts: int
    known_texts: int
    splits: Mapping[str, int]
    classes: int
    near_duplicates: int
    cut_groups: int


def import_labels(
    store: ImportLabelsStore,
    run: Run,
    sources: Sequence[Source],
    task: Task,
    config: ImportLabelsConfig,
) -> ImportLabelsResult:
    """Bring texts with their classes into a task; one unit a row.

    Its rows will neither give nor take in-batch negatives. Raises InputError for tasks of other
    types, and those that have queries or scored pairs. Reasons of rejects: those of reading a row,
    and those of `sort_labels`.
    """
    _refuse_other_tasks(store, task)
    announce(run, sources)
    rows, _ = read_good(run, sources, lambda found: read_labels(found, config, run.warn), config)
    apart = task.model_copy(update={"in_batch": False})
    task_rows = task_revision(apart, task.pool[0], store.task(task.name), run.run_id)[1]
    held, known = store.labels(task.name), store.known_texts()
    found = sort_labels(rows, HeldLabels.of(held, known.texts))
    raise_first(found.bad, config)
    texts = [row.text for row in found.new]
    plan = plan_splits(texts, found.given, (), known, Fractions.of(config), held)
    made = _made(found, task.name, plan.splits, run.run_id)
    run.append([*task_rows, *texts, *made, *plan.near_duplicates])
    reject_rows(run, found.bad)
    run.keep(len(found.new) + found.known)
    everything = [*held.values(), *made]
    if config.as_split in (None, "train", "draw"):
        _warn_of_lonely(run, everything)
    warn_of_cut_groups(run, plan.cut_groups)
    warn_of_shares(run, plan.shares)
    return ImportLabelsResult(
        new_texts=len(made),
        known_texts=found.known,
        splits=count_splits(one.split for one in made),
        classes=len({one.label for one in everything}),
        near_duplicates=len(plan.near_duplicates),
        cut_groups=plan.cut_groups,
    )


def _refuse_other_tasks(store: ImportLabelsStore, task: Task) -> None:
    if task.is_ranked:
        message = (
            f"task {task.name}: a task of type {task.type} has no labels. Give it the type "
            "classification or clustering (--type), or name another task."
        )
        raise InputError(message)
    refuse_other_content(task.name, store.content(task.name), "labels")


def _made(
    found: SortedLabels, task: str, splits: Mapping[str, Split], run_id: str
) -> list[LabelledText]:
    return [
        LabelledText(
            task=task,
            text_hash=row.text.text_hash,
            label=row.label,
            language=row.language,
            split=splits[row.text.text_hash],
            source=row.source,
            line=row.line,
            run_id=run_id,
        )
        for row in found.new
    ]


def _warn_of_lonely(run: Run, labels: Sequence[LabelledText]) -> None:
    """Tell which texts no training row can be made from."""
    counts = Counter(one.label for one in labels if one.split == "train")
    lonely = sum(count == 1 for count in counts.values())
    if not counts and labels:
        warn_of_no_training(run, "texts")
    elif len(counts) == 1:
        run.warn("the texts for training have one label only: build-shards needs a second one")
    elif lonely:
        run.warn(
            f"{lonely} of {len(counts)} classes have one text for training: build-shards writes no "
            "row for it, as it has no positive"
        )
