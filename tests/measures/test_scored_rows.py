from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.records import Text, example_id
from kalm_data.core.scored import ScoredText, ScoredTexts, TextPair
from kalm_data.measures.scored_rows import ScoreLimits, rows_by_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.measures.negatives import Drawn

Scores = dict[frozenset[str], float]

PAIRS = st.dictionaries(
    st.frozensets(st.sampled_from("abcdefg"), min_size=2, max_size=2),
    st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
)
LIMITS = st.builds(
    ScoreLimits,
    positive=st.sampled_from([0.0, 0.4, 0.7, 0.8, 1.0]),
    negative=st.none() | st.sampled_from([0.0, 0.2, 0.5, 1.0]),
)
NAMES = {Text.of(name).text_hash: name for name in "abcdefg"}


def scored(scores: Mapping[frozenset[str], float], protected: AbstractSet[str] = frozenset()):
    def text(name: str) -> ScoredText:
        return ScoredText(Text.of(name), "", "a.tsv", 2, name in protected)

    pairs = [
        TextPair(text(first), text(second), score)
        for (first, second), score in ((sorted(pair), score) for pair, score in scores.items())
    ]
    return ScoredTexts(pairs, {})


def by_text(texts: ScoredTexts, drawn: Sequence[Drawn]) -> dict[str, Drawn]:
    return {one.text.text: row for one, row in zip(texts.texts, drawn, strict=True)}


def positives(row: Drawn) -> set[str]:
    return {NAMES[text_hash] for text_hash in row.positives}


def negatives(row: Drawn) -> set[str]:
    return {NAMES[one.text_hash] for one in row.negatives}


@given(PAIRS, LIMITS, st.sets(st.sampled_from("abcdefg"), max_size=2))
def test_rows_are_the_pairs_from_both_sides(
    scores: Scores, limits: ScoreLimits, protected: set[str]
):
    texts = scored(scores, protected)
    found = rows_by_score("t", texts, limits)
    rows = by_text(texts, found.drawn)
    assert set(rows) == {name for pair in scores for name in pair}
    free = {pair: score for pair, score in scores.items() if not pair & protected}
    for name, row in rows.items():
        alike = {
            other
            for pair, score in free.items()
            if name in pair and score >= limits.positive
            for other in pair - {name}
        }
        assert row.example_id == example_id("t", name)
        assert positives(row) == alike and name not in positives(row) | negatives(row)
        assert not positives(row) & negatives(row)
        for other in negatives(row):
            score = free[frozenset((name, other))]
            assert limits.negative is not None and score < min(limits.negative, limits.positive)
        wanted = "protected_query" if name in protected else "" if alike else "no_positive"
        assert row.refusal == wanted
        for other in positives(row):
            assert name in positives(rows[other])
    assert {
        (frozenset((pair.first.text.text, pair.second.text.text)), pair.score)
        for pair in found.pairs
    } == set(free.items())


def test_a_partner_at_the_threshold_is_a_positive_and_one_at_the_lower_is_no_negative():
    scores = {frozenset("ab"): 0.8, frozenset("ac"): 0.4, frozenset("ad"): 0.3}
    texts = scored(scores)
    row = by_text(texts, rows_by_score("t", texts, ScoreLimits(0.8, 0.4)).drawn)["a"]
    assert (positives(row), negatives(row)) == ({"b"}, {"d"})
    assert [(one.score, one.rank, one.ranker) for one in row.negatives] == [(0.3, 0, "score")]


def test_the_most_alike_come_first():
    scores = {frozenset(f"a{name}"): score for name, score in zip("bcdefg", range(6), strict=True)}
    texts = scored({pair: score / 5 for pair, score in scores.items()})
    row = by_text(texts, rows_by_score("t", texts, ScoreLimits(0.8, 0.5)).drawn)["a"]
    assert [NAMES[text_hash] for text_hash in row.positives] == ["g", "f"]
    assert [NAMES[one.text_hash] for one in row.negatives] == ["d", "c", "b"]


def test_pairs_for_a_loss_over_scores_keep_their_order():
    texts = scored({frozenset("ab"): 0.1, frozenset("bc"): 0.9, frozenset("cd"): 0.5}, {"d"})
    assert rows_by_score("t", texts, ScoreLimits(1.0)).pairs == tuple(texts.pairs[:2])


def test_what_is_nearly_a_positive_or_the_query_is_no_negative():
    scores = {frozenset("ab"): 0.9, frozenset("ac"): 0.1, frozenset("ad"): 0.1, frozenset("ae"): 0}
    names = {name: Text.of(name).text_hash for name in "abcde"}
    groups = {names["b"]: "g", names["c"]: "g", names["a"]: "h", names["d"]: "h"}
    texts = ScoredTexts(scored(scores).pairs, groups)
    drawn = rows_by_score("t", texts, ScoreLimits(0.8, 0.3)).drawn
    assert negatives(by_text(texts, drawn)["a"]) == {"e"}
