from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.mining import MiningExample
from kalm_data.core.pool import Pool, PoolDocument, document_groups, make_pool
from kalm_data.measures.negatives import Drawn, Negative
from kalm_data.measures.row_block import rows_as_given, rows_of
from kalm_data.measures.training_pool import TrainingPool, training_pool

if TYPE_CHECKING:
    from numpy.typing import NDArray


def name(letter: str) -> str:
    return letter * 32


def pool_of(*near: str, **parents: str) -> Pool:
    """Texts a to f; `near` are pairs such as "ab", `parents` say which file a text is of."""
    documents = [
        PoolDocument(
            name(x), x, "", (), "", "test" if x == "f" else "train",
            frozenset([parents[x]] if x in parents else ()),
        )
        for x in "abcdef"
    ]  # fmt: skip
    return make_pool(documents, [(name(pair[0]), name(pair[1])) for pair in near], "")


def test_groups_join_near_duplicates_and_siblings_and_bear_the_smallest_hash():
    found = document_groups(pool_of("bc", "9b", c="file", e="file"))
    assert found == {name(x): name("9") for x in "9bce"}


def test_texts_that_are_alone_have_no_entry():
    assert document_groups(pool_of(a="one", b="two")).keys() <= {name("a"), name("b")}
    assert document_groups(pool_of()) == {}


def names_of(pool: Pool) -> NDArray[np.object_]:
    return np.array(pool.text_hashes, object)


def example(positives: str, negatives: str) -> MiningExample:
    return MiningExample(
        "id", "q", "", "", 0, tuple(map(name, positives)), tuple(map(name, negatives))
    )


def training(pool: Pool, *dropped: tuple[str, str]) -> TrainingPool:
    return training_pool(pool, pool.index(), frozenset(dropped))


def test_given_negatives_are_trainable_documents_of_the_pool_and_like_no_positive():
    pool = pool_of("ab")
    asked = [example("e", "abd"), example("a", "abcfz")]
    block = rows_as_given(training(pool), asked, names_of(pool))
    found = block.negatives
    assert found.rows.tolist() == [0, 0, 0, 1] and found.places().tolist() == [0, 1, 2, 0]
    assert found.text_hashes.tolist() == [*map(name, "abd"), name("c")]
    assert block.refusals == ["", ""]
    assert np.isnan(found.scores).all() and set(found.proposers) == {"given"}


def test_an_example_whose_positives_were_all_dropped_is_refused():
    pool = pool_of()
    asked = [example("a", "c"), example("ab", "c")]
    block = rows_as_given(training(pool, ("id", name("a"))), asked, names_of(pool))
    assert block.refusals == ["no_positive_left", ""]
    assert block.negatives.rows.tolist() == [1]
    assert [list(one) for one in block.positives] == [[], [name("b")]]


drawn_rows = st.lists(
    st.tuples(st.booleans(), st.lists(st.integers(0, 9), max_size=4)), min_size=1, max_size=8
)


@given(drawn_rows)
def test_selected_rows_are_those_of_the_selected(rows: list[tuple[bool, list[int]]]):
    drawn = [
        Drawn(f"e{i}", (f"p{i}",), tuple(Negative(f"n{n}", n, n / 10, "r", 1.0, None if n % 2 else
              n / 10, padding=n > 8) for n in negatives), {"x": "y"} if i % 2 else {})
        for i, (_, negatives) in enumerate(rows)
    ]  # fmt: skip
    keeps = [keep for keep, _ in rows]
    chosen = rows_of(drawn).select(keeps)
    wanted = rows_of([one for one, keep in zip(drawn, keeps, strict=True) if keep])
    assert chosen.example_ids == wanted.example_ids and chosen.positives == wanted.positives
    assert chosen.left_out == wanted.left_out
    for column in ("rows", "text_hashes", "ranks", "proposers"):
        assert getattr(chosen.negatives, column).tolist() == (
            getattr(wanted.negatives, column).tolist()
        )
    np.testing.assert_array_equal(chosen.negatives.scores, wanted.negatives.scores)
