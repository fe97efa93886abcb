"""Derive personas from documents, and write them to a file."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.config.gates import Gates
from kalm_data.core.config.language_model import ModelConfig
from kalm_data.core.config.personas import PersonasConfig
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.api.language_models import Engine
    from kalm_data.core.personas import Persona
    from kalm_data.core.summary import Outcome, Progress
    from kalm_data.core.tasks import Task
    from kalm_data.stages.personas import Deriver, PersonasResult
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["Gates", "ModelConfig", "PersonasConfig", "derive_personas"]


def derive_personas(
    workspace: Path,
    file: Path,
    task: str,
    config: PersonasConfig,
    model: ModelConfig | None = None,
    *,
    gates: Gates | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[PersonasResult]:
    """Write the personas that a language model derives from the task's documents to `file`.

    They are JSON lines as `synth --personas` reads them; an older file is replaced whole.
    """
    settings = model or ModelConfig()

    def stage(database: Database, run: WorkspaceRun) -> PersonasResult:
        from kalm_data.api.language_models import make_engine
        from kalm_data.core.synthesis import Plan
        from kalm_data.stages.personas import PersonasResult
        from kalm_data.stages.personas import derive_personas as derive
        from kalm_data.workspace.generations import GenerationStore
        from kalm_data.workspace.tasks import read_ranked_tasks

        (known_task,) = read_ranked_tasks(database, [task], run.warn)
        store = GenerationStore(database)
        hashes = store.sources(known_task, config.split)
        engine = make_engine(config, settings)
        deriver = _deriver(database, run, known_task, engine, config, settings)
        plan = Plan(tuple(_ordered(hashes, config.seed)), 1)
        found, documents, duplicates = derive(run, deriver, plan, (), config)
        engine.close()
        _write(file, found)
        return PersonasResult(len(found), documents, duplicates, str(file))

    return execute(
        workspace, "personas", config, {"task": task, "file": file}, stage,
        resumable=True, gates=gates, on_progress=on_progress,
    )  # fmt: skip


def _ordered(hashes: Sequence[str], seed: int) -> list[str]:
    from kalm_data.core.seeded import digest

    return sorted(hashes, key=lambda text_hash: digest(seed, "personas", text_hash))


def _deriver(
    database: Database,
    run: WorkspaceRun,
    task: Task,
    engine: Engine,
    config: PersonasConfig,
    model: ModelConfig,
) -> Deriver:
    from kalm_data.api.language_models import make_room
    from kalm_data.core.asking import Asker
    from kalm_data.core.authors.asking_model import Requester
    from kalm_data.core.journal import RunJournal
    from kalm_data.core.prompt_shelf import read_shelf
    from kalm_data.core.spending import Spending
    from kalm_data.core.written_rows import Writing
    from kalm_data.engines.reply_schema import read_reply
    from kalm_data.stages.personas import Deriver
    from kalm_data.workspace.generations import GenerationStore

    store = GenerationStore(database)
    writing = Writing(task, engine.engine.name, "llm", config.split, "personas", run.run_id)
    journal = RunJournal(store, run, writing, Spending())
    return Deriver(
        documents=partial(store.documents, task),
        asker=Asker(engine.engine, journal, read_reply, config.tries, config.seed),
        requester=Requester(engine.engine.name, config, make_room(config, model, engine)),
        shelf=read_shelf(model.prompt, model.prompts_dir),
    )


def _write(file: Path, personas: Sequence[Persona]) -> None:
    partial_file = file.with_name(file.name + ".partial")
    rows = ({"id": one.id, "persona": one.persona, "language": one.language} for one in personas)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial_file.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        partial_file.replace(file)
    except OSError as error:
        message = f"{file}: cannot be written: {error.strerror}"
        raise InputError(message) from error
