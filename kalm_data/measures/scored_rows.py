"""Training rows from scored pairs: what is alike enough is a positive, from either side.

So an STS set gives contrastive rows as KaLM-Embedding's training data has them (arXiv 2501.01028);
a loss over the scores themselves (CoSENT) takes the pairs as they are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.records import example_id
from kalm_data.measures.negatives import Drawn, Negative

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kalm_data.core.scored import ScoredText, ScoredTexts, TextPair

    Partners = Mapping[str, float]
    """Score by text hash."""

SCORE = "score"
"""Who proposes a negative that is scored low."""


@dataclass(frozen=True, slots=True)
class ScoreLimits:
    """Scores in [0, 1]: from `positive` on a partner is a positive, below `negative` a negative;
    without the latter there are none.
    """

    positive: float
    negative: float | None = None

    def is_negative(self, score: float) -> bool:
        return self.negative is not None and score < self.negative


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """`drawn` has one for each text of the task, in their order; `pairs` all that are not
    protected, as they were given, for losses over scores.
    """

    drawn: tuple[Drawn, ...]
    pairs: tuple[TextPair, ...]


def rows_by_score(task: str, scored: ScoredTexts, limits: ScoreLimits) -> ScoredRows:
    """A row for each text that has a partner alike enough: a pure function of pairs and limits.

    Positives come from the most alike down, and so do negatives, the hardest first; equal scores in
    order of text hash. No negative is a near-duplicate of a positive or of the query, and no
    protected text is in a row. Reasons of refusal: `protected_query`,
    `no_positive` (no partner is alike enough, or those that are, are protected).
    """
    free = scored.free
    partners = _partners(free)
    drawn = tuple(
        _draw(task, one, partners.get(one.text.text_hash, {}), limits, scored.groups)
        for one in scored.texts
    )
    return ScoredRows(drawn, tuple(free))


def _partners(pairs: Iterable[TextPair]) -> Mapping[str, Partners]:
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for pair in pairs:
        for one, other in pair.directions():
            found[one.text.text_hash][other.text.text_hash] = pair.score
    return found


def _draw(
    task: str,
    one: ScoredText,
    partners: Partners,
    limits: ScoreLimits,
    groups: Mapping[str, str],
) -> Drawn:
    id_ = example_id(task, one.text.text)
    if one.is_protected:
        return Drawn(id_, (), (), refusal="protected_query")
    ordered = sorted(partners.items(), key=lambda partner: (-partner[1], partner[0]))
    positives = tuple(text_hash for text_hash, score in ordered if score >= limits.positive)
    if not positives:
        return Drawn(id_, (), (), refusal="no_positive")
    alike = {groups.get(text_hash, text_hash) for text_hash in (one.text.text_hash, *positives)}
    negatives = tuple(
        Negative(text_hash, 0, score, ranker=SCORE)
        for text_hash, score in ordered
        if limits.is_negative(score) and groups.get(text_hash, text_hash) not in alike
    )
    return Drawn(id_, positives, negatives)
