"""Finds queries that stand word for word in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_START_WORDS = 4
"""A document is searched for the first words of a query; what begins alike is compared whole."""


def find_verbatim(queries: Sequence[str], documents: Iterable[str]) -> dict[int, int]:
    """Position of a query → position of the first document that holds all its words in a row.

    Case, white space and what stands between words do not count. Queries without words are found
    nowhere.
    """
    sequences = [words(query) for query in queries]
    starting: dict[tuple[str, ...], list[int]] = {}
    for place, sequence in enumerate(sequences):
        if sequence:
            starting.setdefault(tuple(sequence[:_START_WORDS]), []).append(place)
    lengths = sorted({len(start) for start in starting})
    found: dict[int, int] = {}
    for document_place, document in enumerate(documents):
        text = words(document)
        for length in lengths:
            for at in range(len(text) - length + 1):
                for place in starting.get(tuple(text[at : at + length]), ()):
                    sequence = sequences[place]
                    if place not in found and text[at : at + len(sequence)] == sequence:
                        found[place] = document_place
    return found
