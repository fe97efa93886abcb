from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core import pool as module
from kalm_data.core.errors import InputError
from kalm_data.core.pool import PoolDocument, make_pool, most_protected, pool_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def document(text_hash: str, title: str = "", headings: tuple[str, ...] = ()) -> PoolDocument:
    return PoolDocument(text_hash * 16, "", title, headings, "", "train", frozenset())


def test_documents_are_sorted_and_found_whatever_their_order() -> None:
    one = make_pool([document("bb"), document("aa")], [], "")
    other = make_pool([document("aa"), document("bb")], [], "")
    assert one == other
    assert one.index() == {"aa" * 16: 0, "bb" * 16: 1}
    assert one.keys() == sorted(one.keys())


def test_the_fingerprint_tells_texts_titles_headings_and_template_apart() -> None:
    pools = [
        make_pool([document("aa")], [], ""),
        make_pool([document("bb")], [], ""),
        make_pool([document("aa", "t")], [], ""),
        make_pool([document("aa", "", ("t",))], [], ""),
        make_pool([document("aa")], [], "{text}"),
    ]
    assert len({pool.fingerprint for pool in pools}) == len(pools)


def test_near_duplicates_are_symmetric_and_known_for_texts_outside() -> None:
    a, b, outside = "aa" * 16, "bb" * 16, "cc" * 16
    pool = make_pool([document("aa"), document("bb")], [(a, b), (b, outside)], "")
    assert pool.alike == {a: (1,), b: (0,), outside: (1,)}


def test_two_texts_with_one_key_are_refused() -> None:
    twins = [
        PoolDocument("a" * 16 + end * 16, "", "", (), "", "train", frozenset()) for end in "bc"
    ]
    with pytest.raises(InputError, match="first 64 bits"):
        make_pool(twins, [], "")


def test_texts_are_read_by_the_block_when_somebody_asks_and_never_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 3)
    asked: list[Sequence[str]] = []

    def read(hashes: Sequence[str]) -> list[str]:
        asked.append(hashes)
        return [f"text {text_hash}" for text_hash in hashes]

    hashes = [f"{number:02x}" * 16 for number in range(8)]
    columns = make_pool(map(document, [one[:2] for one in hashes]), [], "").columns
    pool = pool_of(columns, {}, "", read)
    assert (len(pool), len(pool.index()), len(pool.keys()), asked) == (8, 8, 8, [])
    some = pool.documents([6, 1])
    assert [one.text for one in some] == [f"text {hashes[6]}", f"text {hashes[1]}"]
    blocks = pool.blocks()
    assert [one.text_hash for one in next(blocks)] == hashes[:3]
    assert asked == [[hashes[6], hashes[1]], hashes[:3]]
    assert [len(block) for block in blocks] == [3, 2]


def test_the_most_protected_split_wins() -> None:
    assert most_protected(["dev", "train"]) == "dev"
    assert most_protected(["dev", "test", "train"]) == "test"


def test_blocks_of_long_texts_are_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHARACTERS_AT_ONCE", 1000)
    monkeypatch.setattr(module, "_FIRST_BLOCK", 2)
    hashes = [f"{number:02x}" * 16 for number in range(20)]
    columns = make_pool(map(document, [one[:2] for one in hashes]), [], "").columns
    lengths = {text_hash: 9 if place < 12 else 5000 for place, text_hash in enumerate(hashes)}
    pool = pool_of(columns, [], "", lambda asked: ["x" * lengths[one] for one in asked])
    blocks = list(pool.blocks())
    assert [len(block) for block in blocks] == [2, 18]
    assert [one.text_hash for block in blocks for one in block] == hashes
    assert [len(block) for block in pool.blocks(range(12, 20))] == [2, 1, 1, 1, 1, 1, 1]
    assert list(pool.blocks([])) == []
