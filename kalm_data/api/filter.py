"""Decide which positives stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.api.collecting import seldom_collecting
from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.api.execution import execute
from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.ranking import parse_ranker
from kalm_data.core.errors import InputError
from kalm_data.core.filter_result import FilterResult, SweepRow, TaskFiltered
from kalm_data.core.mining import names_ranker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.contamination import ExcludedText
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.core.tasks import Task
    from kalm_data.engines.sentence_transformers_encoder import Precision
    from kalm_data.measures.rules.exclusion import Exclude, NearestExcluded
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "DeviceSettings", "FilterConfig", "FilterResult", "Gates", "SweepRow", "TaskFiltered",
    "filter_positives",
]  # fmt: skip


def filter_positives(
    workspace: Path,
    tasks: Sequence[str],
    config: FilterConfig,
    *,
    devices: DeviceSettings | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[FilterResult]:
    """Judge the positives of the tasks named, of all tasks if none is, by the rules asked for.

    Nothing is encoded but, with `exclude_cosine`, the texts of test sets.
    """
    from kalm_data.core.filter_labels import read_labels
    from kalm_data.stages.filter import Given
    from kalm_data.stages.filter import filter_positives as stage
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.tasks import read_ranked_tasks

    made = DeviceEngines(devices)

    def all_tasks(database: Database, run: WorkspaceRun) -> FilterResult:
        chosen = read_ranked_tasks(database, tasks, run.warn)
        labels = read_labels(config.labels) if config.labels else None
        exclude = _exclusion(database, run, chosen, config, made) if config.exclude else None
        given = Given(exclude, labels)
        result = stage(RankingStore(database), run, chosen, config, given)
        return replace(result, devices=made.given)

    with seldom_collecting():
        return execute(
            workspace, "filter", config, {"tasks": tasks, "devices": made.named}, all_tasks,
            gates=gates, on_progress=on_progress,
        )  # fmt: skip


def _exclusion(
    database: Database,
    run: WorkspaceRun,
    tasks: Sequence[Task],
    config: FilterConfig,
    made: DeviceEngines,
) -> Exclude:
    """The rule that keeps the texts of test sets out."""
    from kalm_data.core.contamination import ExclusionIndex
    from kalm_data.core.seeded import digest
    from kalm_data.engines.readers.excluded import read_excluded
    from kalm_data.measures.rules.exclusion import Exclude

    texts = read_excluded(config.exclude)
    run.record_input("excluded texts", digest("excluded", *(text.text for text in texts)))
    size, share = config.exclude_ngram, config.exclude_share
    queries = ExclusionIndex(
        (text for text in texts if text.kind == "query"), gram_words=size, share=share
    )
    documents = ExclusionIndex(
        (text for text in texts if text.kind == "document"), gram_words=size, share=share
    )
    nearest = None
    if config.exclude_cosine is not None:
        nearest = _nearest(database, run, tasks, texts, config, made)
    return Exclude({"query": queries, "document": documents}, nearest)


def _nearest(
    database: Database,
    run: WorkspaceRun,
    tasks: Sequence[Task],
    texts: Sequence[ExcludedText],
    config: FilterConfig,
    made: DeviceEngines,
) -> NearestExcluded:
    """By the encoder and precision with which the first task was mined."""
    from functools import partial

    from kalm_data.measures.nearest_excluded import VectorsOfExcluded
    from kalm_data.workspace.rankings import RankingStore
    from kalm_data.workspace.vectors import VectorStore

    store = RankingStore(database)
    mined = next((found for task in tasks if (found := _encoder_of(store, task.name))), None)
    if mined is None or config.exclude_cosine is None:
        message = "--exclude-cosine needs vectors: run `kalm-data mine --ranker dense:MODEL` first"
        raise InputError(message)
    encoder = made.encoder(*mined)
    embed = partial(VectorStore(database).vectors, run, encoder)
    pools = {task: store.pool(task) for task in tasks}
    return VectorsOfExcluded(encoder, embed, pools, texts, config.exclude_cosine)


def _encoder_of(store: RankingStore, task: str) -> tuple[str, Precision] | None:
    """Model and precision of the encoder that ranked a task, as `mine` was told."""
    for id_ in store.rankers(task):
        config = store.mine_config(task, id_)
        for spec in (*config.rankers, parse_ranker(config.rescored)):
            if names_ranker(f"dense:{spec.subject}", id_):
                return spec.subject, config.precision
    return None
