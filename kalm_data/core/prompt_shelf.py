"""The prompts at hand: those that ship with the package, and a user's own in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.prompts import read_prompt
from kalm_data.core.resources import resource_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from kalm_data.core.prompts import Prompt, PromptTask

_GROUNDED = "title text persona question_type difficulty words query_language examples"
_WRITTEN = "instruction language clarity difficulty"

USES: dict[tuple[str, int], tuple[frozenset[str], frozenset[str]]] = {
    key: (frozenset(variables.split()), frozenset(reply.split()))
    for key, (variables, reply) in {
        ("grounded", 1): ("title text characters", "character question_type difficulty"),
        ("grounded", 2): (_GROUNDED, "query"),
        ("grounded-one-step", 1): (_GROUNDED, "query"),
        ("short-long", 1): ("count", "instructions"),
        ("long-short", 1): ("count", "instructions"),
        ("short-short", 1): ("count", "instructions"),
        ("long-long", 1): ("count", "instructions"),
        ("short-long", 2): (
            f"{_WRITTEN} query_type query_length document_words",
            "user_query positive_document hard_negative_document",
        ),
        ("long-short", 2): (f"{_WRITTEN} input_words", "input_text label misleading_label"),
        ("short-short", 2): (_WRITTEN, "input positive_document"),
        ("long-long", 2): (_WRITTEN, "input positive_document"),
        ("sts", 1): ("unit high low difficulty language", "S1 S2 S3"),
        ("bitext", 1): ("unit high low source_language target_language", "S1 S2 S3"),
        ("persona", 1): ("title text count", "personas"),
    }.items()
}
"""By task type and step: the variables that a prompt may use, the keys its reply must have."""


class PromptShelf:
    """Prompts by task type, step and language."""

    def __init__(self, prompts: Iterable[Prompt]) -> None:
        """A later prompt takes the place of an earlier one. Raises InputError for an unfit one."""
        self._prompts: dict[tuple[str, int, str], Prompt] = {}
        for prompt in prompts:
            _refuse_unfit(prompt)
            front = prompt.front
            self._prompts[front.task_type, front.step, front.language] = prompt

    def find(self, task_type: PromptTask, step: int, language: str) -> Prompt:
        """In that language, else in English."""
        for known in (language, "en"):
            if (task_type, step, known) in self._prompts:
                return self._prompts[task_type, step, known]
        message = f"no prompt for {task_type}, step {step}, in {language} or en. Add its file."
        raise InputError(message)


def read_shelf(files: Sequence[Path], folder: Path | None) -> PromptShelf:
    """The shipped prompts, then those of a folder (*.md), then single files, the last winning."""
    folders = [resource_folder("prompts"), *([folder] if folder else [])]
    found = [file for one in folders for file in _files(one)]
    return PromptShelf(read_prompt(file) for file in [*found, *files])


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.md"))
    if not files:
        message = f"{folder}: no prompt in it. Name a folder with files *.md."
        raise InputError(message)
    return files


def _refuse_unfit(prompt: Prompt) -> None:
    front = prompt.front
    if (front.task_type, front.step) not in USES:
        message = f"{prompt.source}: {front.task_type} has no step {front.step}"
        raise InputError(message)
    variables, reply = USES[front.task_type, front.step]
    unknown = sorted(set(prompt.variables) - variables)
    if unknown:
        message = (
            f"{prompt.source}: nothing fills {', '.join(unknown)}. "
            f"Use only: {', '.join(sorted(variables))}."
        )
        raise InputError(message)
    keys = set(front.reply.properties)
    if keys != reply or set(front.reply.required) != reply:
        message = (
            f"{prompt.source}: the reply must have the keys {', '.join(sorted(reply))}, all of "
            f"them required (it has: {', '.join(sorted(keys))})"
        )
        raise InputError(message)
