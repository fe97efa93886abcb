"""The prompts that a trained model is saved with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.templates import PAPER_QUERY, render_query, resolve_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.config.training.base_model import ModelSettings, QueryTemplates
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.tasks import Task
    from kalm_data.core.templates import Templates
    from kalm_data.trainer.base_model import Base


_RESERVED = ("query", "document", "passage", "corpus")
"""Names that encode_query and encode_document look for; a task's own prompt never takes one."""


def training_templates(
    manifest: Manifest, base: Base, settings: ModelSettings
) -> dict[str, Templates]:
    """How the texts of each task are written for the base."""
    prompts = base.query_prompt, base.document_prompt
    tasks = [_written_as(settings.templates, entry.task) for entry in manifest.tasks]
    return {task.name: resolve_templates(task, *prompts) for task in tasks}


def _written_as(templates: QueryTemplates, task: Task) -> Task:
    if templates == "model" or task.query_template:
        return task
    return task.model_copy(update={"query_template": PAPER_QUERY})


def trained_prompts(
    prompts: Mapping[str, str], templates: Mapping[str, Templates]
) -> dict[str, str]:
    """`prompts` with what training wrote before a query: by task, and as `query` where all agree.

    So `encode_query(…)`, or `encode(…, prompt_name=TASK)`, reads as training did. What cannot be
    said by a prefix (titles, text after the query) stays with the templates in the record.
    """
    written = {task: _prefix(found) for task, found in sorted(templates.items())}
    queries = {task: prefix for task, prefix in written.items() if prefix is not None}
    by_task = {task: prefix for task, prefix in queries.items() if task not in _RESERVED}
    saved = {**prompts, **by_task}
    if len(set(written.values())) == 1 and queries:
        saved["query"] = next(iter(queries.values()))
    documents = {_document_prefix(found) for found in templates.values()}
    if len(documents) == 1 and (prefix := documents.pop()) is not None:
        saved["document"] = prefix
    return saved


def _prefix(templates: Templates) -> str | None:
    """What stands before the query, None where something follows it."""
    return render_query(templates, "") if templates.query.endswith("{query}") else None


def _document_prefix(templates: Templates) -> str | None:
    """What stands before the text of a document without a title, None where something follows."""
    head, _, tail = templates.untitled.partition("{text}")
    return None if tail or "{" in head else head
