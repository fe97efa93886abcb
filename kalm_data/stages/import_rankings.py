"""Take over what other machines ranked: `mine --part 1/4` there, then all parts here."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.records import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.protocols import Run
    from kalm_data.core.records import HitList, Ranking


class RankedElsewhere(Protocol):
    """A workspace that was filled as this one was, and ranked in part."""

    name: str

    def count(self) -> int:
        """How many rankings it holds."""
        ...

    def rows(self) -> Iterator[tuple[list[Ranking], list[HitList]]]:
        """Blocks of rankings with the hits of the same examples, in order of example."""
        ...


@dataclass(frozen=True, slots=True)
class ImportRankingsResult:
    """`rankings` were taken over, by ranker; `hits` are lists of hits that came with them."""

    rankings: int
    hits: int
    by_ranker: Mapping[str, int]


def import_rankings(
    others: Sequence[RankedElsewhere], run: Run, examples: Mapping[str, str]
) -> ImportRankingsResult:
    """Take over the rankings that fit; one unit a ranking.

    examples: example id → what rankings of its task are made from now. Reasons of rejects:
    `unknown_example`, `other_pool` (ranked among other documents than the task has here).
    """
    by_ranker: Counter[str] = Counter()
    hits = 0
    for other in others:
        run.plan(other.count())
        for rankings, lists in other.rows():
            reasons = [_reason(row, examples) for row in rankings]
            fit = [row for row, reason in zip(rankings, reasons, strict=True) if not reason]
            known = {(row.example_id, row.ranker, row.positives) for row in fit}
            brought = [row for row in lists if (row.example_id, row.ranker, row.positives) in known]
            run.append([replace(row, run_id=run.run_id) for row in fit])
            run.append([replace(row, run_id=run.run_id) for row in brought])
            run.reject(
                [
                    _reject(run, other.name, row, reason)
                    for row, reason in zip(rankings, reasons, strict=True)
                    if reason
                ]
            )
            run.keep(len(fit))
            run.checkpoint()
            by_ranker.update(row.ranker for row in fit)
            hits += len(brought)
    if not by_ranker:
        names = ", ".join(other.name for other in others)
        message = (
            f"{names}: no ranking that fits. Import the same documents and pairs in all places, "
            "and rank there with `kalm-data mine --part`."
        )
        raise InputError(message)
    return ImportRankingsResult(by_ranker.total(), hits, dict(sorted(by_ranker.items())))


def _reason(row: Ranking, examples: Mapping[str, str]) -> str:
    if row.example_id not in examples:
        return "unknown_example"
    return "" if examples[row.example_id] == row.pool else "other_pool"


def _reject(run: Run, source: str, row: Ranking, reason: str) -> Reject:
    numbers = json.dumps({"ranker": row.ranker, "rank": row.rank})
    key = f"{row.example_id}:{row.text_hash}:{row.ranker}"
    return Reject(run.run_id, "import-rankings", reason, key, numbers, source, 0, "")
