"""What `synth` tells of a run, and of a plan before anything is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Offer:
    """What an author can choose from: so many personas, these kinds of queries or rows."""

    personas: int
    facets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SynthResult:
    """Figures of a run. `requests`, tokens and `seconds_asked` are those of what this run asked;
    `accepted` is that of the whole plan, by `facets`, recalled replies included. `dropped` counts
    queries that were accepted once and are no more, `others` those of earlier plans, which stay.
    `personas` and `facets` are covered by accepted rows, of as many as were `offered`; `distinct_2`
    is the share of word pairs of the queries that differ.
    """

    task: str
    engine: str
    items: int
    requests: int
    accepted: int
    dropped: int
    others: int
    cut: int
    facets: Mapping[str, int]
    personas: int
    offered: Offer
    distinct_2: float
    tokens_in: int
    tokens_out: int
    seconds_asked: float
    cost: float


@dataclass(frozen=True, slots=True)
class SynthTotals:
    """Sums over the tasks: requests asked in this run, their tokens and what they cost, accepted
    queries, those that the gates of today drop, those of earlier plans, documents that were cut.

    `seconds_asked` is the time in which they were. `cached_tokens` are those of prompts that the
    engine had read before, as far as it tells. `exported` requests went to a batch file. `devices`
    are those that encoded personas and documents, to find the nearest.
    """

    requests: int
    accepted: int
    dropped: int
    others: int
    cut: int
    tokens_in: int
    tokens_out: int
    seconds_asked: float
    cached_tokens: int
    exported: int
    cost: float
    facets: dict[str, int]
    tasks: tuple[SynthResult, ...]
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Figures of a whole plan, but for what the journal holds already and what no request is made
    for: `candidates` of which `settled` are such.

    `tokens_out` is by the mean of past replies of the engine, or an upper bound (`is_bound`).
    `seconds` is None where the engine never answered, `cost` in the currency of the prices.
    """

    candidates: int
    settled: int
    requests: int
    tokens_in: int
    tokens_out: int
    is_bound: bool
    is_counted: bool
    cost: float
    seconds: float | None
    megabytes: float
