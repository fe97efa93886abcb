"""Write queries from documents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.synth import SynthConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.settling import Settled
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.stages.synth import SynthResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Gates", "SynthConfig", "SynthTotals", "preview", "synth"]


@dataclass(frozen=True, slots=True)
class SynthTotals:
    """Sums over the tasks: requests asked in this run and their tokens, accepted queries, those
    that the gates of today drop, those of earlier plans.
    """

    requests: int
    accepted: int
    dropped: int
    others: int
    tokens_in: int
    tokens_out: int
    facets: dict[str, int]
    tasks: tuple[SynthResult, ...]


def synth(
    workspace: Path,
    tasks: Sequence[str],
    config: SynthConfig,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[SynthTotals]:
    """Have queries written for the documents of the tasks' pools, all tasks if none is named."""
    from kalm_data.engines.extractive import ExtractiveEngine
    from kalm_data.engines.language import ScriptAndLangid
    from kalm_data.stages.synth import synth as stage
    from kalm_data.workspace.generations import GenerationStore
    from kalm_data.workspace.tasks import read_tasks

    def all_tasks(database: Database, run: WorkspaceRun) -> SynthTotals:
        store, engine, detector = GenerationStore(database), ExtractiveEngine(), ScriptAndLangid()
        chosen = read_tasks(database, tasks)
        return _sum([stage(store, run, engine, detector, task, config) for task in chosen])

    return execute(
        workspace, "synth", config, {"tasks": tasks}, all_tasks,
        resumable=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip


def preview(workspace: Path, tasks: Sequence[str], config: SynthConfig) -> tuple[Settled, ...]:
    """The first `config.preview` queries of each task, with their verdicts; nothing is written."""
    from kalm_data.engines.extractive import ExtractiveEngine
    from kalm_data.engines.language import ScriptAndLangid
    from kalm_data.stages.synth import preview as stage
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.generations import GenerationStore
    from kalm_data.workspace.tasks import read_tasks

    database = Database(workspace)
    store, engine, detector = GenerationStore(database), ExtractiveEngine(), ScriptAndLangid()
    return tuple(
        settled
        for task in read_tasks(database, tasks)
        for settled in stage(store, engine, detector, task, config)
    )


def _sum(results: Sequence[SynthResult]) -> SynthTotals:
    facets: Counter[str] = Counter()
    for result in results:
        facets.update(result.facets)
    return SynthTotals(
        requests=sum(result.requests for result in results),
        accepted=sum(result.accepted for result in results),
        dropped=sum(result.dropped for result in results),
        others=sum(result.others for result in results),
        tokens_in=sum(result.tokens_in for result in results),
        tokens_out=sum(result.tokens_out for result in results),
        facets=dict(sorted(facets.items())),
        tasks=tuple(results),
    )
