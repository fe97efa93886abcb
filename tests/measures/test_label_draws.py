from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.errors import InputError
from kalm_data.core.labelled import ClassText
from kalm_data.core.records import Text, example_id
from kalm_data.measures.label_draws import LabelDraw, draw_by_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.measures.negatives import Drawn

DRAW = LabelDraw(positives=1, negatives=7, seed=0)
MANY = [(f"text {i}", f"class {i % 10}") for i in range(60)]


def class_texts(pairs: Sequence[tuple[str, str]], protected: str = "") -> list[ClassText]:
    return [
        ClassText(Text.of(text), label, "", "", 0, is_protected=text == protected)
        for text, label in pairs
    ]


def drawn(pairs: Sequence[tuple[str, str]], draw: LabelDraw = DRAW) -> dict[str, Drawn]:
    texts = class_texts(pairs)
    found = draw_by_label("t", texts, draw)
    return {one.text.text: row for one, row in zip(texts, found, strict=True)}


def names(pairs: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """(normal form, label) by text hash."""
    return {Text.of(text).text_hash: (Text.of(text).norm_hash, label) for text, label in pairs}


@given(
    pairs=st.dictionaries(
        st.sampled_from(["a", "A", "b", "c", "C ", "d", "e", "f", "g"]), st.sampled_from("xyz")
    ).filter(lambda found: len(set(found.values())) > 1),
    negatives=st.integers(1, 6),
    seed=st.integers(0, 3),
)
def test_positives_share_the_label_negatives_do_not_and_nothing_comes_twice(
    pairs: dict[str, str], negatives: int, seed: int
):
    known = names(list(pairs.items()))
    for text, row in drawn(list(pairs.items()), LabelDraw(2, negatives, seed)).items():
        assert row.example_id == example_id("t", text)
        used = [Text.of(text).text_hash, *row.positives, *(n.text_hash for n in row.negatives)]
        assert len({known[text_hash][0] for text_hash in used}) == len(used)
        assert {known[h][1] for h in row.positives} <= {pairs[text]}
        assert pairs[text] not in {known[n.text_hash][1] for n in row.negatives}
        alone = not any(
            label == pairs[text] and Text.of(other).norm_hash != Text.of(text).norm_hash
            for other, label in pairs.items()
        )
        assert row.refusal == ("single_text_class" if alone else "")


def test_each_negative_is_of_another_class_where_there_are_enough():
    known = names(MANY)
    for row in drawn(MANY).values():
        assert len({known[one.text_hash][1] for one in row.negatives}) == 7


def test_with_few_classes_each_gives_as_many_negatives_as_the_others():
    pairs = [(f"text {i}", f"class {i % 4}") for i in range(60)]
    known = names(pairs)
    for row in drawn(pairs).values():
        counts = Counter(known[one.text_hash][1] for one in row.negatives)
        assert sorted(counts.values()) == [2, 2, 3]


def test_a_draw_does_not_depend_on_the_order_of_the_texts_but_on_the_seed():
    assert drawn(MANY) == drawn(MANY[::-1])
    assert drawn(MANY) != drawn(MANY, LabelDraw(1, 7, seed=1))


def test_all_of_a_class_are_drawn_about_equally_often():
    counts = Counter(h for row in drawn(MANY).values() for h in row.positives)
    assert max(counts.values()) <= 5 and len(counts) > 30


def test_fewer_negatives_than_asked_are_all_there_are():
    row = drawn([("a", "x"), ("b", "x"), ("c", "y")])["a"]
    assert [one.text_hash for one in row.negatives] == [Text.of("c").text_hash]
    assert row.is_short(7)


def test_a_protected_text_is_neither_query_nor_drawn():
    texts = class_texts([("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"), ("e", "y")], "b")
    rows = list(draw_by_label("t", texts, LabelDraw(9, 9, 0)))
    assert rows[1].refusal == "protected_query"
    drawn_texts = {
        h for row in rows for h in (*row.positives, *(n.text_hash for n in row.negatives))
    }
    assert Text.of("b").text_hash not in drawn_texts


def test_one_label_only_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match=r'have the label "x".*Import texts with another label'):
        drawn([("a", "x"), ("b", "x")])
