"""Rules against rows that repeat one another, and documents that own a task."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.filtering import KEEP, Verdict
from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.records import Text
from kalm_data.core.text import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.filtering import FilterRow


@dataclass(frozen=True, slots=True)
class Dedup:
    """Of rows with the same query and the same document (DESIGN terms) keeps the best-ranked.

    With `near`, near-duplicates of either count too. Rows that another rule drops neither go nor
    cause others to. Reason: `duplicate` or `near_duplicate`; the cause is the row that stays.
    """

    near: bool
    name: str = "dedup"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        queries = _classes([row.example.query for row in rows])
        documents = _classes([row.text for row in rows])
        like_query = _alike([row.example.query for row in rows]) if self.near else {}
        like_document = _alike([row.text for row in rows]) if self.near else {}
        kept: dict[tuple[str, str], int] = {}
        found = [KEEP] * len(rows)
        for place in _best_first(rows, standing):
            query, document = queries[place], documents[place]
            stays = next(
                (
                    kept[pair]
                    for pair in _pairs(query, document, like_query, like_document)
                    if pair in kept
                ),
                None,
            )
            if stays is None:
                kept[query, document] = place
                continue
            same = (queries[stays], documents[stays]) == (query, document)
            reason = "duplicate" if same else "near_duplicate"
            numbers = {"query": rows[stays].example.query, "task": rows[stays].task}
            found[place] = Verdict(reason, numbers, rows[stays].key)
        return found


@dataclass(frozen=True, slots=True)
class MaxPerPositive:
    """Keeps so many rows of one document in a task, the best-ranked. Reason: `crowded_positive`.

    Rows that another rule drops are not counted. The cause is the last row that stays.
    """

    most: int
    name: str = "max-per-positive"

    def judge(self, rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[Verdict]:
        taken: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        found = [KEEP] * len(rows)
        for place in _best_first(rows, standing):
            stays = taken[rows[place].task, rows[place].text_hash]
            if len(stays) < self.most:
                stays.append(place)
            else:
                numbers = {"max_per_positive": self.most}
                found[place] = Verdict("crowded_positive", numbers, rows[stays[-1]].key)
        return found


def _best_first(rows: Sequence[FilterRow], standing: Sequence[bool]) -> list[int]:
    """Places of the rows that stand, the best-ranked first; ties by task and key."""
    places = (place for place, stands in enumerate(standing) if stands)
    return sorted(places, key=lambda i: (*rows[i].goodness, rows[i].task, rows[i].key))


def _classes(texts: Sequence[str]) -> list[str]:
    """The normal form of each text: equal for the same documents."""
    known = {text: normalised(text) for text in set(texts)}
    return [known[text] for text in texts]


def _alike(texts: Sequence[str]) -> dict[str, list[str]]:
    """Normal form → those of its near-duplicates, sorted."""
    distinct = {text.text_hash: text for text in (Text.of(one) for one in _distinct(texts))}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for pair in near_duplicates(distinct.values()):
        first, second = distinct[pair.first].text, distinct[pair.second].text
        found[first].append(second)
        found[second].append(first)
    return {text: sorted(others) for text, others in found.items()}


def _distinct(texts: Sequence[str]) -> list[str]:
    return sorted({normalised(text) for text in texts if text})


def _pairs(
    query: str,
    document: str,
    like_query: dict[str, list[str]],
    like_document: dict[str, list[str]],
) -> Iterator[tuple[str, str]]:
    """The rows that this one repeats, if they are there: the same first."""
    for one in (query, *like_query.get(query, ())):
        for other in (document, *like_document.get(document, ())):
            yield one, other
