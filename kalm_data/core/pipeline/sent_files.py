"""The prompts and personas that a step sends to a language model: of a folder those alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.config.language_model import ModelConfig
from kalm_data.core.config.personas import PersonasConfig
from kalm_data.core.config.synth import ONE_STEP, SynthConfig
from kalm_data.core.languages import PROMPT_LANGUAGES, prompt_language
from kalm_data.core.pipeline.commands import PersonaArguments, TaskArguments
from kalm_data.core.resources import resource_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from kalm_data.core.pipeline.step import Places, Step
    from kalm_data.core.prompts import PromptTask

    LanguagesOf: TypeAlias = Callable[[tuple[str, ...]], frozenset[str]]
    """Languages of the documents of tasks (of all if none is named); empty if not known yet."""


def sent_files(step: Step, places: Places, languages: LanguagesOf) -> Mapping[str, Path]:
    """Name → file; the names of the package's own tell nothing of where it is installed.

    Raises InputError where a prompt cannot be read.
    """
    match step.command.name:
        case "synth":
            config = step.of(SynthConfig)
            if config.is_extractive:
                return {}
            files = _prompts(step, places, _of_synth(config), _asked_in(step, config, languages))
            if step.of(ModelConfig).personas is None:
                files["kalm-data's personas"] = resource_folder("personas")
            return files
        case "personas":
            told = step.of(PersonasConfig).query_language
            task = step.of(PersonaArguments).task
            found = frozenset({told}) if told else languages((task,))
            return _prompts(step, places, [("persona", 1)], found)
        case _:
            return {}


def _of_synth(config: SynthConfig) -> list[tuple[PromptTask, int]]:
    """Task types and steps of the prompts that it sends."""
    if config.type:
        return [(config.type, step) for step in ((1,) if config.type in ONE_STEP else (1, 2))]
    return [("grounded", 1), ("grounded", 2)] if config.steps == 2 else [("grounded-one-step", 1)]


def _asked_in(step: Step, config: SynthConfig, languages: LanguagesOf) -> frozenset[str]:
    """A prompt is in the language of its document; rows from personas have no document."""
    if config.type:
        return frozenset({config.query_language or "en"})
    return languages(step.of(TaskArguments).task)


def _prompts(
    step: Step, places: Places, kinds: Iterable[tuple[PromptTask, int]], found: frozenset[str]
) -> dict[str, Path]:
    from kalm_data.core.prompt_shelf import read_shelf

    model = step.located(places).of(ModelConfig)
    shelf = read_shelf(model.prompt, model.prompts_dir)
    spoken = sorted({prompt_language(one) for one in found} or PROMPT_LANGUAGES)
    files = [Path(shelf.find(*kind, one).source) for kind in kinds for one in spoken]
    return {_name(file, places): file for file in files}


def _name(file: Path, places: Places) -> str:
    if file.parent == resource_folder("prompts"):
        return f"kalm-data's {file.name}"
    return Path(os.path.relpath(file, places.folder)).as_posix()
