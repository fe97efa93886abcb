"""What an evaluation is made of: test queries with their positives, and what training has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.records import Origin


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """An example of test or dev; `positives` are text hashes, ascending, maybe none."""

    example_id: str
    query: str
    instruction: str
    language: str
    origin: Origin
    source: str
    line: int
    positives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a model was trained on, as `source` tells it; nothing is known where that is empty.

    `text_hashes` are those of positives and negatives alike, `queries` the hashes of the queries'
    normal form.
    """

    source: str
    text_hashes: frozenset[str]
    queries: frozenset[str]


UNKNOWN_TRAINING = TrainingSet("", frozenset(), frozenset())
