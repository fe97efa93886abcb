"""Which rows of scored pairs are new, which are known, and which contradict one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.arrivals import given_splits
from kalm_data.core.rows import BadRow, bad_row
from kalm_data.core.sts_rows import unordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kalm_data.core.records import ScoredPair, Split, Text
    from kalm_data.core.sts_rows import StsRow

    Pair = tuple[str, str]
    """As `StsRow.pair` has it."""


@dataclass(frozen=True, slots=True)
class SortedPairs:
    """Rows of new pairs, each pair once, in order of appearance; rows of known ones; bad rows.

    `given` has the most protected split given to each pair by any of its rows.
    """

    new: Sequence[StsRow]
    known: int
    bad: Sequence[BadRow]
    given: Mapping[Pair, Split]


def by_pair(pairs: Iterable[ScoredPair], texts: Iterable[Text]) -> dict[Pair, ScoredPair]:
    """What the workspace has of a task. `texts`: at least those that the pairs name."""
    text_of = {text.text_hash: text for text in texts}
    return {unordered(text_of[one.first_hash], text_of[one.second_hash]): one for one in pairs}


def sort_pairs(rows: Sequence[StsRow], held: Mapping[Pair, ScoredPair]) -> SortedPairs:
    """Sort the rows of one import; what the workspace holds stays as it is.

    Two rows are of one pair where their texts are, in whatever order, case and white space.
    Reasons of bad rows: `conflicting_score` (the pair has another score in the workspace, or in an
    earlier row, which is kept), `duplicate`, `in_training` (given to dev or test, but training has
    the pair).
    """
    new: dict[Pair, StsRow] = {}
    known: set[Pair] = set()
    bad: list[BadRow] = []
    for row in rows:
        before = held.get(row.pair) or new.get(row.pair)
        if before and before.score != row.score:
            problem = (
                f"the pair has the score {before.score:g} at {before.source}:{before.line}, and "
                f"{row.score:g} here (as 0-1). The first one is kept: remove the wrong row."
            )
            bad.append(_bad(row, "conflicting_score", problem))
        elif row.pair in new or row.pair in known:
            bad.append(_bad(row, "duplicate", "the pair came before. Remove the row."))
        elif row.pair not in held:
            new[row.pair] = row
        elif held[row.pair].split == "train" and row.split in ("dev", "test"):
            problem = "the pair is a training pair already; import held-out pairs first."
            bad.append(_bad(row, "in_training", problem))
        else:
            known.add(row.pair)
    given = given_splits((row.pair, row.split) for row in rows)
    return SortedPairs(list(new.values()), len(known), bad, given)


def _bad(row: StsRow, reason: str, problem: str) -> BadRow:
    return bad_row(row.source, row.line, reason, problem, f"{row.first.text}\t{row.second.text}")
