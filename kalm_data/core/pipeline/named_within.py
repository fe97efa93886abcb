"""What the files that a step names name in turn: a file of tasks, a file of settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.config.train import read_settings
from kalm_data.core.pipeline.commands import TaskFileArguments, TrainArguments
from kalm_data.core.task_file import read_task_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kalm_data.core.pipeline.step import Places, Step


def named_within(step: Step, places: Places) -> Iterator[str]:
    """Files and folders, relative to the pipeline's. Raises InputError where a file is wrong."""
    match step.command.name:
        case "import tasks":
            found = _sources(places.folder / step.of(TaskFileArguments).file)
        case "train":
            found = _models(step, places)
        case _:
            return
    for path in found:
        yield Path(os.path.relpath(path, places.folder)).as_posix()


def _sources(file: Path) -> Iterator[str]:
    for declared in read_task_file(file):
        for one in declared.imports:
            if one.source != "-" and not one.source.startswith("hf:"):
                yield one.source


def _models(step: Step, places: Places) -> Iterator[str]:
    """Those of the file that the step does not name itself, relative to where the command runs."""
    asked = step.of(TrainArguments)
    if asked.config is None:
        return
    unread = (*step.given.values, *asked.unset)
    for name, value in read_settings(places.folder / asked.config).values.items():
        if name not in unread and isinstance(value, str):
            path = places.from_here().path_in(name, value)
            if path is not None:
                yield path
