"""A run in TREC's format: `query Q0 document rank score tag`, one hit a line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.lines import numbered_lines
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class TrecRun:
    """lists: query → document → score. `name` is the file's, for people."""

    name: str
    fingerprint: str
    lists: Mapping[str, Mapping[str, float]]


def read_run(file: Path) -> TrecRun:
    """Raises InputError, with file and line, for what is no hit, or comes twice."""
    lists: dict[str, dict[str, float]] = {}
    for place, line in numbered_lines(file, "run"):
        parts = line.split()
        if len(parts) != 6:
            message = (
                f"{place}: {len(parts)} fields; six are wanted: query Q0 document rank score tag"
            )
            raise InputError(message)
        query, _, document, _, score, _ = parts
        hits = lists.setdefault(query, {})
        if document in hits:
            message = f"{place}: document {document} stands twice in the list of {query}"
            raise InputError(message)
        hits[document] = _number(score, place)
    if not lists:
        message = f"{file}: no hit in it"
        raise InputError(message)
    told = (f"{query} {document} {score!r}" for query, hits in sorted(lists.items())
            for document, score in sorted(hits.items()))  # fmt: skip
    return TrecRun(file.name, digest("run", *told), lists)


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{place}: score {text!r} is no number"
        raise InputError(message)
    return value
