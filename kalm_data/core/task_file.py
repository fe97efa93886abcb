"""tasks.toml: many tasks, with the sources of their documents, pairs, labels and scored pairs.

[[task]]
name = "faq"                       # and every other field of a task
documents = ["docs"]               # paths are relative to the file
pairs = [{ source = "faq.csv", query = "question", pos = "answer" }]
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from kalm_data.core.config.imports import (
    DocumentSettings,
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportStsConfig,
)
from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class DeclaredImport:
    """One source of a task and how it is read; its config tells what is imported."""

    source: str
    config: ImportDocumentsConfig | ImportPairsConfig | ImportLabelsConfig | ImportStsConfig


@dataclass(frozen=True, slots=True)
class DeclaredTask:
    """A task and its imports, documents first: pairs may name documents by id."""

    task: Task
    imports: tuple[DeclaredImport, ...]


class _DocumentsEntry(ImportDocumentsConfig):
    source: str = Field(min_length=1)


class _PairsEntry(ImportPairsConfig):
    source: str = Field(min_length=1)


class _LabelsEntry(ImportLabelsConfig):
    source: str = Field(min_length=1)


class _StsEntry(ImportStsConfig):
    source: str = Field(min_length=1)


class _TaskEntry(Task):
    documents: tuple[_DocumentsEntry, ...] = ()
    pairs: tuple[_PairsEntry, ...] = ()
    labels: tuple[_LabelsEntry, ...] = ()
    sts: tuple[_StsEntry, ...] = ()

    @field_validator("documents", "pairs", "labels", "sts", mode="before")
    @classmethod
    def _sources_may_stand_alone(cls, entries: object) -> object:
        if isinstance(entries, str):
            entries = [entries]
        if not isinstance(entries, list):
            return entries
        return [{"source": entry} if isinstance(entry, str) else entry for entry in entries]


class _TaskFile(Settings):
    task: tuple[_TaskEntry, ...] = Field(min_length=1)


_ENTRIES: tuple[type[BaseModel], ...] = (
    _TaskFile, _TaskEntry, _DocumentsEntry, _PairsEntry, _LabelsEntry, _StsEntry
)  # fmt: skip


def read_task_file(file: Path) -> list[DeclaredTask]:
    """The declared tasks in order. InputError names the line, the key and the remedy."""
    try:
        text = file.read_text("utf-8")
        entries = _TaskFile.model_validate(tomllib.loads(text)).task
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}"
        raise InputError(message) from error
    except UnicodeDecodeError as error:
        message = f"{file}: not UTF-8. Convert it."
        raise InputError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"{file}: no valid TOML: {error}"
        raise InputError(message) from error
    except ValidationError as error:
        raise InputError(_first_line(file, text, error)) from error
    names = [entry.name for entry in entries]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        message = f'{file}: task "{twice}" is declared twice. Give each task its own name.'
        raise InputError(message)
    return [_declared(entry, file.parent) for entry in entries]


def _declared(entry: _TaskEntry, folder: Path) -> DeclaredTask:
    imports: list[DeclaredImport] = []
    for kind, sources in (
        (ImportDocumentsConfig, entry.documents),
        (ImportPairsConfig, entry.pairs),
        (ImportLabelsConfig, entry.labels),
        (ImportStsConfig, entry.sts),
    ):  # fmt: skip
        for source in sources:
            settings = source.model_dump(exclude={"source"})
            imports.append(DeclaredImport(_located(source.source, folder), kind(**settings)))
    task = Task(**entry.model_dump(exclude={"documents", "pairs", "labels", "sts"}))
    if entry.labels:  # as import labels has it
        task = task.model_copy(update={"in_batch": False})
    return DeclaredTask(_with_collections(task, imports), tuple(imports))


def _located(source: str, folder: Path) -> str:
    """A path relative to the file; `-` and `hf:` names as they are."""
    return source if source == "-" or source.startswith("hf:") else str(folder / source)


def _with_collections(task: Task, imports: Sequence[DeclaredImport]) -> Task:
    """The task with the collections of all its imports in its pool."""
    first = task.pool[0]
    named = (
        each.config.collection or first
        for each in imports
        if isinstance(each.config, DocumentSettings)
    )
    pool = dict.fromkeys((*task.collections, *named))
    if not pool or tuple(pool) == task.pool:
        return task
    return task.model_copy(update={"collections": tuple(pool)})


def _first_line(file: Path, text: str, error: ValidationError) -> str:
    """`file:line: task[2].pairs[1].qeury: …` of the first thing that is wrong."""
    first = error.errors()[0]
    keys = [key for key in first["loc"] if isinstance(key, str)]
    line = _line_of(text, keys[-1]) if keys else None
    place = f"{file}:{line}" if line else str(file)
    return f"{place}: {_path(first['loc'])}: {_problem(first, keys)}"


def _problem(first: ErrorDetails, keys: Sequence[str]) -> str:
    if first["type"] == "extra_forbidden":
        known = {name for entry in _ENTRIES for name in entry.model_fields}
        close = get_close_matches(keys[-1], sorted(known), n=1)
        return "unknown key" + (f"; is {close[0]} meant?" if close else ". Remove it.")
    if first["type"] == "missing":
        return "is missing. Add it."
    message = refusal(first)
    if first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = "not a path or a table with the key source"
    return f"{message} (given: {_shown(first['input'])})"


def _path(location: tuple[str | int, ...]) -> str:
    """`("task", 1, "pairs", 0, "query")` as `task[2].pairs[1].query`: people count from one."""
    parts = "".join(f"[{k + 1}]" if isinstance(k, int) else f".{k}" for k in location)
    return parts.removeprefix(".")


def _line_of(text: str, key: str) -> int | None:
    pattern = re.compile(rf"(?:^|[\s{{,]){re.escape(key)}\"?\s*=")
    numbered = enumerate(text.splitlines(), start=1)
    return next((number for number, line in numbered if pattern.search(line)), None)


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
