"""import labels: texts of classification and clustering tasks, with their classes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.arrivals import (
    announce,
    count_splits,
    read_all,
    reject_rows,
    task_revision,
    warn_of_cut_groups,
)
from kalm_data.core.errors import InputError
from kalm_data.core.label_rows import read_labels
from kalm_data.core.labelling import HeldLabels, sort_labels
from kalm_data.core.records import LabelledText
from kalm_data.core.splits import Fractions, plan_splits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kalm_data.core.config.imports import ImportLabelsConfig
    from kalm_data.core.label_rows import LabelRow
    from kalm_data.core.labelling import SortedLabels
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split, TaskRow
    from kalm_data.core.rows import Source
    from kalm_data.core.splits import KnownTexts
    from kalm_data.core.tasks import Task


class ImportLabelsStore(Protocol):
    """What the workspace tells about labelled texts."""

    def task(self, name: str) -> TaskRow | None: ...

    def has_examples(self, task: str) -> bool: ...

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
    types, and those that have pairs. Reasons of rejects: those of reading a row, and those of
    `sort_labels`.
    """
    _refuse_other_tasks(store, task)
    announce(run, sources)
    rows = _read(run, sources, config)
    apart = task.model_copy(update={"in_batch": False})
    task_rows = task_revision(apart, task.pool[0], store.task(task.name), run.run_id)[1]
    held, known = store.labels(task.name), store.known_texts()
    found = sort_labels(rows, HeldLabels.of(held, known.texts))
    if config.on_error == "fail" and found.bad:
        raise min(found.bad, key=lambda row: (row.source, row.line)).error
    fractions = Fractions(config.dev_fraction, config.test_fraction, config.seed)
    texts = [row.text for row in found.new]
    plan = plan_splits(texts, found.given, (), known, fractions)
    made = _made(found, task.name, plan.splits, run.run_id)
    run.append([*task_rows, *texts, *made, *plan.near_duplicates])
    reject_rows(run, found.bad)
    run.keep(len(found.new) + found.known)
    everything = [*held.values(), *made]
    if config.as_split in (None, "train", "draw"):
        _warn_of_lonely(run, everything)
    warn_of_cut_groups(run, plan.cut_groups)
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
            f"task {task.name}: a {task.type} task has no labels. Give it the type "
            "classification or clustering (--type), or name another task."
        )
        raise InputError(message)
    if store.has_examples(task.name):
        message = (
            f"task {task.name}: it has queries of its own. Give the labels a task of their own "
            "with --task."
        )
        raise InputError(message)


def _read(run: Run, sources: Sequence[Source], config: ImportLabelsConfig) -> list[LabelRow]:
    """The good rows; the bad ones are rejected."""
    fail = config.on_error == "fail"
    return [
        row
        for source in sources
        for row in read_all(run, source, read_labels(source.rows, config, run.warn), fail=fail)[0]
    ]


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


def _warn_of_lonely(run: Run, labels: Iterable[LabelledText]) -> None:
    """Tell which texts no training row can be made from."""
    counts = Counter(one.label for one in labels if one.split == "train")
    lonely = sum(count == 1 for count in counts.values())
    if not counts:
        run.warn(
            "none of the task's texts is for training, by the source's split. In a new workspace, "
            "--as draw draws train, dev and test"
        )
    elif len(counts) == 1:
        run.warn("the texts for training have one label only: build-shards needs a second one")
    elif lonely:
        run.warn(
            f"{lonely} of {len(counts)} classes have one text for training: build-shards writes no "
            "row for it, as it has no positive"
        )
