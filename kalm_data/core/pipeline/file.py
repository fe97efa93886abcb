"""pipeline.toml: the whole way from documents to a trained model in one file.

workspace = "kalm-workspace"       # paths are relative to the file
seed = 0                           # of every step that has one

[[step]]
command = "mine"                   # and every option of the command, named as its setting
ranker = ["bm25"]
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kalm_data.core.config.layers import Layer, first_refused
from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.train import read_settings
from kalm_data.core.errors import InputError
from kalm_data.core.pipeline.commands import COMMANDS, MERGE
from kalm_data.core.pipeline.step import Places, Step, made_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from kalm_data.core.config.settings import Settings
    from kalm_data.core.pipeline.commands import Command

_TOP = ("workspace", "seed", "step")
_OWN = ("command", "name")
_WRITES_NOTHING = ("estimate", "preview")
_STEP = re.compile(r"\s*\[\[\s*step\s*\]\]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A file of steps, in the order in which they run. `workspace` is as the file has it."""

    file: Path
    workspace: str
    steps: tuple[Step, ...]

    @property
    def places(self) -> Places:
        return Places(self.file.parent, frozenset(made_by(self.steps)))


def read_pipeline(file: Path) -> Pipeline:
    """Raises InputError that names the line, the key, the value and the remedy."""
    try:
        text = file.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8. Convert it.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: no valid TOML: {error}") from error
    return _Reader(file, text, table).read()


class _Reader:
    def __init__(self, file: Path, text: str, table: dict[str, Any]) -> None:
        self._file, self._table = file, table
        self._lines = text.splitlines()
        steps = table.get("step")
        count = len(steps) if isinstance(steps, list) else 0
        heads = [i for i, line in enumerate(self._lines, start=1) if _STEP.match(line)]
        # a text over several lines may hold what looks like the head of a step
        self._heads = heads if len(heads) == count else [1] * count

    def read(self) -> Pipeline:
        for key in self._table:
            if key not in _TOP:
                raise self._error(key, 1, f"{key}: unknown key{_meant(key, _TOP)}")
        workspace, seed = self._table.get("workspace", "kalm-workspace"), self._table.get("seed")
        if not isinstance(workspace, str) or not workspace:
            raise self._error("workspace", 1, f"workspace: not a folder (given: {workspace!r})")
        if seed is not None and (type(seed) is not int or seed < 0):
            raise self._error("seed", 1, f"seed: not a number of 0 or more (given: {seed!r})")
        tables = self._table.get("step")
        if not isinstance(tables, list) or not tables:
            message = f'{self._file}: no step. Write [[step]] and command = "import documents".'
            raise InputError(message)
        steps = [
            self._step(table, head, seed) for table, head in zip(tables, self._heads, strict=True)
        ]
        return Pipeline(self._file, workspace, tuple(self._named(steps, tables)))

    def _step(self, table: dict[str, Any], head: int, seed: int | None) -> Step:
        word = table.get("command")
        if word is None:
            message = f"command is missing. Add one of: {', '.join(COMMANDS)}"
            raise InputError(f"{self._file}:{head}: {message}")
        if not isinstance(word, str) or word not in COMMANDS or word == MERGE:
            known = f"; known: {', '.join(name for name in COMMANDS if name != MERGE)}"
            raise self._error("command", head, f"command: no step (given: {word!r}){known}")
        command = COMMANDS[MERGE if word == "train" and table.get("merge") else word]
        given = {key: value for key, value in table.items() if key not in _OWN}
        values = self._by_field(command, given, head)
        if seed is not None and any("seed" in kind.model_fields for kind in command.settings):
            values.setdefault("seed", seed)
        settings = tuple(
            self._build(command, kind, values, head)
            for kind in command.settings
            if kind is not command.layered
        )
        layer = Layer("step", self._given(command, values, head))
        return Step(str(table.get("name", "")), command, settings, layer, head)

    def _by_field(self, command: Command, given: dict[str, Any], head: int) -> dict[str, Any]:
        """The values by the names of fields; `top-k` and `--license`'s name mean the same."""
        names = _names(command)
        values: dict[str, Any] = {}
        for key, value in given.items():
            field = names.get(key)
            if field is None:
                problem = f"{command.name}: {key}: unknown key{_meant(key, list(names))}"
                raise self._error(key, head, problem)
            if field in values:
                raise self._error(key, head, f"{command.name}: {key} stands there twice. Keep one.")
            if field in _WRITES_NOTHING and value:
                problem = f"{command.name}: {key} writes nothing: type it as a command of its own"
                raise self._error(key, head, problem)
            values[field] = value
        return values

    def _build(
        self, command: Command, kind: type[Settings], values: dict[str, Any], head: int
    ) -> Settings:
        mine = {name: values[name] for name in kind.model_fields if name in values}
        try:
            return kind.model_validate(mine)
        except ValidationError as error:
            raise self._refused(command, kind, error.errors()[0], head) from error

    def _given(self, command: Command, values: dict[str, Any], head: int) -> dict[str, Any]:
        """The settings that lie over a file of settings, which may give what the step does not."""
        if command.layered is None:
            return {}
        fields = command.layered.model_fields
        mine = {name: values[name] for name in fields if name in values}
        if (wrong := first_refused(command.layered, mine)) is not None:
            raise self._refused(command, command.layered, wrong, head)
        config = values.get("config")
        below = read_settings(self._file.parent / config).values if config else ()
        for name, info in fields.items():
            if info.is_required() and name not in {*mine, *below}:
                raise self._error(name, head, f"{command.name}: {name}: is missing. Add it.")
        return mine

    def _refused(
        self, command: Command, kind: type[Settings], first: ErrorDetails, head: int
    ) -> InputError:
        key = str(first["loc"][0]) if first["loc"] else ""
        place = f"{command.name}: {key}" if key else command.name
        return self._error(key, head, f"{place}: {_problem(first, kind)}")

    def _named(self, steps: Sequence[Step], tables: Sequence[dict[str, Any]]) -> list[Step]:
        """Each step with its own name; without one the command, numbered from the second on."""
        seen: Counter[str] = Counter()
        named: list[Step] = []
        for step, table in zip(steps, tables, strict=True):
            name = step.name or re.sub(r"[ -]+", "-", step.command.name)
            if "name" in table and not (isinstance(table["name"], str) and _NAME.fullmatch(name)):
                problem = f"name: no name of a step (given: {table['name']!r}): letters and digits"
                raise self._error("name", step.line, problem)
            seen[name] += 1
            if step.name and seen[name] > 1:
                problem = f"name: two steps are named {name}. Give each its own."
                raise self._error("name", step.line, problem)
            if seen[name] > 1:
                name = f"{name}-{seen[name]}"
            named.append(replace(step, name=name))
        return named

    def _error(self, key: str, head: int, problem: str) -> InputError:
        return InputError(f"{self._file}:{self._line_of(key, head)}: {problem}")

    def _line_of(self, key: str, head: int) -> int:
        """Where a key of the step at `head` stands, in any of its spellings; `head` if nowhere."""
        spelled = re.escape(key).replace("_", "[_-]").replace(r"\-", "[_-]")
        pattern = re.compile(rf"\s*[\"']?{spelled}[\"']?\s*=")
        end = next((other for other in self._heads if other > head), len(self._lines) + 1)
        for number, line in enumerate(self._lines[head - 1 : end - 1], start=head):
            if pattern.match(line):
                return number
        return head


def _names(command: Command) -> dict[str, str]:
    """Every spelling of a key → its field: `top_k`, `top-k`, and `as` of the option `--as`."""
    names: dict[str, str] = {}
    for kind in command.settings:
        for field, info in kind.model_fields.items():
            names[field] = names[field.replace("_", "-")] = field
            extra = info.json_schema_extra
            if isinstance(extra, dict) and "option" in extra:
                names[str(extra["option"]).split()[0].removeprefix("--")] = field
    return names


def _meant(key: str, known: Sequence[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; is {close[0]} meant?" if close else ". Remove it."


def _problem(first: ErrorDetails, kind: type[Settings]) -> str:
    if first["type"] == "missing":
        return "is missing. Add it."
    message = refusal(first, kind)
    if not first["loc"]:
        return message
    shown = repr(first["input"])
    return f"{message} (given: {shown if len(shown) <= 60 else shown[:59] + '…'})"
