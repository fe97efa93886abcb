"""Drops what test sets hold: rows whose query or document repeats one of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.filtering import KEEP, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.contamination import ExcludedText, ExclusionIndex, Kind
    from kalm_data.core.filtering import FilterRow


@dataclass(frozen=True, slots=True)
class Near:
    """The excluded text whose vector is nearest, and its cosine."""

    cosine: float
    excluded: ExcludedText


class NearestExcluded(Protocol):
    """Finds excluded texts by vectors."""

    def find(self, kind: Kind, rows: Sequence[FilterRow]) -> list[Near | None]:
        """For each row's query or document the nearest excluded one, where it is near enough."""
        ...


@dataclass(frozen=True, slots=True)
class Exclude:
    """Reasons: `contaminated_query`, `contaminated_document`. The numbers hold what was matched,
    by which criterion (exact, same_words, overlap, cosine) and how closely; the cause its place.
    """

    indices: Mapping[Kind, ExclusionIndex]
    nearest: NearestExcluded | None = None
    name: str = "exclude"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        queries = self._match("query", {row.example.query: row for row in rows})
        documents = self._match("document", {row.text: row for row in rows if row.text})
        return [queries[row.example.query] or documents.get(row.text) or KEEP for row in rows]

    def _match(self, kind: Kind, texts: Mapping[str, FilterRow]) -> dict[str, Verdict | None]:
        """The verdict on each text, of which a row is known; None where nothing matches."""
        index = self.indices[kind]
        found: dict[str, Verdict | None] = {}
        for text in texts:
            match = index.find(text)
            found[text] = (
                _verdict(kind, match.reason, match.share, match.excluded) if match else None
            )
        left = {text: row for text, row in texts.items() if found[text] is None}
        if self.nearest is not None and left:
            near = self.nearest.find(kind, list(left.values()))
            for text, one in zip(left, near, strict=True):
                found[text] = _verdict(kind, "cosine", one.cosine, one.excluded) if one else None
        return found


def _verdict(kind: Kind, criterion: str, share: float, excluded: ExcludedText) -> Verdict:
    numbers = {"criterion": criterion, "share": round(share, 4), "matched": excluded.text}
    return Verdict(f"contaminated_{kind}", numbers, f"{excluded.source}:{excluded.line}")
