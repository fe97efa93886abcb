"""The models of an evaluation: an encoder, and how it reads the texts of each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.api.device_engines import DeviceEngines
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task
    from kalm_data.engines.sentence_transformers_encoder import Precision
    from kalm_data.measures.systems import Engines, Model, ModelFor
    from kalm_data.workspace.database import Database


def eval_engines(database: Database, made: DeviceEngines) -> Engines:
    from kalm_data.engines.bm25_lucene import LuceneBm25
    from kalm_data.measures.systems import Engines
    from kalm_data.workspace.vectors import VectorStore

    return Engines(LuceneBm25, VectorStore(database), made.search())


def model_for(name: str, run: Run, precision: Precision, made: DeviceEngines) -> ModelFor:
    """One encoder for all tasks; texts are written as its training wrote them, else as its prompts
    say.
    """
    from kalm_data.core.templates import resolve_templates
    from kalm_data.core.trained import read_trained
    from kalm_data.engines.models import resolve_model
    from kalm_data.measures.systems import Model

    resolved = resolve_model(name)
    encoder = made.encoder(name, precision)
    if encoder.note:
        run.warn(encoder.note)
    record = read_trained(resolved.path)

    def read(task: Task) -> Model:
        now = resolve_templates(task, encoder.query_prompt, encoder.document_prompt)
        learnt = record.templates.get(task.name) if record else None
        if learnt and task.query_template not in ("", learnt.query):
            run.warn(
                f"{resolved.name} reads queries as it was trained to, not by the task's template"
            )
        if learnt and task.document_template not in ("", learnt.document):
            run.warn(f"{resolved.name} reads documents as in training, not by the task's template")
        return Model(resolved.name, encoder, learnt or now)

    return read
