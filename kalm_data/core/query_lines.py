"""What every system answered to one test query, shaped as a line of `eval --queries`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.eval_result import Figures
    from kalm_data.core.records import Origin, Split

SHOWN_HITS = 10


@dataclass(frozen=True, slots=True)
class ShownHit:
    """A document by its id; `score` is None where the system gives its hits none."""

    id: str
    score: float | None


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """`rank` is that of the first relevant hit, 1-based, None where the list holds none.

    `top` are the best `SHOWN_HITS` hits.
    """

    rank: int | None
    metrics: Figures
    top: tuple[ShownHit, ...]


@dataclass(frozen=True, slots=True)
class QueryLine:
    """`relevant` are the ids of all documents that count as answers, ascending."""

    task: str
    example_id: str
    query: str
    split: Split
    origin: Origin
    relevant: tuple[str, ...]
    systems: dict[str, SystemAnswer]
