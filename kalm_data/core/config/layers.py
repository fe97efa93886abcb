"""Settings from several places: default < recipe < file < option. Each knows where it is from.

A layer may also unset what those below it give: then the default holds.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

S = TypeVar("S", bound=Settings)

DEFAULT = "default"
UNSET = "unset"
"""The key of a file, and the option, that names settings to unset."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values by the names of settings; `source` is "recipe adapt", say, a file or "option".

    `unset`: settings that get their default back, whatever the layers below give.
    """

    source: str
    values: Mapping[str, object]
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved(Generic[S]):
    """Settings, and by name where each is from; what no layer names is from "default".

    `beside`: what a file of settings holds beside them, as `recipe`; `sources` has these, too.
    """

    settings: S
    sources: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=dict)

    def to_toml(self) -> str:
        """A file that gives the same settings again; a comment tells where each was from."""
        named = [*self.beside.items(), *self.settings]
        lines = [
            f"{name} = {_toml(value)}  # {self.sources[name]}\n"
            for name, value in named
            if value is not None
        ]
        missing = [
            f"  {_toml(name)},  # {self.sources[name]}\n" for name, value in named if value is None
        ]
        return "".join([*lines, f"{UNSET} = [\n", *missing, "]\n"])


def resolve(model: type[S], *layers: Layer) -> Resolved[S]:
    """Lay `layers` over the defaults, later ones over earlier ones.

    A layer that names a setting also unsets those below that `go_with` it, as weights go with what
    they weigh. Raises InputError where the values contradict one another, or one that must be given
    is missing.
    """
    values: dict[str, object] = {}
    sources = dict.fromkeys(model.model_fields, DEFAULT)
    for layer in layers:
        dropped = _dropped(model, layer)
        values = {name: value for name, value in values.items() if name not in dropped}
        values |= layer.values
        sources |= dict.fromkeys((*dropped, *layer.values), layer.source)
    try:
        return Resolved(model.model_validate(values), sources)
    except ValidationError as error:
        raise InputError(_problem(error, model, sources)) from error


def _dropped(model: type[Settings], layer: Layer) -> tuple[str, ...]:
    """What the layers below gave and this one lets not stand."""
    if twice := [name for name in layer.unset if name in layer.values]:
        message = f"{twice[0]} is both given and unset, from {layer.source}. Keep one of the two."
        raise InputError(message)
    named = {*layer.values, *layer.unset}
    follow = [name for name, with_it in _going_with(model) if with_it in named]
    return (*layer.unset, *(name for name in follow if name not in named))


def _going_with(model: type[Settings]) -> Iterator[tuple[str, str]]:
    """Each setting that means nothing without another, and that one."""
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict) and "goes_with" in extra:
            yield name, str(extra["goes_with"])


def unset_names(model: type[BaseModel], words: Sequence[str]) -> tuple[str, ...]:
    """The settings that `words` name, also as options are typed: `base-shares`.

    Raises ValueError at one that there is not, or that has no default.
    """
    names = tuple(dict.fromkeys(str(word).replace("-", "_") for word in words))
    for name in names:
        if name not in model.model_fields:
            raise ValueError(_unknown(name, tuple(model.model_fields)))
        if model.model_fields[name].is_required():
            message = f"{name} has no default. Take it away."
            raise ValueError(message)
    return names


def read_layer(file: Path, model: type[Settings], beside: tuple[str, ...] = ()) -> Layer:
    """The settings that a TOML file gives, and `unset`; `beside` are further keys it may hold.

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
    known = (*model.model_fields, *beside, UNSET)
    for key in values:
        if key not in known:
            raise InputError(f"{file}:{_line_of(text, key)}: {_unknown(key, known)}")
    words = values.pop(UNSET, [])
    wrong = first_refused(model, {key: values[key] for key in values if key not in beside})
    if wrong is not None:
        key = str(wrong["loc"][0])
        told = f"{key}: {refusal(wrong, model)} (given: {wrong['input']!r}). Mend it."
        raise InputError(f"{file}:{_line_of(text, key)}: {told}")
    try:
        unset = unset_names(model, words if isinstance(words, list) else [words])
    except ValueError as error:
        raise InputError(f"{file}:{_line_of(text, UNSET)}: {UNSET}: {error}") from error
    return Layer(str(file), values, unset)


def first_refused(model: type[BaseModel], values: Mapping[str, object]) -> ErrorDetails | None:
    """What its own field says of the first value that it refuses.

    What is missing, or wrong with several values together, shows when all layers are there.
    """
    try:
        model.model_validate(values)
    except ValidationError as error:
        alone = (one for one in error.errors() if one["loc"] and one["type"] != "missing")
        return next(alone, None)
    return None


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(key.replace("-", "_"), known, n=1)
    remedy = f"Is {close[0]} meant?" if close else "Take it away."
    return f"unknown setting {key}. {remedy}"


def _problem(error: ValidationError, model: type[BaseModel], sources: Mapping[str, str]) -> str:
    wrong = error.errors()[0]
    message = refusal(wrong, model)
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


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
