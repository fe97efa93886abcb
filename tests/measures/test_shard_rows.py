from __future__ import annotations

from kalm_data.core.mining import MiningExample
from kalm_data.core.pool import Pool, PoolDocument, document_groups, make_pool
from kalm_data.measures.shard_rows import given_negatives
from kalm_data.measures.training_pool import TrainingPool, training_pool


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


def example(positives: str, negatives: str) -> MiningExample:
    return MiningExample(
        "id", "q", "", "", 0, tuple(map(name, positives)), tuple(map(name, negatives))
    )


def training(pool: Pool, *dropped: tuple[str, str]) -> TrainingPool:
    return training_pool(pool, pool.index(), frozenset(dropped))


def test_given_negatives_are_trainable_documents_of_the_pool_and_like_no_positive():
    (drawn,) = given_negatives(training(pool_of("ab")), [example("a", "abcfz")])
    assert [negative.text_hash for negative in drawn.negatives] == [name("c")]
    assert drawn.refusal == ""


def test_an_example_whose_positives_were_all_dropped_is_refused():
    without = training(pool_of(), ("id", name("a")))
    one, two = example("a", "c"), example("ab", "c")
    assert next(given_negatives(without, [one])).refusal == "no_positive_left"
    assert next(given_negatives(without, [two])).refusal == ""
