"""Every random choice, as a pure function of (seed, stage, key).

sha256 is used throughout: `hash()` changes from process to process and DuckDB's `hash()` from
release to release.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

HASH_DIGITS = 32
"""Hex digits kept of a sha256: 128 bits, a collision is out of reach for any corpus."""

_SEPARATOR = "\x1f"


def digest(*parts: str | int | float) -> str:
    """The first 32 hex digits of the sha256 of `parts`, order and borders included."""
    joined = _SEPARATOR.join([f"{len(text)}:{text}" for text in map(str, parts)])
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]


def digests(keys: Iterable[str], *parts: str | int | float) -> list[bytes]:
    """For each key the sha256 of which `digest(*parts, key)` is the beginning, in hex; faster."""
    head = _SEPARATOR.join([*(f"{len(text)}:{text}" for text in map(str, parts)), ""]).encode(
        "utf-8", "surrogatepass"
    )
    return [
        hashlib.sha256(head + f"{len(key)}:{key}".encode("utf-8", "surrogatepass")).digest()
        for key in keys
    ]


def unit(seed: int, stage: str, key: str) -> float:
    """A number in [0, 1), uniform over keys."""
    return int(digest(seed, stage, key)[:13], 16) / 16**13


def choose(items: Sequence[T], seed: int, stage: str, key: str) -> T:
    """One of `items`, each equally likely. `items` must not be empty."""
    return items[int(unit(seed, stage, key) * len(items))]


def shuffled(items: Sequence[T], seed: int, stage: str, key: str) -> list[T]:
    """`items` in a seeded order that depends on their positions alone."""
    order = sorted(range(len(items)), key=lambda i: digest(seed, stage, key, i))
    return [items[i] for i in order]


def sample(items: Sequence[T], count: int, seed: int, stage: str, key: str) -> list[T]:
    """At most `count` of `items`, in their original order."""
    chosen = shuffled(range(len(items)), seed, stage, key)[:count]
    return [items[i] for i in sorted(chosen)]


def in_random_order(count: int, seed: int, stage: str, key: str) -> Iterator[int]:
    """The numbers 0 … count - 1 in a seeded order, each once; the first few cost no more than few.

    A shuffle of Fisher and Yates that remembers only what it moved.
    """
    moved: dict[int, int] = {}
    for place in range(count):
        chosen = place + int(unit(seed, stage, f"{key}:{place}") * (count - place))
        yield moved.get(chosen, chosen)
        moved[chosen] = moved.get(place, place)
