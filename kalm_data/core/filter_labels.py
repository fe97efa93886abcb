"""True labels of some positives, by which a sweep tells how precise a filter is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.lines import numbered_lines, read_json
from kalm_data.core.records import text_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kalm_data.core.filtering import FilterRow


@dataclass(frozen=True, slots=True)
class Labels:
    """(text hash of the query, text hash of the document) → whether it answers the query."""

    known: Mapping[tuple[str, str], bool]

    def of(self, row: FilterRow) -> bool | None:
        """The label of a row; None where nobody told."""
        return self.known.get((text_hash(row.example.query), row.text_hash))


def read_labels(file: Path) -> Labels:
    """Raises InputError, with file and line, for what is no label, and where there is none."""
    known: dict[tuple[str, str], bool] = {}
    for place, line in numbered_lines(file, "file of labels"):
        row = _parse(line, place)
        known[text_hash(row[0]), text_hash(row[1])] = row[2]
    if not known:
        message = f"{file}: no label in it"
        raise InputError(message)
    return Labels(known)


def _parse(line: str, place: str) -> tuple[str, str, bool]:
    row = read_json(line, place)
    names = ("query", "positive", "label")
    values = [row.get(name) for name in names] if isinstance(row, dict) else []
    match values:
        case [str(query), str(positive), bool() | 0 | 1 as label]:
            return query, positive, bool(label)
    message = f'{place}: wanted: {{"query": text, "positive": text, "label": true or false}}'
    raise InputError(message)
