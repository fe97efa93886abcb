"""Personas: who might ask. JSON lines with `persona` and, as ours have them, more about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.lines import numbered_lines, read_json
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Persona:
    """One person who might ask. `id` is unique in its file; `language` is empty if not told."""

    id: str
    persona: str
    language: str


def read_personas(file: Path) -> tuple[Persona, ...]:
    """All personas of a file, in its order; keys other than ours are left alone.

    A line without `id` is known by its text. Errors name the file and line: text that is no JSON
    object, no or an empty `persona`, an id or a text that comes twice, a file without any.
    """
    personas: dict[str, str] = {}
    texts: dict[str, str] = {}
    found = []
    for place, line in numbered_lines(file, "file of personas"):
        persona = _parse(line, place)
        _refuse_repeated(personas, persona.id, place)
        _refuse_repeated(texts, persona.persona, place)
        found.append(persona)
    if not found:
        message = f"{file}: no persona in it. Give JSON lines with the key 'persona'."
        raise InputError(message)
    return tuple(found)


def _parse(line: str, place: str) -> Persona:
    row = read_json(line, place)
    if not isinstance(row, dict):
        message = f"{place}: a JSON object is wanted, with the key 'persona'"
        raise InputError(message)
    persona = _text(row, "persona", place)
    if not persona:
        message = f"{place}: 'persona' is missing or empty. Remove the line."
        raise InputError(message)
    return Persona(
        _text(row, "id", place) or digest("persona", persona),
        persona,
        _text(row, "language", place),
    )


def _text(row: dict[str, object], key: str, place: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        message = f"{place}: {key!r} is {value!r}; a text is wanted"
        raise InputError(message)
    return value.strip()


def _refuse_repeated(seen: dict[str, str], value: str, place: str) -> None:
    number = place.rpartition(":")[2]
    if value in seen:
        message = f"{place}: {value!r} stands in line {seen[value]} already"
        raise InputError(message)
    seen[value] = number
