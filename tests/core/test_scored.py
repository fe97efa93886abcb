from __future__ import annotations

from dataclasses import replace

from kalm_data.core.records import Text
from kalm_data.core.scored import ScoredText, ScoredTexts, TextPair


def text(name: str, *, protected: bool = False) -> ScoredText:
    return ScoredText(Text.of(name), "en", "a.tsv", 2, protected)


PAIR = TextPair(text("a"), text("b"), 0.5)
HIDDEN = TextPair(text("c"), text("d", protected=True), 0.5)


def fingerprint(*pairs: TextPair) -> str:
    return ScoredTexts(pairs, {}).fingerprint


def test_each_text_comes_once_in_order_of_its_hash():
    texts = ScoredTexts([PAIR, TextPair(text("b"), text("e"), 0.1)], {}).texts
    hashes = [one.text.text_hash for one in texts]
    assert hashes == sorted({Text.of(name).text_hash for name in "abe"})


def test_a_pair_is_protected_where_one_of_its_texts_is():
    assert ScoredTexts([PAIR, HIDDEN], {}).free == [PAIR]


def test_the_fingerprint_is_that_of_the_pairs_that_training_may_see():
    assert fingerprint(PAIR) == fingerprint(PAIR, HIDDEN)
    assert fingerprint(PAIR) != fingerprint(replace(PAIR, score=0.6))
    assert fingerprint(PAIR) != fingerprint(TextPair(PAIR.second, PAIR.first, 0.5))
    assert fingerprint(PAIR) != fingerprint(PAIR, TextPair(text("a"), text("c"), 0.5))
