from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.filter_labels import read_labels
from kalm_data.core.filter_result import FilterResult
from kalm_data.core.mining import excluded, ranking_basis
from kalm_data.core.records import (
    Document,
    Example,
    Judgement,
    Ranking,
    Record,
    Text,
    example_id,
)
from kalm_data.core.tasks import Task
from kalm_data.stages.filter import Given, filter_positives
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.workspace.database import Database

TASK = Task(name="t", collections=("docs",))
COUNT = 60
RANKER = "dense:m@0123"


def document(i: int) -> list[Record]:
    known = Text.of(f"document {i}")
    return [
        known,
        Document(
            "docs", f"d{i}", 1, known.text_hash, "", (), "", 0, "", "", "", "", "{}", "train",
            False, "r",
        ),
    ]  # fmt: skip


def example(query: str, positives: Sequence[str]) -> list[Record]:
    id_, known = example_id("t", query), Text.of(query)
    judged = [Judgement(id_, hash_, "positive", "import", "r") for hash_ in positives]
    asked = Example(id_, "t", known.text_hash, "", "", "train", "import", "", "q.jsonl", 7, "r")
    return [known, asked, *judged]


def hash_of(i: int) -> str:
    return Text.of(f"document {i}").text_hash


def import_(database: Database, examples: dict[str, list[int]], size: int = COUNT) -> Database:
    rows = [row for i in range(size) for row in document(i)]
    for query, positives in examples.items():
        rows += example(query, [hash_of(i) for i in positives])
    with running(database, "import", "{}") as run:
        run.append(rows)
    return database


def measure(database: Database, ranks: dict[str, list[int]], ranker: str = RANKER) -> Database:
    """Say that `mine` found these ranks of the positives, in the order of their hashes; 0: dark."""
    store = RankingStore(database)
    pool, basis = store.pool(TASK), ranking_basis(store.pool(TASK), TASK)
    settings = MineConfig(ranker="dense:org/m", precision="bfloat16").model_dump(mode="json")
    with running(database, "mine", json.dumps({"settings": settings})) as run:
        for known in store.mining_examples("t"):
            own = excluded(pool, pool.index(), known.positives)
            run.append(
                [
                    Ranking(known.example_id, hash_, ranker, basis, len(pool), own.positives,
                            rank or len(pool), 0.5 if rank else 0.0, not rank, run.run_id)
                    for hash_, rank in zip(known.positives, ranks[known.query], strict=True)
                ]
            )  # fmt: skip
    return database


def sift(
    database: Database, task: Task = TASK, *, given: Given | None = None, **settings: object
) -> FilterResult:
    with running(database, "filter", "{}") as run:
        return filter_positives(
            RankingStore(database), run, [task], FilterConfig(**settings), given or Given()
        )


def dropped(database: Database) -> set[str]:
    """The queries that lost a positive, by the verdicts in force."""
    store = RankingStore(database)
    names = {known.example_id: known.query for known in store.mining_examples("t")}
    return {names[id_] for id_, _ in store.dropped("t")}


def warnings(database: Database) -> list[str]:
    """Of the last run."""
    with database.read() as connection:
        sql = "SELECT warnings FROM runs WHERE command = 'filter' ORDER BY sequence DESC LIMIT 1"
        ((found,),) = connection.execute(sql).fetchall()
    return list(found)


def test_filter_keeps_a_positive_ranked_exactly_at_top_k(database: Database) -> None:
    measure(import_(database, {"at": [1], "after": [2]}), {"at": [50], "after": [51]})
    result = sift(database, top_k=50)
    assert result.tasks[0].kept == 1
    assert dropped(database) == {"after"}


def test_the_filter_works_however_large_k_is(database: Database) -> None:
    """The released miner was silently off from k = its search depth on."""
    measure(import_(database, {"a": [1], "b": [2]}, size=300), {"a": [250], "b": [251]})
    sift(database, top_k=250)
    assert dropped(database) == {"b"}


def test_one_good_positive_does_not_save_a_bad_one(database: Database) -> None:
    measure(import_(database, {"two": [1, 2], "none": [3, 4]}), {"two": [1, 60], "none": [60, 60]})
    result = sift(database)
    assert (result.tasks[0].kept, result.tasks[0].positives) == (1, 4)
    assert (result.tasks[0].examples, result.tasks[0].examples_lost) == (2, 1)
    assert len(RankingStore(database).dropped("t")) == 3


def test_running_again_with_another_k_replaces_the_verdicts(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2]}), {"a": [3], "b": [30]})
    for k, expected in ((10, {"b"}), (2, {"a", "b"}), (50, set())):
        sift(database, top_k=k)
        assert dropped(database) == expected


def test_the_sweep_says_what_each_k_would_keep(database: Database) -> None:
    ranks = [1, 2, 3, 10, 11, 50, 0]
    queries = {f"q{i}": [i] for i in range(len(ranks))}
    measure(import_(database, queries), {f"q{i}": [rank] for i, rank in enumerate(ranks)})
    sweep = [(row.k, row.kept) for row in sift(database).sweep]
    assert sweep == [(1, 1), (2, 2), (5, 3), (10, 4), (20, 5), (50, 6), (100, 6)]


def test_a_pool_smaller_than_k_is_said_and_a_query_without_evidence_still_goes(
    database: Database,
) -> None:
    measure(import_(database, {"a": [1], "dark": [2]}, size=20), {"a": [20], "dark": [0]})
    sift(database, top_k=50)
    assert dropped(database) == {"dark"}
    assert "20 documents, fewer than k = 50" in warnings(database)[0]


def test_k_is_the_users_then_the_tasks_then_fifty(database: Database) -> None:
    measure(import_(database, {"a": [1]}), {"a": [3]})
    task = TASK.model_copy(update={"top_k": 2})
    assert sift(database).tasks[0].top_k == 50
    assert sift(database, task).tasks[0].top_k == 2
    assert sift(database, task, top_k=5).tasks[0].top_k == 5


def test_every_drop_is_a_reject_with_its_numbers(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2]}), {"a": [55], "b": [0]})
    sift(database, top_k=50)
    with database.read() as connection:
        sql = "SELECT text, reason, numbers, source, line FROM rejects ORDER BY text"
        first, second = connection.execute(sql).fetchall()
    assert (first[:2], second[:2]) == (("a", "rank"), ("b", "no_evidence"))
    numbers = {"k": 50, "pool_size": COUNT, "rank": 55, "score": 0.5, "cause": RANKER}
    assert json.loads(first[2]) == numbers
    assert first[3:] == ("q.jsonl", 7)


def test_a_positive_outside_the_pool_is_a_reject_not_an_error(database: Database) -> None:
    import_(database, {"in": [1]})
    with running(database, "import", "{}") as run:
        run.append(example("out", [Text.of("elsewhere").text_hash]))
    measure(database, {"in": [1], "out": [9]})
    with database.write() as connection:  # mine ranks no positive outside the pool
        connection.execute("DELETE FROM rankings WHERE rank = 9")
    assert sift(database).tasks[0].kept == 1
    assert dropped(database) == {"out"}


def test_a_ranking_of_another_pool_is_refused_with_the_remedy(database: Database) -> None:
    measure(import_(database, {"a": [1]}), {"a": [1]})
    import_(database, {}, size=COUNT + 1)
    remedy = r"`kalm-data mine --task t --ranker dense:org/m --precision bfloat16`"
    with pytest.raises(StaleMeasurement, match=remedy):
        sift(database)
    assert dropped(database) == set()


def test_a_ranking_against_other_positives_is_refused(database: Database) -> None:
    measure(import_(database, {"a": [1]}), {"a": [1]})
    import_(database, {"a": [2]})
    with pytest.raises(StaleMeasurement):
        sift(database)


def test_the_latest_ranker_decides_unless_one_is_named(database: Database) -> None:
    measure(import_(database, {"a": [1]}), {"a": [1]}, "dense:z@1")
    measure(database, {"a": [60]}, "dense:b@2")
    assert sift(database).tasks[0].rankers == ("dense:b@2",)
    assert sift(database, ranker="dense:z").tasks[0].rankers == ("dense:z@1",)
    assert sift(database, ranker="dense:z@1").tasks[0].kept == 1
    with pytest.raises(InputError, match="There are ranks by dense:b@2, dense:z@1"):
        sift(database, ranker="bm25")


def test_a_task_that_nobody_ranked_is_refused_with_the_remedy(database: Database) -> None:
    import_(database, {"a": [1]})
    with pytest.raises(InputError, match=r"Run `kalm-data mine --task t`"):
        sift(database)
    with pytest.raises(InputError, match="clustering"):
        sift(database, Task(name="t", type="clustering"))


def test_nothing_to_filter_at_all_is_an_error(database: Database) -> None:
    import_(database, {})
    with pytest.raises(InputError, match="t: no training example with a positive"):
        sift(database)


def test_a_rule_that_is_taken_back_drops_nothing_and_can_be_given_again(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2]}), {"a": [3], "b": [30]})
    sift(database, top_k=10)
    result = sift(database, reset="top-k")
    assert (result.tasks[0].reset, result.sweep, dropped(database)) == (("top-k",), (), set())
    sift(database, top_k=10)
    assert dropped(database) == {"b"}


def test_rules_combine_and_each_is_replaced_by_itself_alone(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2], "c": [2]}), {"a": [3], "b": [30], "c": [4]})
    sift(database, top_k=10)
    sift(database, max_per_positive=1)
    assert dropped(database) == {"b"}  # it is dropped already, so c is the only row of its document
    assert warnings(database) == []
    sift(database, top_k=50)
    assert dropped(database) == set()
    (told,) = warnings(database)
    assert "Run `kalm-data filter --task t --max-per-positive 1` again" in told
    sift(database, max_per_positive=1)
    assert dropped(database) == {"b"}  # c is the better of two
    sift(database, top_k=2)
    sift(database, reset="max-per-positive")
    assert dropped(database) == {"a", "b", "c"}


def test_a_rule_taken_back_that_is_not_in_force_is_said(database: Database) -> None:
    measure(import_(database, {"a": [1]}), {"a": [3]})
    sift(database, reset="dedup")
    assert warnings(database) == ["task t: rule dedup is not in force; nothing to take back"]


def test_taking_a_rule_back_needs_no_ranks(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2]}), {"a": [3], "b": [30]})
    sift(database, top_k=10)
    import_(database, {}, size=COUNT + 1)  # the ranks are of another pool now
    assert sift(database, reset="top-k").tasks[0].rankers == ()
    assert dropped(database) == set()


def test_several_rankers_must_agree_or_one_is_enough(database: Database) -> None:
    measure(import_(database, {"a": [1], "b": [2]}), {"a": [1], "b": [60]}, "dense:z@1")
    measure(database, {"a": [60], "b": [60]}, "bm25@2")
    both = {"ranker": ("bm25", "dense:z"), "top_k": 50}
    sift(database, **both)
    assert dropped(database) == {"a", "b"}
    result = sift(database, **both, agree="any")
    assert dropped(database) == {"b"}
    assert result.tasks[0].rankers == ("bm25@2", "dense:z@1")


def import_another_task(database: Database) -> Task:
    """A task whose only example asks what `When?` asks, of the same document."""
    other = Task(name="u", collections=("docs",))
    id_, known = example_id("u", "when?"), Text.of("when?")
    asked = Example(id_, "u", known.text_hash, "", "", "train", "import", "", "q.jsonl", 7, "r")
    with running(database, "import", "{}") as run:
        run.append([known, asked, Judgement(id_, hash_of(1), "positive", "import", "r")])
    return other


def sift_both(database: Database, other: Task) -> FilterResult:
    with running(database, "filter", "{}") as run:
        store, config = RankingStore(database), FilterConfig(dedup="exact")
        return filter_positives(store, run, [TASK, other], config, Given())


def test_duplicates_across_tasks_keep_the_better_ranked(database: Database) -> None:
    other = import_another_task(import_(database, {"When?": [1]}))
    result = sift_both(database, other)
    assert [task.dropped["dedup"] for task in result.tasks] in ([0, 1], [1, 0])


def test_a_rule_over_two_tasks_is_stale_where_one_of_them_loses_a_row(database: Database) -> None:
    other = import_another_task(measure(import_(database, {"When?": [1]}), {"When?": [30]}))
    sift_both(database, other)
    before = dropped(database)
    sift(database, top_k=10)
    (told,) = warnings(database)
    assert "Run `kalm-data filter --task t --task u --dedup exact` again" in told
    assert before <= dropped(database) == {"When?"}  # nobody judged the other task in passing
    assert [task.dropped["dedup"] for task in sift_both(database, other).tasks] == [0, 0]
    sift(database, top_k=10)
    assert warnings(database) == []


def test_labels_tell_how_precise_each_k_is(database: Database, tmp_path: Path) -> None:
    measure(import_(database, {"a": [1], "b": [2], "c": [3]}), {"a": [1], "b": [4], "c": [30]})
    lines = [
        {"query": query, "positive": f"document {i}", "label": label}
        for query, i, label in (("a", 1, True), ("b", 2, False))
    ]
    (tmp_path / "l.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = sift(database, given=Given(labels=read_labels(tmp_path / "l.jsonl")))
    found = {row.k: (row.kept, row.labelled_kept, row.precision) for row in result.sweep}
    assert found[2] == (1, 1, 1.0) and found[5] == (2, 2, 0.5) and found[50] == (3, 2, 0.5)


@pytest.mark.parametrize("line", ["{", "[1]", '{"query": "a", "positive": "b", "label": "yes"}'])
def test_a_line_that_is_no_label_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "l.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(InputError, match=r"l\.jsonl:2: "):
        read_labels(tmp_path / "l.jsonl")
