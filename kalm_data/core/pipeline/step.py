"""One step of a pipeline, and where the files and models that it names lie."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.config.eval import RegressSettings
from kalm_data.core.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kalm_data.core.config.layers import Layer
    from kalm_data.core.pipeline.commands import Command

S = TypeVar("S", bound=Settings)

_NAMES = (
    "sources", "exclude", "model", "teacher", "against", "tokenizer", "encoder", "denoise",
    "regress", "merge",
)  # fmt: skip
"""Keys whose words are paths or names: of models, or of data sets of the hub."""
_KINDS = ("ranker", "rescored")
"""Keys whose words are `KIND:SUBJECT`, where the subject is a path or a name."""
_ALSO_WRITTEN = "export_batch"
_SOME_READ = ("prompt", "prompts_dir")
"""Keys of which `sent_files` tells what the step reads."""
_HERE = (f".{os.sep}", f"..{os.sep}")


@dataclass(frozen=True, slots=True)
class Step:
    """A command with its settings as the file has them, defaults and the file's seed included.

    `given` are the settings that lie over a file of settings: those alone that the step names.
    `line` is where it begins in the file, 1-based.
    """

    name: str
    command: Command
    settings: tuple[Settings, ...]
    given: Layer
    line: int

    def of(self, kind: type[S]) -> S:
        """The settings of one class."""
        return next(one for one in self.settings if isinstance(one, kind))

    @property
    def output(self) -> Path | None:
        """What the step writes, as the file has it."""
        for one in self.settings:
            if (written := getattr(one, self.command.output, None)) is not None:
                return Path(written)
        return None

    @property
    def reads(self) -> bool:
        """Whether what it does depends on the workspace; no task's name has a slash."""
        return self.command.reads or any(
            "/" not in name
            for one in self.settings
            if isinstance(one, RegressSettings)
            for name in one.regress
        )

    def resolved(self) -> dict[str, object]:
        """All settings by name, as JSON has them; of those over a file what the step names."""
        complete = {
            name: value
            for one in self.settings
            for name, value in one.model_dump(mode="json").items()
        }
        return complete | dict(self.given.values)

    def located(self, place: Places) -> Step:
        """The same step with every path relative to the file's folder."""
        settings = tuple(_mapped(one, place.locate) for one in self.settings)
        given = {**self.given.values, **dict(_changed(self.given.values, place.locate))}
        return replace(self, settings=settings, given=replace(self.given, values=given))

    def inputs(self, place: Places) -> tuple[str, ...]:
        """The files and folders that the step reads whole, as the file has them, in order of
        keys.
        """
        found: list[str] = []

        def note(key: str, value: str | Path) -> str | Path:
            if (
                key not in (self.command.output, _ALSO_WRITTEN, *_SOME_READ)
                and (path := place.path_in(key, value)) is not None
            ):
                found.append(path)
            return value

        for values in (*map(dict, self.settings), self.given.values):
            list(_changed(values, note))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Places:
    """Tells paths from names. `made` are the outputs of the file's steps."""

    folder: Path
    made: frozenset[str]

    def path_in(self, key: str, value: str | Path) -> str | None:
        """The path that a value is or holds (`run:FILE`), None where it is a name or a word."""
        if isinstance(value, Path):
            return str(value)
        kind, colon, subject = value.partition(":")
        if key in _KINDS:
            return subject if colon and self._is_path(kind, subject) else None
        if key == "sources":
            return None if kind == "hf" and colon else value
        is_path = value.startswith(_HERE) or (key in _NAMES and self._is_path(key, value))
        return value if is_path else None

    def locate(self, key: str, value: str | Path) -> str | Path:
        """The value with its path seen from where the command runs; as it is if that is here."""
        path = self.path_in(key, value)
        if path is None or self.folder == Path():
            return value
        if isinstance(value, Path):
            return self.folder / value
        return value.removesuffix(path) + str(self.folder / path)

    def from_here(self) -> Places:
        """The same for words that are relative to where the command runs."""
        made = (os.path.relpath(self.folder / path) for path in self.made)
        return Places(Path(), frozenset(made))

    def _is_path(self, kind: str, word: str) -> bool:
        if not word:
            return False
        is_told = kind == "run" or word.startswith(_HERE) or Path(word).is_absolute()
        return is_told or os.path.normpath(word) in self.made or (self.folder / word).exists()


def _mapped(settings: S, change: Callable[[str, str | Path], str | Path]) -> S:
    changed = dict(_changed(dict(settings), change))
    return settings.model_copy(update=changed) if changed else settings


def _changed(
    values: Mapping[str, object], change: Callable[[str, str | Path], str | Path]
) -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, str | Path):
            changed: object = change(key, value)
        elif isinstance(value, tuple | list) and value and isinstance(value[0], str | Path):
            changed = type(value)(change(key, one) for one in value)
        else:
            continue
        if changed != value:
            yield key, changed


def made_by(steps: Sequence[Step]) -> Mapping[str, str]:
    """Output, as a normal path, → the name of the step that writes it."""
    return {os.path.normpath(step.output): step.name for step in steps if step.output is not None}
