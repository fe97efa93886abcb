from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.near_duplicates import groups, near_duplicates
from kalm_data.core.pool import most_protected
from kalm_data.core.records import Text
from kalm_data.core.splits import Fractions, KnownTexts, plan_splits

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


def test_the_fractions_are_met_over_many_groups():
    texts = [Text.of(f"text number {i}") for i in range(2000)]
    splits = list(plan_splits(texts, {}, [], KnownTexts(), THIRDS).splits.values())
    assert all(0.27 < splits.count(split) / 2000 < 0.33 for split in ("dev", "test"))
    nothing = plan_splits(texts, {}, [], KnownTexts(), Fractions(0, 0, 0))
    assert set(nothing.splits.values()) == {"train"}
