"""One step of a pipeline, and where the files and models that it names lie."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kalm_data.core.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kalm_data.core.pipeline.commands import Command

S = TypeVar("S", bound=Settings)

_NAMES = ("sources", "exclude", "model", "against", "tokenizer", "encoder", "denoise", "regress")
"""Keys whose words are paths or names: of models, or of data sets of the hub."""
_KINDS = ("ranker", "rescored")
"""Keys whose words are `KIND:SUBJECT`, where the subject is a path or a name."""
_ALSO_WRITTEN = "export_batch"
_HERE = (f".{os.sep}", f"..{os.sep}")


@dataclass(frozen=True, slots=True)
class Step:
    """A command with its settings as the file has them, defaults and the file's seed included.

    `line` is where it begins in the file, 1-based.
    """

    name: str
    command: Command
    settings: tuple[Settings, ...]
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

    def resolved(self) -> dict[str, object]:
        """All settings by name, as JSON has them."""
        return {
            name: value
            for one in self.settings
            for name, value in one.model_dump(mode="json").items()
        }

    def located(self, place: Places) -> Step:
        """The same step with every path relative to the file's folder."""
        return replace(self, settings=tuple(_mapped(one, place.locate) for one in self.settings))

    def inputs(self, place: Places) -> tuple[str, ...]:
        """The files and folders that the step reads, as the file has them, in order of keys."""
        found: list[str] = []

        def note(key: str, value: str | Path) -> str | Path:
            if (
                key not in (self.command.output, _ALSO_WRITTEN)
                and (path := place.path_in(key, value)) is not None
            ):
                found.append(path)
            return value

        for one in self.settings:
            _mapped(one, note)
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
        """The value with its path seen from where the command runs."""
        path = self.path_in(key, value)
        if path is None:
            return value
        if isinstance(value, Path):
            return self.folder / value
        return value.removesuffix(path) + str(self.folder / path)

    def _is_path(self, kind: str, word: str) -> bool:
        if not word:
            return False
        is_told = kind == "run" or word.startswith(_HERE) or Path(word).is_absolute()
        return is_told or os.path.normpath(word) in self.made or (self.folder / word).exists()


def _mapped(settings: S, change: Callable[[str, str | Path], str | Path]) -> S:
    changed = dict(_changed(settings, change))
    return settings.model_copy(update=changed) if changed else settings


def _changed(
    settings: Settings, change: Callable[[str, str | Path], str | Path]
) -> Iterator[tuple[str, object]]:
    for key in type(settings).model_fields:
        value = getattr(settings, key)
        if isinstance(value, str | Path):
            changed: object = change(key, value)
        elif isinstance(value, tuple) and value and isinstance(value[0], str | Path):
            changed = tuple(change(key, one) for one in value)
        else:
            continue
        if changed != value:
            yield key, changed


def made_by(steps: Sequence[Step]) -> Mapping[str, str]:
    """Output, as a normal path, → the name of the step that writes it."""
    return {os.path.normpath(step.output): step.name for step in steps if step.output is not None}
