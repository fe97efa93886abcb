"""Who ranks: the names by which `mine`, `filter` and `eval` know rankers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RankerKind = Literal["bm25", "dense", "hybrid", "cross-encoder", "run"]

_NEEDS = {
    "dense": "MODEL, a sentence-transformers model by folder or name",
    "hybrid": "MODEL, the model that BM25 is merged with",
    "cross-encoder": "MODEL, a cross-encoder by folder or name",
    "run": "FILE, a TREC run file",
}


@dataclass(frozen=True, slots=True)
class RankerSpec:
    """A ranker as users write it: `bm25`, `dense:MODEL`, `run:FILE` …

    `subject` is the model or file; of bm25 the language whose words are stemmed, or nothing.
    """

    kind: RankerKind
    subject: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


def parse_ranker(text: str) -> RankerSpec:
    """Raises ValueError, with what can be written, where it names no ranker."""
    kind, _, subject = text.partition(":")
    if kind == "bm25":
        return RankerSpec("bm25", subject)
    if kind not in _NEEDS:
        message = "write bm25, dense:MODEL, hybrid:MODEL, cross-encoder:MODEL or run:FILE"
        raise ValueError(message)
    if not subject:
        message = f"write {kind}:{_NEEDS[kind]}"
        raise ValueError(message)
    return RankerSpec(kind, subject)  # type: ignore[arg-type]
