from collections import defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.drawn_splits import TOLERANCE, Fractions
from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.pool import most_protected
from kalm_data.core.records import Text
from kalm_data.core.splits import KnownTexts, plan_splits

THIRDS = Fractions(dev=0.3, test=0.3, seed=7)
TEXTS = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=4, max_size=9).map(" ".join),
    unique=True,
    max_size=14,
).map(lambda texts: [Text.of(text) for text in texts])


def edges(texts: list[Text]) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in near_duplicates(texts)]


@given(TEXTS, st.data())
def test_no_group_lies_in_two_splits(texts: list[Text], data: st.DataObject):
    ties = [(data.draw(st.sampled_from(texts)).text_hash, text.text_hash) for text in texts[:3]]
    plan = plan_splits(texts, {}, ties, KnownTexts(), THIRDS)
    held = defaultdict(set)
    for name, group in groups(edges(texts) + ties).items():
        held[group].add(plan.splits[name])
    assert all(len(splits) == 1 for splits in held.values())
    assert plan.cut_groups == 0


@given(TEXTS, st.integers(0, 14))
def test_later_texts_join_the_split_of_their_group(texts: list[Text], border: int):
    first, later = texts[:border], texts[border:]
    before = plan_splits(first, {}, [], KnownTexts(), THIRDS).splits
    known = KnownTexts(first, before, edges(first))
    after = plan_splits(later, {}, [], known, THIRDS).splits
    group_of = groups(edges(texts))
    for text in later:
        group = group_of.get(text.text_hash)
        held = [split for name, split in before.items() if group and group_of.get(name) == group]
        assert not held or after[text.text_hash] == most_protected(held)


@given(TEXTS)
def test_splits_do_not_depend_on_order(texts: list[Text]):
    forward = plan_splits(texts, {}, [], KnownTexts(), THIRDS)
    backward = plan_splits(texts[::-1], {}, [], KnownTexts(), THIRDS)
    assert forward == backward


def test_a_given_split_wins_and_the_rest_of_its_group_follows_the_most_protected():
    texts = [Text.of(f"one two three four five six seven eight {end}") for end in ("nine", "end")]
    third = Text.of("one two three four five six seven eight")
    given_ = {texts[0].text_hash: "train", texts[1].text_hash: "dev"}
    plan = plan_splits([*texts, third], given_, [], KnownTexts(), THIRDS)
    assert plan.splits == {**given_, third.text_hash: "dev"}
    assert plan.cut_groups == 1


def test_known_texts_keep_their_splits():
    text = Text.of("one two three")
    known = KnownTexts([text], {text.text_hash: "dev"}, [])
    assert plan_splits([text], {}, [], known, THIRDS).splits == {text.text_hash: "dev"}


def family(name: str, size: int) -> list[Text]:
    """Texts that are near-duplicates of one another."""
    common = " ".join(f"{name}{i}" for i in range(40))
    return [Text.of(f"{common} {i}") for i in range(size)]


def singles(count: int, name: str = "alone") -> list[Text]:
    return [Text.of(f"{name} {i}") for i in range(count)]


@given(
    st.lists(st.integers(1, 12), max_size=6),
    st.integers(0, 20),
    st.integers(0, 10_000),
    st.sampled_from([(0.1, 0.2), (0.05, 0.1), (0.4, 0.6), (0, 0.3)]),
)
def test_no_group_of_several_texts_carries_a_split_beyond_its_share(
    sizes: list[int], alone: int, seed: int, fractions: tuple[float, float]
):
    texts = [text for i, size in enumerate(sizes) for text in family(f"w{i}x", size)]
    texts += singles(alone)
    asked = Fractions(*fractions, seed)
    plan = plan_splits(texts, {}, [], KnownTexts(), asked)
    group_of = groups(edges(texts))
    for split, share in (("dev", asked.dev), ("test", asked.test)):
        there = [name for name, found in plan.splits.items() if found == split]
        if any(name in group_of for name in there):
            assert len(there) <= TOLERANCE * share * len(texts) + 1e-6


@given(st.lists(st.integers(1, 9), max_size=6), st.randoms(), st.integers(0, 10_000))
def test_splits_of_large_groups_do_not_depend_on_order(sizes: list[int], random: Random, seed: int):
    texts = [text for i, size in enumerate(sizes) for text in family(f"w{i}x", size)]
    texts += singles(8)
    asked = Fractions(0.2, 0.3, seed)
    plan = plan_splits(texts, {}, [], KnownTexts(), asked)
    random.shuffle(texts)
    assert plan_splits(texts, {}, [], KnownTexts(), asked) == plan


def test_a_family_of_half_the_texts_is_never_in_dev_or_test():
    texts = [*family("word", 50), *singles(50)]
    for seed in range(40):
        asked = Fractions(0.3, 0.3, seed)
        plan = plan_splits(texts, {}, [], KnownTexts(), asked)
        assert {plan.splits[text.text_hash] for text in texts[:50]} == {"train"}
        for text in texts[50:]:
            assert plan.splits[text.text_hash] == asked.draw(text.text_hash)


def test_a_large_group_that_falls_to_train_is_told_where_its_split_is_left_with_far_less():
    texts = [*family("word", 50), *singles(50)]
    name = min(text.text_hash for text in texts[:50])
    seed = next(seed for seed in range(99) if Fractions(0, 0.1, seed).draw(name) == "test")
    given_ = {text.text_hash: "train" for text in texts[50:]}
    test, dev = plan_splits(texts, given_, [], KnownTexts(), Fractions(0, 0.1, seed)).shares
    assert (test.drawn, test.reached, test.texts, test.allowed) == (50, 0, 100, 15)
    assert test.is_far_less and not dev.is_far_less
    assert str(test) == (
        "0 of 50 texts whose split was drawn are in test, where --test-fraction is 0.1: groups "
        "that would have carried it beyond 15 of all 100 texts are in train, the largest of them "
        "with 50"
    )


def test_a_group_may_be_drawn_where_the_texts_it_joins_make_it_small():
    texts, before = family("word", 20), singles(300)
    name = min(text.text_hash for text in texts)
    asked = next(
        asked for seed in range(99) if (asked := Fractions(0, 0.1, seed)).draw(name) == "test"
    )
    known = KnownTexts(before, {text.text_hash: "train" for text in before})
    alone = plan_splits(texts, {}, [], known, asked)
    beside = plan_splits(texts, {}, [], known, asked, known.splits)
    assert set(alone.splits.values()) == {"train"} and set(beside.splits.values()) == {"test"}
    held = {**known.splits, **{text.text_hash: "test" for text in before[:30]}}
    full = plan_splits(texts, {}, [], KnownTexts(before, held), asked, known.splits)
    assert set(full.splits.values()) == {"train"}


def test_the_fractions_are_met_over_many_groups():
    texts = [Text.of(f"text number {i}") for i in range(2000)]
    splits = list(plan_splits(texts, {}, [], KnownTexts(), THIRDS).splits.values())
    assert all(0.27 < splits.count(split) / 2000 < 0.33 for split in ("dev", "test"))
    nothing = plan_splits(texts, {}, [], KnownTexts(), Fractions(0, 0, 0))
    assert set(nothing.splits.values()) == {"train"}
