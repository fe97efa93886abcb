"""What a workspace tells a report of ranks, scores and hits, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import bool_, float64, int64, uint64
    from numpy.typing import NDArray

    from kalm_data.core.report.figures import Elsewhere, Suspect


@dataclass(frozen=True, slots=True)
class MeasuredPositives:
    """The positives of a task as a ranker ranked them over its latest pool.

    ranks: (P,) ascending, 1-based. scores, no_evidence: (P,), in an order of their own.
    """

    task: str
    ranker: str
    pool_size: int
    ranks: NDArray[int64]
    scores: NDArray[float64]
    no_evidence: NDArray[bool_]


@dataclass(frozen=True, slots=True)
class MeasuredNegatives:
    """The negatives that a ranker's hits gave. scores, positive_scores: (N,)."""

    task: str
    ranker: str
    scores: NDArray[float64]
    positive_scores: NDArray[float64]


@dataclass(frozen=True, slots=True)
class DrawnNegatives:
    """The negatives of the draws in force, of the examples that have a positive left.

    `suspects` are those that score nearest to their positive.
    """

    measured: tuple[MeasuredNegatives, ...]
    elsewhere: tuple[Elsewhere, ...]
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class FoundHits:
    """The first hits of an example by a ranker. keys, scores: (D,), best first; positives: text
    keys; `lowest` is the score of the lowest positive that stayed, None where nobody ranked it.
    """

    example_id: str
    ranker: str
    keys: NDArray[uint64]
    scores: NDArray[float64]
    positives: NDArray[uint64]
    lowest: float | None


@dataclass(frozen=True, slots=True)
class SampledText:
    """A query (`instruction` may be set) or a document (`title` and `headings` may be)."""

    text: str
    instruction: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredEncoder:
    """An encoder whose vectors a workspace has, and the prompts that it was saved with."""

    fingerprint: str
    name: str
    query_prompt: str
    document_prompt: str
