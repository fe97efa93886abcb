"""Settings from several places: default < recipe < file < option. Each knows where it is from."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import ValidationError

from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError, reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

S = TypeVar("S", bound=Settings)

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Layer:
    """Values by the names of settings; `source` is "recipe adapt", say, a file or "option"."""

    source: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Resolved(Generic[S]):
    """Settings, and by name where each is from; what no layer names is from "default"."""

    settings: S
    sources: Mapping[str, str]

    def to_toml(self) -> str:
        """A file that gives the same settings again; a comment tells where each was from."""
        lines = [_toml_line(name, value, self.sources[name]) for name, value in self.settings]
        return "".join(lines)


def resolve(model: type[S], *layers: Layer) -> Resolved[S]:
    """Lay `layers` over the defaults, later ones over earlier ones.

    Raises InputError where the values contradict one another, or one that must be given is missing.
    """
    values: dict[str, object] = {}
    sources = dict.fromkeys(model.model_fields, DEFAULT)
    for layer in layers:
        values |= layer.values
        sources |= dict.fromkeys(layer.values, layer.source)
    try:
        return Resolved(model.model_validate(values), sources)
    except ValidationError as error:
        raise InputError(_problem(error, sources)) from error


def read_layer(file: Path, model: type[Settings], beside: tuple[str, ...] = ()) -> Layer:
    """The settings that a TOML file gives; `beside` are further keys it may hold.

    Raises InputError with file, line, value and remedy where a key is unknown or a value wrong.
    """
    try:
        text = file.read_text("utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: cannot be read: {reason(error)}. Name a TOML file of settings."
        raise InputError(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"{file}: no valid TOML: {error}. Write one setting a line: lr = 1e-5."
        raise InputError(message) from error
    known = (*model.model_fields, *beside)
    for key in values:
        if key not in known:
            raise InputError(f"{file}:{_line_of(text, key)}: {_unknown(key, known)}")
    _check_alone(file, text, model, {key: values[key] for key in values if key not in beside})
    return Layer(str(file), values)


def _check_alone(
    file: Path, text: str, model: type[Settings], values: Mapping[str, object]
) -> None:
    """Raise InputError at the line of the first value that its own field refuses."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        for wrong in error.errors():
            if wrong["loc"] and wrong["type"] != "missing":
                key = str(wrong["loc"][0])
                message = wrong["msg"].removeprefix("Value error, ")
                line = _line_of(text, key)
                told = f"{file}:{line}: {key}: {message} (given: {wrong['input']!r}). Mend it."
                raise InputError(told) from error


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(key.replace("-", "_"), known, n=1)
    remedy = f"Is {close[0]} meant?" if close else "Take it away."
    return f"unknown setting {key}. {remedy}"


def _problem(error: ValidationError, sources: Mapping[str, str]) -> str:
    wrong = error.errors()[0]
    message = wrong["msg"].removeprefix("Value error, ")
    if not wrong["loc"]:
        return message
    name = str(wrong["loc"][0])
    if wrong["type"] == "missing":
        return f"{name} is not given. Name it with --{name.replace('_', '-')}, or in --config."
    return f"{name}: {message} (given: {wrong['input']!r}, from {sources.get(name, DEFAULT)})"


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"^\s*\"?{re.escape(key)}\"?\s*=")
    numbered = enumerate(text.splitlines(), start=1)
    return next((number for number, line in numbered if pattern.search(line)), 1)


def _toml_line(name: str, value: object, source: str) -> str:
    if value is None:
        return f"# {name} is not set\n"
    return f"{name} = {_toml(value)}  # {source}\n"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
