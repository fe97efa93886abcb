"""What is wrong with the value of a setting, for people: pydantic's words are those of Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_BOUNDS = {
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
}
_KINDS = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
}


def refusal(wrong: ErrorDetails, model: type[BaseModel] | None = None) -> str:
    """`must be from 1 to 20`: to be read after the name of the setting. With the model all of its
    bounds are told, not only the one that the value breaks.
    """
    kind, told = wrong["type"], wrong.get("ctx", {})
    if kind in _BOUNDS:
        bounds = (model and _bounds(model, wrong)) or {_BOUNDS[kind]: told[_BOUNDS[kind]]}
        return f"must be {_range(bounds)}"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}"
    match kind:
        case "literal_error":
            return f"must be {told['expected'].replace(chr(39), '')}"
        case "too_short":
            return f"must have at least {told['min_length']}"
        case "string_pattern_mismatch":
            return f"must match {told['pattern']}"
        case "extra_forbidden":
            return "is unknown"
        case "missing":
            return "is missing"
        case _:
            return wrong["msg"].removeprefix("Value error, ")


def _bounds(model: type[BaseModel], wrong: ErrorDetails) -> Mapping[str, float]:
    """Of the field; none of a field within another."""
    field = model.model_fields.get(str(wrong["loc"][0]))
    if field is None or len(wrong["loc"]) > 1:
        return {}
    return {
        name: getattr(one, name)
        for one in field.metadata
        for name in _BOUNDS.values()
        if hasattr(one, name)
    }


def _range(bounds: Mapping[str, float]) -> str:
    match bounds:
        case {"ge": low, "le": high}:
            return f"from {low} to {high}"
        case {"gt": low, "le": high}:
            return f"more than {low} and at most {high}"
        case {"ge": low, "lt": high}:
            return f"at least {low} and less than {high}"
        case {"gt": low, "lt": high}:
            return f"between {low} and {high}, and neither of them"
        case {"ge": low}:
            return f"at least {low}"
        case {"gt": low}:
            return f"more than {low}"
        case {"le": high}:
            return f"at most {high}"
        case _:
            return f"less than {bounds['lt']}"
