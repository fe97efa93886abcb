"""Wrong usage in one line: the option, the value, what it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kalm_data.api.layers import refusal

if TYPE_CHECKING:
    import typer


def usage_line(error: typer.exceptions.TyperException) -> str:
    """What is wrong; empty where help was printed instead."""
    told: Any = error
    hint, parameter = (getattr(error, name, None) for name in ("param_hint", "param"))
    if hint:
        return f"{hint}: {told.message}"
    if parameter is None:
        return error.format_message().removeprefix("Invalid value: ")
    if isinstance(error.__cause__, ValidationError):
        wrong = error.__cause__.errors()[0]
        shown = "" if wrong["type"] == "value_error" else f" (given: {wrong['input']!r})"
        return f"{_name(parameter)}: {refusal(wrong)}{shown}"
    return f"{_name(parameter)}: {told.message or 'is missing'}"


def _name(parameter: Any) -> str:  # noqa: ANN401 - of the library within typer
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return str(max(parameter.opts, key=len))
