"""What mining and filtering share: the examples, what was measured, and what makes it stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import float64, uint64
    from numpy.typing import NDArray

    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task


DRAW = "negatives"
"""Name of the head that says which draw of a task is in force."""


@dataclass(frozen=True, slots=True)
class MiningExample:
    """A training query with every document ever judged for it, as text hashes, sorted.

    `positives` holds also those that a filter rejected. `negatives` are those that came with the
    data, `generated` those that a language model wrote, never mined ones; what is both a positive
    and a negative is a positive.
    """

    example_id: str
    query: str
    instruction: str
    source: str
    line: int
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    generated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """Rank (1-based, exact) and score of one positive by one ranker."""

    rank: int
    score: float
    no_evidence: bool


@dataclass(frozen=True, slots=True)
class Hits:
    """The best documents of the pool for one query, best first; equal scores by key.

    keys: (D,) text keys; scores: (D,) float64. Places in the list, from 1, are *raw* ranks.
    """

    keys: NDArray[uint64]
    scores: NDArray[float64]


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one ranker found for one example; `measured` is by text hash of the positive."""

    measured: Mapping[str, Measured]
    hits: Hits


RankedKey = tuple[str, str]
"""Example id, digest of the positives that the ranks leave out."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """What no rank of an example counts: its positives and their near-duplicates.

    `places` are positions in the pool, ascending. `positives` is the digest that tells whether a
    ranking left out the same documents.
    """

    places: tuple[int, ...]
    positives: str


def excluded(pool: Pool, index: Mapping[str, int], positives: Sequence[str]) -> Excluded:
    """`index` is the pool's; positives that the pool does not hold exclude what is like them."""
    places, outside = _places(pool, index, positives)
    text_hashes = pool.text_hashes
    hashes = [text_hashes[place] for place in places]  # in order, as the places are
    if outside:
        hashes = sorted({*hashes, *outside})
    return Excluded(places, digest("positives", *hashes))


def excluded_places(
    pool: Pool, index: Mapping[str, int], positives: Sequence[str]
) -> tuple[int, ...]:
    """Positions of the positives and of their near-duplicates, ascending."""
    return _places(pool, index, positives)[0]


def _places(
    pool: Pool, index: Mapping[str, int], positives: Sequence[str]
) -> tuple[tuple[int, ...], list[str]]:
    """The same, and the positives that the pool does not hold."""
    found: set[int] = set()
    outside: list[str] = []
    alike = pool.alike
    for text_hash in positives:
        place = index.get(text_hash)
        if place is None:
            outside.append(text_hash)
        else:
            found.add(place)
        if text_hash in alike:
            found.update(alike[text_hash])
    return tuple(sorted(found)), outside


def ranking_basis(pool: Pool, task: Task) -> str:
    """What the rankings of a task are made from, beside the ranker and the positives."""
    written = (task.query_template, task.document_template, task.instruction)
    return digest("rankings", pool.fingerprint, *written)


def hits_basis(basis: str, depth: int) -> str:
    """What lists of hits of that depth are made from; deeper lists stand beside shallow ones."""
    return digest("hits", basis, depth)


def ranker_id(kind: str, name: str, *made_from: str) -> str:
    """`dense:all-MiniLM-L6-v2@0123456789ab`: kind, name, digest of all that its ranks depend on
    beside the pool and the positives.
    """
    return f"{kind}{f':{name}' if name else ''}@{digest(*made_from)[:12]}"


def names_ranker(wanted: str, id_: str) -> bool:
    """Whether a user who wrote `wanted` may have meant the ranker: its id, its name, or its kind
    with the model's folder before the name.
    """
    kind, _, subject = wanted.partition(":")
    short = f"{kind}:{subject.rstrip('/').rpartition('/')[2]}" if subject else kind
    return wanted == id_ or id_.startswith((f"{wanted}@", f"{short}@"))


def stale_line(task: str, ranker: str, query: str) -> str:
    """What is stale, in one line."""
    shown = query if len(query) <= 60 else query[:59] + "…"
    return (
        f'task {task}: {ranker} has not ranked the example "{" ".join(shown.split())}" as its pool '
        "and positives are now."
    )


def nothing_to(command: str, tasks: Sequence[Task]) -> str:
    """The line that says that no task has anything for a command."""
    names = ", ".join(task.name for task in tasks)
    return (
        f"{names}: no training example with a positive; nothing to {command}. Import pairs, or run "
        "`kalm-data synth`, first."
    )
