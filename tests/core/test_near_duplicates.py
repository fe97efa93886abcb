from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.near_duplicates import CONTAINMENT, groups, near_duplicates
from kalm_data.core.records import NearDuplicate, Text
from kalm_data.core.text import containment, grams

WORDS = st.lists(st.sampled_from(["a", "b", "B", "c", "日", "本", "."]), max_size=14)
TEXTS = st.lists(WORDS.map(" ".join), unique=True, max_size=12).map(
    lambda texts: [Text.of(text) for text in texts]
)
TEN = "one two three four five six seven eight nine ten"


def brute_force(texts: list[Text]) -> list[NearDuplicate]:
    ordered = sorted(texts, key=lambda text: text.text_hash)
    pairs = []
    for first, second in combinations(ordered, 2):
        same = first.norm_hash == second.norm_hash
        share = 1.0 if same else containment(grams(first.text), grams(second.text))
        if share >= CONTAINMENT:
            pairs.append(NearDuplicate(first.text_hash, second.text_hash, share))
    return pairs


@given(TEXTS)
def test_near_duplicates_are_those_of_brute_force(texts: list[Text]):
    assert near_duplicates(texts) == brute_force(texts)


@given(TEXTS, st.integers(0, 12))
def test_adding_texts_finds_exactly_the_pairs_that_come_with_them(texts: list[Text], border: int):
    known, new = texts[:border], texts[border:]
    added = near_duplicates(new, known)
    together = near_duplicates(known) + added
    assert sorted(together, key=lambda pair: (pair.first, pair.second)) == brute_force(texts)


@given(TEXTS.flatmap(lambda texts: st.tuples(st.just(texts), st.permutations(texts))))
def test_near_duplicates_do_not_depend_on_order(orders: tuple[list[Text], list[Text]]):
    assert near_duplicates(orders[0]) == near_duplicates(orders[1])


def test_a_text_quoted_in_a_longer_one_is_its_near_duplicate():
    quoting = Text.of(f"Somebody wrote: {TEN.title()}. And more, and more, and more of it.")
    (pair,) = near_duplicates([Text.of(TEN), quoting])
    assert pair.containment == 1.0


def test_four_fifths_of_the_n_grams_are_enough_and_less_is_not():
    nine_words = TEN.rsplit(" ", 1)[0]  # five n-grams, four of which survive one changed end
    assert near_duplicates([Text.of(nine_words), Text.of(nine_words[:-4] + "end")])
    assert not near_duplicates([Text.of(nine_words), Text.of(nine_words[:-10] + "the end")])


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh"))))
def test_groups_are_connected_components_named_by_their_smallest(edges: list[tuple[str, str]]):
    component = {name: {name} for edge in edges for name in edge}
    for first, second in edges:
        union = component[first] | component[second]
        component.update(dict.fromkeys(union, union))
    assert groups(edges) == {name: min(members) for name, members in component.items()}
