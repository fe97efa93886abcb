from __future__ import annotations

from pathlib import Path

from kalm_data.core.config.mine import MineConfig, mine_command
from kalm_data.core.errors import StaleMeasurement
from kalm_data.core.mining import excluded, hits_basis, names_ranker, ranker_id, stale_line
from kalm_data.core.pool import PoolDocument, make_pool

A, B, C, OUTSIDE = (letter * 32 for letter in "abcd")
POOL = make_pool(
    [PoolDocument(hash_, "", "", (), "", "train", frozenset()) for hash_ in (A, B, C)],
    [(A, B), (C, OUTSIDE)],
    "",
)


def test_positives_and_what_is_like_them_are_excluded_in_the_pool_or_not() -> None:
    index = POOL.index()
    assert excluded(POOL, index, [A]).places == (0, 1)
    assert excluded(POOL, index, [A, OUTSIDE]).places == (0, 1, 2)


def test_the_digest_of_positives_changes_with_what_the_rank_leaves_out() -> None:
    index, apart = POOL.index(), make_pool(POOL.documents(), [], "")
    digests = [
        excluded(POOL, index, [A]).positives,
        excluded(POOL, index, [A, C]).positives,
        excluded(apart, index, [A]).positives,
    ]
    assert len({*digests}) == 3
    assert excluded(POOL, index, [C, A]) == excluded(POOL, index, [A, C])


def test_a_ranker_is_known_by_its_id_its_name_or_the_folder_of_its_model() -> None:
    id_ = ranker_id("dense", "m", "1", "templates")
    assert id_ != ranker_id("dense", "m", "2", "templates")
    assert all(names_ranker(one, id_) for one in (id_, "dense:m", "dense:models/m/", "dense:o/m"))
    assert not any(names_ranker(one, id_) for one in ("dense:mm", "bm25", "hybrid:m"))
    assert names_ranker("bm25", ranker_id("bm25", "", "okapi-1"))
    assert hits_basis("b", 100) != hits_basis("b", 200)


def test_the_stale_line_is_one_line_and_names_the_command() -> None:
    stale = StaleMeasurement(
        stale_line("t", "dense:m@12", "two\nlines " + "x" * 100), ["kalm-data mine --task t"]
    )
    assert "\n" not in str(stale) and len(str(stale)) < 250
    assert str(stale).endswith("Run `kalm-data mine --task t`.")
    named = stale.at(Path("my work"))
    assert str(named).endswith("Run `kalm-data mine --task t --workspace 'my work'`.")


def test_a_mine_command_holds_every_option_that_is_not_the_default() -> None:
    config = MineConfig(ranker="dense:/my models/m", precision="bfloat16", max_score=0.9,
                        given_negatives=False)  # fmt: skip
    assert mine_command("t", config) == (
        "kalm-data mine --task t --ranker 'dense:/my models/m' --precision bfloat16 "
        "--max-score 0.9 --no-given-negatives"
    )
