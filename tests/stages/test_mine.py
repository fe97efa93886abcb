from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from one_by_one import each
from word_ranking import Rankers, WordEncoder, word_vector

from kalm_data.core.config.mine import DrawSettings, MineConfig, mine_command
from kalm_data.core.errors import InputError, Interrupted, StaleMeasurement
from kalm_data.core.mining import ranking_basis
from kalm_data.core.records import (
    Decision,
    Document,
    Example,
    Head,
    Judgement,
    NearDuplicate,
    Record,
    Text,
    example_id,
)
from kalm_data.core.tasks import Task
from kalm_data.measures.draws import draw_blocks, read_training
from kalm_data.stages import mine as module
from kalm_data.stages.mine import MineResult, mine
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.records import Label, Split
    from kalm_data.workspace.database import Database

TASK = Task(name="t", collections=("docs",))
CONFIG = MineConfig(ranks="1-20", negatives=4, max_score_ratio=None, depth=20)
COUNT = 40
TOPICS = ["river", "stone", "bread", "paper", "glass", "wind"]


def text(i: int) -> str:
    return f"{TOPICS[i % 6]} {TOPICS[i // 6 % 6]} number {i}"


def hash_of(i: int) -> str:
    return Text.of(text(i)).text_hash


def document(i: int, *, split: Split = "train", parent: str = "") -> list[Record]:
    known = Text.of(text(i))
    return [
        known,
        Document(
            "docs", f"d{i}", 1, known.text_hash, "", (), parent, i, "", "", "", "", "{}", split,
            False, "r",
        ),
    ]  # fmt: skip


def example(query: str, positives: Sequence[int], negatives: Sequence[int] = ()) -> list[Record]:
    id_, known = example_id("t", query), Text.of(query)
    rows: list[Record] = [
        known,
        Example(id_, "t", known.text_hash, "", "", "train", "import", "", "q.jsonl", 3, "r"),
    ]
    labels: list[tuple[int, Label]] = [(i, "positive") for i in positives]
    labels += [(i, "negative") for i in negatives]
    rows += [Judgement(id_, hash_of(i), label, "import", "r") for i, label in labels]
    return rows


EXAMPLES = [row for i in range(12) for row in example(f"number {i} {TOPICS[i % 6]}", [i, i + 20])]
DOCUMENTS = [document(i) for i in range(COUNT)]
WORLD = [*(row for part in DOCUMENTS for row in part), *EXAMPLES]


def fill(database: Database, rows: Sequence[Record]) -> Database:
    with running(database, "import", "{}") as run:
        run.append(rows)
    return database


def dig(
    database: Database, config: MineConfig = CONFIG, encoder: WordEncoder | None = None,
    task: Task = TASK,
) -> MineResult:  # fmt: skip
    with running(database, "mine", "{}", resumable=True) as run:
        maker = Rankers(database, run, encoder or WordEncoder(), config)
        return mine(RankingStore(database), run, maker, [task], config)


def fetch(database: Database, query: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(query).fetchall()


def drawn(database: Database) -> list[tuple]:
    """The negatives of the draw in force."""
    return fetch(
        database,
        "SELECT j.example_id, j.text_hash, j.rank, j.score, j.positive_score, j.padding "
        "FROM judgements j JOIN current_heads h ON h.kind = 'draw' AND h.run_id = j.run_id "
        "WHERE j.origin = 'miner' ORDER BY ALL",
    )


def ranks(database: Database) -> list[tuple]:
    return fetch(
        database,
        "SELECT example_id, text_hash, rank, score, no_evidence FROM rankings ORDER BY ALL",
    )


def brute_force(query: str, positives: set[int], excluded: set[int]) -> dict[str, int]:
    """Ranks straight from the definition, in float64."""
    vectors = [word_vector(text(i)).astype(float) for i in range(COUNT)]
    scores = [round(float(vector @ word_vector(query).astype(float)), 9) for vector in vectors]
    counted = [i for i in range(COUNT) if i not in excluded]
    return {hash_of(p): 1 + sum(scores[i] >= scores[p] for i in counted) for p in positives}


def test_ranks_equal_brute_force_without_positives_and_their_near_duplicates(
    database: Database,
) -> None:
    pair = NearDuplicate(*sorted((hash_of(20), hash_of(2))), 0.9)
    result = dig(fill(database, [*WORLD, pair]))
    stored = {(id_, hash_): rank for id_, hash_, rank, *_ in ranks(database)}
    assert len(stored) == 24 and result.tasks[0].pool_size == COUNT
    for i in range(12):
        query, positives = f"number {i} {TOPICS[i % 6]}", {i, i + 20}
        alike = {2} if i == 0 else {20} if i == 2 else set()
        for hash_, rank in brute_force(query, positives, positives | alike).items():
            assert stored[example_id("t", query), hash_] == rank


def test_mine_never_returns_a_positive_a_near_duplicate_a_sibling_or_a_test_document(
    database: Database,
) -> None:
    rows = [
        *(row for i in range(30) for row in document(i, parent=f"file{i // 2}")),
        *(row for i in range(30, COUNT) for row in document(i, split="test")),
        *EXAMPLES,
        NearDuplicate(*sorted((hash_of(1), hash_of(8))), 0.8),
    ]
    dig(fill(database, rows), CONFIG.model_copy(update={"ranks": "1-40", "negatives": 40}))
    found = {(id_, hash_) for id_, hash_, *_ in drawn(database)}
    assert found
    for i in range(12):
        id_ = example_id("t", f"number {i} {TOPICS[i % 6]}")
        barred = {i, i ^ 1, i + 20, (i + 20) ^ 1, *range(30, COUNT), *({8} if i == 1 else ())}
        assert not {(id_, hash_of(j)) for j in barred} & found


def test_a_second_run_encodes_and_ranks_nothing_and_draws_the_same(database: Database) -> None:
    first = dig(fill(database, WORLD))
    assert (first.encoded, first.tasks[0].ranked, first.negatives) == (COUNT + 12, 12, 48)
    before, encoder = drawn(database), WordEncoder()
    again = dig(database, encoder=encoder)
    assert (again.encoded, again.tasks[0].ranked, again.cut, encoder.asked) == (0, 0, 0, 0)
    assert (drawn(database), again.negatives) == (before, 48)


def test_other_limits_and_deeper_windows_encode_nothing(database: Database) -> None:
    dig(fill(database, WORLD))
    tight = dig(database, CONFIG.model_copy(update={"max_score_ratio": 0.5}))
    deep = dig(database, CONFIG.model_copy(update={"ranks": "1-30", "depth": 30}))
    assert (tight.encoded, deep.encoded) == (0, 0)
    assert (tight.tasks[0].ranked, deep.tasks[0].ranked) == (0, 12)
    assert tight.negatives < deep.negatives


def test_negatives_do_not_depend_on_document_order(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from kalm_data.workspace.database import Database as Other

    other = Other(tmp_path_factory.mktemp("other"))
    dig(fill(database, WORLD))
    dig(fill(other, WORLD[::-1]))
    assert drawn(database) == drawn(other)
    assert ranks(database) == ranks(other)


def test_an_interrupted_run_goes_on_and_ends_as_an_undisturbed_one(
    database: Database, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kalm_data.workspace.database import Database as Other

    monkeypatch.setattr(module, "BLOCK", 5)
    undisturbed = Other(tmp_path_factory.mktemp("undisturbed"))
    dig(fill(undisturbed, WORLD))
    fill(database, WORLD)
    asked = 0
    for stop_after in (16, 16, 8, 5, 100):
        encoder = WordEncoder(stop_after)
        try:
            dig(database, encoder=encoder)
        except Interrupted:
            continue
        finally:
            asked += encoder.asked
    assert asked == COUNT + 12
    assert (drawn(database), ranks(database)) == (drawn(undisturbed), ranks(undisturbed))


def test_a_rejected_positive_limits_nothing_and_is_never_a_negative(database: Database) -> None:
    id_ = example_id("t", "number 0 river")
    dig(fill(database, WORLD))
    before = {row[4] for row in drawn(database) if row[0] == id_}
    score = {hash_: score for one, hash_, _, score, _ in ranks(database) if one == id_}
    worst = min(score, key=score.__getitem__)
    decision = Decision("t", "rule", id_, worst, "drop", "rank", "{}", "", "0003-filter")
    fill(database, [decision, Head("rule", "t", "rule", 3, "{}", "", "0003-filter")])
    assert dig(database).encoded == 0
    after = {row[4] for row in drawn(database) if row[0] == id_}
    assert (before, after) == ({min(score.values())}, {max(score.values())})
    assert worst not in {row[1] for row in drawn(database) if row[0] == id_}


def test_given_negatives_are_used_unless_a_limit_refuses_them(database: Database) -> None:
    rows = [*(row for part in DOCUMENTS for row in part), *example(text(3), [3], [33, 39])]
    limits = CONFIG.model_copy(update={"max_score": 0.65, "depth": COUNT})
    assert dig(fill(database, rows), limits).tasks[0].given == 1
    found = {row[1] for row in drawn(database)}
    assert hash_of(33) in found  # shares two of four words with the query; 39 shares three
    assert hash_of(39) not in found


def test_what_is_added_to_the_pool_is_all_that_is_encoded_and_everything_is_ranked_again(
    database: Database,
) -> None:
    dig(fill(database, WORLD))
    fill(database, document(COUNT))
    result = dig(database)
    assert (result.encoded, result.tasks[0].ranked) == (1, 12)


def test_examples_that_cannot_be_ranked_are_rejects_with_a_reason(database: Database) -> None:
    outside = Judgement(example_id("t", "far"), hash_of(999), "positive", "import", "r")
    rows = [*WORLD, *example("far", []), outside, *example("…", [0])]
    result = dig(fill(database, rows))
    found = fetch(database, "SELECT reason, text, source, line FROM rejects ORDER BY ALL")
    assert found == [
        ("no_evidence", "…", "q.jsonl", 3),
        ("positive_not_in_pool", "far", "q.jsonl", 3),
    ]
    assert result.negatives == 48
    assert fetch(database, "SELECT rank FROM rankings WHERE no_evidence") == [(COUNT,)]


def test_nothing_to_mine_at_all_is_an_error(database: Database) -> None:
    fill(database, WORLD[:1])
    with pytest.raises(InputError, match="t: no training example with a positive"):
        dig(database)
    assert fetch(database, "SELECT count(*) FROM heads") == [(0,)]


def test_the_settings_of_a_ranker_are_those_of_its_last_draw(database: Database) -> None:
    dig(fill(database, WORLD))
    dig(database, CONFIG.model_copy(update={"seed": 7}))
    store = RankingStore(database)
    (ranker,) = store.rankers("t")
    assert store.mine_config("t", ranker).seed == 7


def test_a_window_beyond_a_twentieth_of_the_pool_is_warned_of(database: Database) -> None:
    dig(fill(database, WORLD))
    ((warnings,),) = fetch(database, "SELECT warnings FROM runs WHERE command = 'mine'")
    assert len(warnings) == 1 and "40 documents" in warnings[0]


def test_short_examples_and_cut_texts_are_counted(database: Database) -> None:
    fill(database, [*WORLD, *example("one two three four five six seven", [5])])
    result = dig(database, CONFIG.model_copy(update={"ranks": "1-4", "negatives": 4}))
    assert result.short >= 1
    assert result.cut == 1


def test_a_draw_from_what_is_stored_is_that_of_the_run(database: Database) -> None:
    dig(fill(database, WORLD))
    ranker = RankingStore(database).rankers("t")[0]
    again = draw_blocks(
        RankingStore(database),
        TASK,
        DrawSettings(CONFIG, (ranker,)),
        read_training(RankingStore(database), TASK),
    )
    draws = [one for block in again for one in each(block)]
    rows = [(one.example_id, n.text_hash, n.rank) for one in draws for n in one.negatives]
    assert sorted(rows) == [row[:3] for row in drawn(database)]


def test_a_draw_from_rankings_of_another_pool_is_refused_with_the_remedy(
    database: Database,
) -> None:
    dig(fill(database, WORLD))
    store = RankingStore(database)
    (ranker,) = store.rankers("t")
    fill(database, document(COUNT))
    with pytest.raises(StaleMeasurement, match=f"Run `{mine_command('t', CONFIG)}`"):
        list(draw_blocks(store, TASK, DrawSettings(CONFIG, (ranker,)), read_training(store, TASK)))


def test_another_instruction_or_template_makes_rankings_stale(database: Database) -> None:
    pool = RankingStore(fill(database, WORLD)).pool(TASK)
    asked = Task(name="t", collections=("docs",), instruction="Find it.")
    written = Task(name="t", collections=("docs",), query_template="q: {query}")
    assert len({ranking_basis(pool, task) for task in (TASK, asked, written)}) == 3


def test_a_task_without_ranks_is_refused(database: Database) -> None:
    with pytest.raises(InputError, match="classification"):
        dig(database, task=Task(name="t", type="classification"))
