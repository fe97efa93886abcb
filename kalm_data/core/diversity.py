"""How varied queries are."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from kalm_data.core.near_queries import gram_hash
from kalm_data.core.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable

_PARTS = 64
"""Hashes are counted part by part, so that only one part at a time is a set of Python numbers."""


def distinct_n(queries: Iterable[str], n: int) -> float:
    """Distinct word n-grams over all word n-grams (Li et al., arXiv 1510.03055), in [0, 1].

    0 where no query has n words. Takes 8 bytes an n-gram, whatever the length of the queries.
    """
    parts = [array("Q") for _ in range(_PARTS)]
    for query in queries:
        found = words(query)
        for start in range(len(found) - n + 1):
            hashed = gram_hash(" ".join(found[start : start + n]))
            parts[hashed % _PARTS].append(hashed)
    total = sum(map(len, parts))
    return sum(len(set(part)) for part in parts) / total if total else 0.0
