from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.records import LabelledText, NearDuplicate, ScoredPair, Split, Text
from kalm_data.workspace.runs import running
from kalm_data.workspace.scored_pairs import ScoredPairStore, read_scored

if TYPE_CHECKING:
    from kalm_data.core.records import Record
    from kalm_data.workspace.database import Database

TEXTS = {name: Text.of(name) for name in ("a", "b", "c", "d", "e", "A")}


def pair(
    first: str, second: str, split: Split = "train", task: str = "t", score: float = 0.5
) -> ScoredPair:
    hashes = (TEXTS[first].text_hash, TEXTS[second].text_hash)
    return ScoredPair(task, *hashes, score, "en", split, "f", 3, "r")


def store(database: Database, *rows: Record) -> ScoredPairStore:
    with running(database, "import", "{}") as run:
        run.append([*TEXTS.values(), *rows])
    return ScoredPairStore(database)


def read(database: Database) -> list[tuple[str, str, float]]:
    found = read_scored(database, "t")
    assert found is not None
    return [(one.first.text.text, one.second.text.text, one.score) for one in found.pairs]


def test_a_task_has_one_score_for_a_pair_in_either_order(database: Database):
    first, again = pair("a", "b"), pair("b", "a", score=0.9)
    held = store(database, first, again, pair("b", "a", task="u"))
    assert held.scored_pairs("t") == [first]
    assert len(held.scored_pairs("u")) == 1


def test_training_pairs_come_in_order_of_their_hashes_and_as_they_were_given(database: Database):
    store(database, *(pair(*names) for names in ("ba", "ca", "ed")), pair("a", "d", "test", "u"))
    found = read(database)
    keys = [sorted((TEXTS[one].text_hash, TEXTS[two].text_hash)) for one, two, _ in found]
    assert keys == sorted(keys)
    assert {one + two for one, two, _ in found} == {"ba", "ca", "ed"}


def test_a_task_without_scored_pairs_has_none_and_one_of_test_pairs_no_training_pair(
    database: Database,
):
    store(database, pair("a", "b", "test"))
    assert read(database) == []
    assert read_scored(database, "u") is None


@pytest.mark.parametrize("split", ["dev", "test"])
def test_pairs_of_texts_that_dev_or_test_ask_are_protected(database: Database, split: Split):
    label = LabelledText("u", TEXTS["c"].text_hash, "x", "", split, "f", 1, "r")
    asked = pair("A", "e", split, "v")
    store(database, pair("a", "b"), pair("b", "c"), pair("b", "d"), label, asked)
    found = read_scored(database, "t")
    assert found is not None
    protected = {one.text.text for one in found.texts if one.is_protected}
    assert protected == {"a", "c"}
    assert [one.second.text.text for one in found.free] == ["d"]


def test_groups_are_of_the_near_duplicates_of_the_task(database: Database):
    low, high = sorted(TEXTS[name].text_hash for name in "ab")
    of_others = NearDuplicate(*sorted(TEXTS[name].text_hash for name in "de"), 1.0)
    rows = [pair("a", "c"), pair("b", "c", "test"), pair("d", "e", task="u")]
    store(database, *rows, NearDuplicate(low, high, 0.9), of_others)
    found = read_scored(database, "t")
    assert found is not None and found.groups == {low: low, high: low}


def test_known_texts_are_those_of_all_tasks_in_their_most_protected_split(database: Database):
    held = store(database, pair("a", "b"), pair("b", "c", "dev", "u"))
    known = held.known_texts()
    names = {text.text_hash: text.text for text in known.texts}
    splits = {names[text_hash]: split for text_hash, split in known.splits.items()}
    assert splits == {"a": "train", "b": "dev", "c": "dev"}
