"""Why a plan of queries ended before its target, and what helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.asking import UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 3
_LACKING = ("no_title", "no_phrases", "no_sentence")
"""Reasons of the extractive engine: the document has nothing of the kind."""


@dataclass(frozen=True, slots=True)
class PlanEnd:
    """A plan that was gone through whole. `items` are documents, or personas."""

    items: int
    per_doc: int
    accepted: int
    rejected: Mapping[str, int]
    is_extractive: bool
    of_documents: bool

    @property
    def candidates(self) -> int:
        return self.items * self.per_doc

    @property
    def unanswered(self) -> int:
        """Asked of nobody yet, or of a batch: the plan goes on when the command runs again."""
        return self.rejected.get(UNANSWERED, 0)


def shortfall(end: PlanEnd, target: int | None) -> str:
    """One line: what was accepted of what, why not the rest, the remedy."""
    things = "documents" if end.of_documents else "personas"
    wanted = f"{end.accepted} of {target} queries" if target else "no query"
    line = f"{wanted} accepted: the plan has {end.items} {things} x {end.per_doc}"
    commonest = sorted(end.rejected.items(), key=lambda one: (-one[1], one[0]))[:_SHOWN]
    if commonest:
        line += f", of which {', '.join(f'{count} {word}' for word, count in commonest)}"
    return f"{line}. {_remedy(end, target, things)}"


def _remedy(end: PlanEnd, target: int | None, things: str) -> str:
    lacking = sum(end.rejected.get(reason, 0) for reason in _LACKING)
    if end.is_extractive and 2 * lacking > end.candidates:
        return (
            "Most documents are too short to take queries from: import longer ones, or have a "
            "language model write (--engine openai)."
        )
    if end.is_extractive and 2 * end.rejected.get("no_definition", 0) > end.candidates:
        return "Most documents define nothing in English: ask for other --facets as well."
    if target and 2 * end.accepted >= end.candidates:
        enough = -(-target * end.per_doc // max(end.accepted, 1))
        return f"Raise --per-doc, to {enough} or more, or import more {things}."
    return "More of the same would fare the same: `kalm-data rejects --stage synth` shows them."
