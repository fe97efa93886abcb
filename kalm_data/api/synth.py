"""Have queries written for documents, or whole rows from personas."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.api.execution import execute
from kalm_data.api.language_models import Engine, make_engine
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.language_model import ModelConfig
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.errors import InputError
from kalm_data.core.synth_result import Estimate, SynthResult, SynthTotals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.judging import Settled
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "DeviceSettings",
    "Engine",
    "Estimate",
    "Gates",
    "ModelConfig",
    "SynthConfig",
    "SynthResult",
    "SynthTotals",
    "estimate",
    "make_engine",
    "preview",
    "synth",
]


def synth(
    workspace: Path,
    tasks: Sequence[str],
    config: SynthConfig,
    model: ModelConfig | None = None,
    *,
    engine: Engine | None = None,
    devices: DeviceSettings | None = None,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[SynthTotals]:
    """Have queries written for the documents of the tasks' pools, all tasks if none is named.

    With `config.type` whole rows of one task are written, which is made if it is new. An `engine`
    that was made before (`make_engine`) serves several calls with one loaded model.
    """
    from kalm_data.api.authors import AuthorMaker
    from kalm_data.engines.language import ScriptAndLangid
    from kalm_data.stages.synth import Writer
    from kalm_data.stages.synth import synth as stage
    from kalm_data.workspace.generations import GenerationStore

    _refuse_unnamed(tasks, config)
    model, made = model or ModelConfig(), DeviceEngines(devices)

    def all_tasks(database: Database, run: WorkspaceRun) -> SynthTotals:
        store, detector = GenerationStore(database), ScriptAndLangid()
        asked = engine or make_engine(config, model)
        maker = AuthorMaker(database, run, asked, config, model, made)
        results = []
        for task in _tasks(database, run, tasks, config):
            maker.remember_examples()
            writing, journal, author = maker.make(task)
            writer = Writer(author, journal, writing, maker.offer(), asked.chunk)
            results.append(stage(store, run, writer, detector, maker.plan(task), config))
        asked.close()
        return replace(_sum(results, asked), devices=made.given)

    return execute(
        workspace, "synth", config,
        {"tasks": tasks, "model": model.model_dump(mode="json"), "devices": made.named},
        all_tasks, creates=config.type is not None, resumable=True, gates=gates,
        on_progress=on_progress,
    )  # fmt: skip


def preview(
    workspace: Path,
    tasks: Sequence[str],
    config: SynthConfig,
    model: ModelConfig | None = None,
    *,
    devices: DeviceSettings | None = None,
) -> tuple[Settled, ...]:
    """The first `config.preview` queries of each task, with prompts and verdicts.

    Replies that the journal holds are shown; what is asked besides is not kept. Raises InputError
    with `export_batch`, which sends nothing.
    """
    from kalm_data.api.authors import AuthorMaker
    from kalm_data.engines.language import ScriptAndLangid
    from kalm_data.stages.synth import make_judge
    from kalm_data.stages.synth import preview as stage
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.generations import GenerationStore

    _refuse_unnamed(tasks, config)
    if model and model.export_batch:
        message = "--preview asks the engine, and --export-batch sends nothing: leave one out"
        raise InputError(message)
    database, model = Database(workspace), model or ModelConfig()
    store, detector = GenerationStore(database), ScriptAndLangid()
    engine = make_engine(config, model)
    maker = AuthorMaker(database, None, engine, config, model, DeviceEngines(devices))
    shown: list[Settled] = []
    for task in _known_tasks(database, tasks, config):
        writing, _, author = maker.make(task)
        judge = make_judge(store, writing, detector, config)
        shown += stage(store, author, judge, task.name, maker.plan(task), config.preview)
    return tuple(shown)


def estimate(
    workspace: Path,
    tasks: Sequence[str],
    config: SynthConfig,
    model: ModelConfig | None = None,
    *,
    devices: DeviceSettings | None = None,
) -> Mapping[str, Estimate]:
    """What each task would take: requests, tokens, cost, time and disk. Nothing is asked."""
    from kalm_data.api.authors import AuthorMaker
    from kalm_data.api.language_models import tokenizer_name
    from kalm_data.core.asking import Silent
    from kalm_data.engines.tokenizer import ModelTokenizer
    from kalm_data.stages.estimate import ApproximateTokenizer
    from kalm_data.stages.estimate import estimate as stage
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.generations import GenerationStore

    _refuse_unnamed(tasks, config)
    if config.is_extractive:
        message = "--estimate counts the tokens of a language model: name one with --engine"
        raise InputError(message)
    database, model = Database(workspace), model or ModelConfig()
    engine = make_engine(config, model.model_copy(update={"export_batch": None}))
    asked = engine.engine.name
    silent = replace(engine, engine=Silent(asked))
    maker = AuthorMaker(database, None, silent, config, model, DeviceEngines(devices))
    name = tokenizer_name(config, model)
    tokenizer = ModelTokenizer(name) if name else ApproximateTokenizer()
    found = {}
    for task in _known_tasks(database, tasks, config):
        _, _, author = maker.make(task)
        past = GenerationStore(database).past(asked)
        found[task.name] = stage(
            author, maker.plan(task), tokenizer, past, config, model.concurrency
        )
    return found


def _refuse_unnamed(tasks: Sequence[str], config: SynthConfig) -> None:
    if config.type and len(tasks) != 1:
        message = f"rows of type {config.type} go to one task. Name it with --task."
        raise InputError(message)


def _known_tasks(
    database: Database,
    names: Sequence[str],
    config: SynthConfig,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Task, ...]:
    """The tasks as they are, or as the one of `config.type` will be."""
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.tasks import read_ranked_tasks, read_task_row, refuse_scored

    if not config.type:
        return read_ranked_tasks(database, names, tell)
    refuse_scored(database, names[0])
    held = read_task_row(database, names[0])
    if held is None:
        symmetric = config.type in ("sts", "bitext", "short-short", "long-long")
        return (Task(name=names[0], type=config.type, symmetric=symmetric),)
    task = Task.model_validate_json(held.definition)
    if task.type != config.type:
        message = f"task {task.name} is of type {task.type}. Name another --task or --type."
        raise InputError(message)
    return (task,)


def _tasks(
    database: Database, run: WorkspaceRun, names: Sequence[str], config: SynthConfig
) -> tuple[Task, ...]:
    """The tasks; the one of `config.type` is written down if it is new."""
    from kalm_data.core.arrivals import task_revision
    from kalm_data.workspace.tasks import read_task_row

    tasks = _known_tasks(database, names, config, run.warn)
    if config.type:
        held = read_task_row(database, tasks[0].name)
        run.append(task_revision(tasks[0], tasks[0].pool[0], held, run.run_id)[1])
    return tasks


def _sum(results: Sequence[SynthResult], engine: Engine) -> SynthTotals:
    facets: Counter[str] = Counter()
    for result in results:
        facets.update(result.facets)
    return SynthTotals(
        requests=sum(result.requests for result in results),
        accepted=sum(result.accepted for result in results),
        dropped=sum(result.dropped for result in results),
        others=sum(result.others for result in results),
        cut=sum(result.cut for result in results),
        tokens_in=sum(result.tokens_in for result in results),
        tokens_out=sum(result.tokens_out for result in results),
        seconds_asked=round(sum(result.seconds_asked for result in results), 3),
        cached_tokens=engine.cached_tokens(),
        exported=engine.exported(),
        cost=round(sum(result.cost for result in results), 6),
        facets=dict(sorted(facets.items())),
        tasks=tuple(results),
    )
