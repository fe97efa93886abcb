"""Settings as options: a command takes `config: MineConfig` and its users see one option a field.

Names, defaults and help come from the pydantic model, so the two cannot drift apart. A command that
takes `given: Annotated[Layer, OptionsOf(TrainConfig)]` learns which of them were given.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel, ValidationError

from kalm_data.api.layers import UNSET, Layer, first_refused, refusal, unset_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class OptionsOf:
    """Marks a parameter that gets what was given of the fields of a model, as a `Layer`."""

    model: type[BaseModel]


def expand(function: Callable[..., None]) -> Callable[..., None]:
    """Replace every parameter that is a pydantic model by one option for each of its fields."""
    hints = get_type_hints(function, include_extras=True)
    models = {name: kind for name, kind in hints.items() if _is_model(kind)}
    layers = {name: mark.model for name, kind in hints.items() if (mark := _mark_of(kind))}

    @functools.wraps(function)
    def command(**values: Any) -> None:  # noqa: ANN401 - whatever the options hold
        built = {name: _build(model, values) for name, model in models.items()}
        given = {name: _layer(model, values) for name, model in layers.items()}
        function(**values, **built, **given)

    signature = inspect.signature(function)
    kept = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in models and name not in layers
    ]
    added = [_without_default(p, model) for model in layers.values() for p in _options(model)]
    added += [p for model in models.values() for p in _options(model)]
    added += [_unset_option() for _ in layers]
    command.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*kept, *added]}
    return command


def _is_model(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _mark_of(kind: Any) -> OptionsOf | None:  # noqa: ANN401 - a type expression
    marks = (mark for mark in get_args(kind)[1:] if isinstance(mark, OptionsOf))
    return next(marks, None) if get_origin(kind) is Annotated else None


def _without_default(option: inspect.Parameter, model: type[BaseModel]) -> inspect.Parameter:
    """The option without a default: its help tells what holds where nobody gives it."""
    kind, info = get_args(option.annotation)
    default = model.model_fields[option.name].default
    if default not in (None, ()) and not model.model_fields[option.name].is_required():
        info.show_default = _written(default)
    return option.replace(default=None, annotation=Annotated[kind | None, info])


def _unset_option() -> inspect.Parameter:
    """Nothing else takes away what a recipe or a file gives: an option can only give another."""
    told = (
        "Setting that recipe and file are not to give, as matryoshka or base-shares: its default "
        "holds. Repeatable."
    )
    kind = Annotated[list[str] | None, typer.Option(help=told)]
    return inspect.Parameter(UNSET, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _written(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _layer(model: type[BaseModel], values: dict[str, Any]) -> Layer:
    """What was given, and unset. A value that its own field refuses is wrong usage."""
    chosen = {name: values.pop(name) for name in model.model_fields}
    given = {name: value for name, value in chosen.items() if value not in (None, [])}
    if (wrong := first_refused(model, given)) is not None:
        raise _usage_error(model, wrong)
    try:
        unset = unset_names(model, values.pop(UNSET) or [])
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{UNSET}") from error
    return Layer("option", given, unset)


def _options(model: type[BaseModel]) -> list[inspect.Parameter]:
    hints = get_type_hints(model)
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=Annotated[_option_type(hints[name]), _option(field, _group(model, name))],
        )
        for name, field in model.model_fields.items()
    ]


def _group(model: type[BaseModel], name: str) -> str:
    """The heading of the option in the help: what the class that brings it says of itself."""
    owners = [kind for kind in model.__mro__ if name in inspect.get_annotations(kind)]
    return (owners[-1].__doc__ or "").split(". ")[0].split("\n")[0].removesuffix(".")


def _option(field: FieldInfo, group: str) -> Any:  # noqa: ANN401 - typer's own untyped return
    """A field says `option` where its own name cannot be the option's (`--as`, `--task -t`)."""
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "option" in extra:
        names = str(extra["option"]).split()
        return typer.Option(*names, help=field.description, rich_help_panel=group)
    return typer.Option(help=field.description, rich_help_panel=group)


def _default(field: FieldInfo) -> object:
    if field.is_required():
        return inspect.Parameter.empty
    default = field.get_default(call_default_factory=True)
    return list(default) if isinstance(default, tuple) else default


def _option_type(kind: Any) -> Any:  # noqa: ANN401 - a type expression
    """The type typer reads: tuples of any length are options given more than once.

    Typer knows no choice among several words for these; pydantic checks the words.
    """
    if get_origin(kind) is tuple:
        return list[str]
    if get_origin(kind) in (Union, types.UnionType):
        return Union[tuple(_option_type(part) for part in get_args(kind))]  # noqa: UP007
    return kind


def _build(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    chosen = {name: values.pop(name) for name in model.model_fields}
    try:
        return model(**chosen)
    except ValidationError as error:
        raise _usage_error(model, error.errors()[0]) from error


def _usage_error(model: type[BaseModel], wrong: ErrorDetails) -> typer.BadParameter:
    """What is wrong with one option, or with several of them together."""
    message = refusal(wrong, model)
    if wrong["loc"]:
        option = "--" + str(wrong["loc"][0]).replace("_", "-")
        return typer.BadParameter(f"{message} (given: {wrong['input']!r})", param_hint=option)
    return typer.BadParameter(_with_options(message, model))


def _with_options(message: str, model: type[BaseModel]) -> str:
    """The message with `min_words` written as its option, `--min-words`."""
    fields = [name for name in model.model_fields if "_" in name]
    for name in sorted(fields, key=len, reverse=True):
        message = re.sub(rf"(?<![\w-]){name}\b", "--" + name.replace("_", "-"), message)
    return message
