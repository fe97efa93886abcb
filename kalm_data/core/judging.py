"""What the gates say of a draft. Verdicts follow the order of the plan, never that of replies."""

from __future__ import annotations

import json
from array import array
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.gates import (
    Failing,
    LengthLimits,
    check_query,
    duplicate_query,
    persona_leak,
    prompt_leak,
    protected_query,
    too_long,
    too_short,
    verbatim_overlap,
    wrong_language,
)
from kalm_data.core.near_queries import NearQueries
from kalm_data.core.records import Text
from kalm_data.core.text import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.protocols import LanguageDetector
    from kalm_data.core.synthesis import AnsweredQuery, Draft

ACCEPTED = "accepted"
_ROW_WORDS = 2000
"""Most words of a text in a row that was written whole: beyond it something ran away."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A draft with its verdict: 'accepted' or a reason word, and the numbers (JSON) that decided.

    `said_by` names who had the positive answer just this query before: keys of requests, "" for an
    import.
    """

    draft: Draft
    outcome: str
    numbers: str
    said_by: AbstractSet[str]

    @property
    def is_accepted(self) -> bool:
        return self.outcome == ACCEPTED


class Judge:
    """Judges the drafts of one run, in the order of the plan."""

    def __init__(
        self,
        config: SynthConfig,
        detector: LanguageDetector,
        protected: AbstractSet[str],
        others: Iterable[str] = (),
    ) -> None:
        """protected: norm hashes of the queries of other splits. others: the queries of the task
        that this plan did not make; what a language model writes must differ from them.
        """
        self._config, self._detector, self._protected = config, detector, protected
        self._limits = LengthLimits(config.min_words, config.max_words)
        self._accepted: dict[str, set[str]] = defaultdict(set)
        self._near = None if config.is_extractive else NearQueries()
        self._places = array("q")  # in the plan, of each query in `_near`; -1 for others
        for query in others:
            self._remember(query, -1)

    def settle(self, draft: Draft, answered: Sequence[AnsweredQuery]) -> Settled:
        """answered: the queries that the draft's positive answers already."""
        text = Text.of(draft.query)
        said_by = frozenset(one.said_by for one in answered if one.query_hash == text.text_hash)
        if draft.failure:
            return Settled(draft, draft.failure, draft.numbers, said_by)
        known = {
            one.norm_hash for one in answered if one.said_by != draft.key and not one.is_dropped
        }
        failing = self._judge(draft, text.norm_hash, known, is_held=draft.key in said_by)
        if failing:
            return Settled(draft, failing.reason, failing.numbers, said_by)
        self._accepted[draft.positive].add(text.norm_hash)
        self._remember(draft.query, draft.candidate.place)
        return Settled(draft, ACCEPTED, "{}", said_by)

    def _remember(self, query: str, place: int) -> None:
        if self._near is not None:
            self._near.add(query)
            self._places.append(place)

    def _judge(
        self, draft: Draft, norm_hash: str, known: set[str], *, is_held: bool
    ) -> Failing | None:
        """The first gate that it fails. What dev or test holds gives way to no train query."""
        failing = self._judge_row(draft) if self._config.type else self._judge_query(draft)
        if failing:
            return failing
        gives_way = self._config.split == "train" or not is_held
        if norm_hash in self._protected and gives_way:
            return protected_query()
        if norm_hash in known | self._accepted[draft.positive]:
            return duplicate_query()
        return self._near_duplicate(draft) or self._language(draft)

    def _judge_query(self, draft: Draft) -> Failing | None:
        """A query for a document of the user's."""
        words = self._config.verbatim_words
        return (
            check_query(draft.query, draft.passage, self._limits)
            or (verbatim_overlap(draft.query, draft.passage, words) if words else None)
            or _leak(draft)
        )

    def _judge_row(self, draft: Draft) -> Failing | None:
        """A row that was written whole: its texts must differ, and not give one another away."""
        texts = [draft.query, *(text.text for text in draft.documents)]
        for text in texts:
            failing = too_short(text, 1) or too_long(text, _ROW_WORDS)
            if failing:
                return failing
        forms = [normalised(text) for text in texts]
        if forms[0] == forms[1] or len(set(forms[1:])) < len(forms[1:]):
            return Failing("same_as_positive", "{}")
        if draft.kind == "long-short" and forms[1] in forms[0]:
            return Failing("label_in_text", json.dumps({"label": texts[1]}, ensure_ascii=False))
        if draft.kind == "short-long" and forms[0] in forms[1]:
            return Failing("copied_query", "{}")
        return _leak(draft)

    def _near_duplicate(self, draft: Draft) -> Failing | None:
        found = self._near.find(draft.query) if self._near is not None else None
        if found is None:
            return None
        return Failing("near_duplicate_query", json.dumps({"place": self._places[found]}))

    def _language(self, draft: Draft) -> Failing | None:
        found = self._detector.detect(draft.query)
        wanted = found and (draft.language or self._detector.detect(draft.passage))
        return wrong_language(wanted, found)


def _leak(draft: Draft) -> Failing | None:
    """Whether a language model wrote out who it was to be, or what it was told."""
    if not draft.prompt:
        return None
    return persona_leak(draft.query, draft.persona) or prompt_leak(draft.query, draft.prompt)
