from __future__ import annotations

from kalm_data.core.pair_sorting import SortedPairs, by_pair, sort_pairs
from kalm_data.core.records import ScoredPair, Split, Text
from kalm_data.core.sts_rows import StsRow


def row(
    first: str, second: str, score: float = 0.5, split: Split | None = None, line: int = 1
) -> StsRow:
    return StsRow(Text.of(first), Text.of(second), score, "", split, "a.tsv", line)


def held(first: str, second: str, score: float = 0.5, split: Split = "train") -> ScoredPair:
    hashes = (Text.of(first).text_hash, Text.of(second).text_hash)
    return ScoredPair("t", *hashes, score, "", split, "b.tsv", 7, "0001")


def reasons(found: SortedPairs) -> list[str]:
    return [bad.error.reason for bad in found.bad]


def test_a_pair_that_comes_again_with_its_score_is_one():
    found = sort_pairs([row("a", "b"), row("b", "a"), row("A", "b"), row("a", "c")], {})
    assert [one.second.text for one in found.new] == ["b", "c"]
    assert reasons(found) == ["duplicate", "duplicate"]


def test_of_two_scores_the_first_is_kept_and_the_other_told():
    found = sort_pairs([row("a", "b", 0.25, line=3), row("b", "a", 0.5, line=9)], {})
    assert [one.score for one in found.new] == [0.25]
    assert str(found.bad[0].error) == (
        "a.tsv:9: the pair has the score 0.25 at a.tsv:3, and 0.5 here (as 0-1). The first one is "
        "kept: remove the wrong row."
    )


def test_what_the_workspace_has_is_known_or_contradicted():
    before = by_pair([held("a", "b")], [Text.of("a"), Text.of("b")])
    found = sort_pairs([row("b", "a"), row("a", "b", 0.75), row("b", "a"), row("a", "c")], before)
    assert (found.known, reasons(found)) == (1, ["conflicting_score", "duplicate"])
    assert [one.second.text for one in found.new] == ["c"]


def test_a_training_pair_that_comes_as_test_is_turned_away():
    before = by_pair([held("a", "b")], [Text.of("a"), Text.of("b")])
    assert reasons(sort_pairs([row("a", "b", split="test")], before)) == ["in_training"]


def test_the_most_protected_split_of_a_pair_is_its_own():
    rows = [row("a", "b", split="train"), row("b", "a", 0.9, split="test"), row("a", "c")]
    found = sort_pairs(rows, {})
    assert found.given == {rows[0].pair: "test"}
