"""Personas: who might ask. JSON lines with `persona` and, as ours have them, more about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    personas: dict[str, int] = {}
    texts: dict[str, int] = {}
    found = []
    for number, line in _lines(file):
        persona = _parse(line, f"{file}:{number}")
        _refuse_repeated(personas, persona.id, file, number)
        _refuse_repeated(texts, persona.persona, file, number)
        found.append(persona)
    if not found:
        message = f"{file}: no persona in it. Give JSON lines with the key 'persona'."
        raise InputError(message)
    return tuple(found)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: not a readable file of personas: {reason(error)}"
        raise InputError(message) from error


def _parse(line: str, place: str) -> Persona:
    try:
        row = json.loads(line)
    except ValueError as error:
        message = f"{place}: no JSON: {error}"
        raise InputError(message) from error
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


def _refuse_repeated(seen: dict[str, int], value: str, file: Path, number: int) -> None:
    if value in seen:
        message = f"{file}:{number}: {value!r} stands in line {seen[value]} already"
        raise InputError(message)
    seen[value] = number
