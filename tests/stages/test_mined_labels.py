"""Hard negatives of labelled texts: the hits of other classes in the window of ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mined_world import build, bytes_of, fill, rows
from word_ranking import Rankers, WordEncoder, word_vector

from kalm_data.core.config.mine import MineConfig
from kalm_data.core.errors import InputError, StaleMeasurement
from kalm_data.core.manifest import read_manifest
from kalm_data.core.records import (
    Example,
    Judgement,
    LabelledText,
    NearDuplicate,
    Text,
    example_id,
)
from kalm_data.core.tasks import Task
from kalm_data.stages.mine import mine
from kalm_data.workspace.database import Database
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.mine_result import MineResult
    from kalm_data.core.records import Record
    from kalm_data.core.summary import RunSummary

TASK = Task(name="t", type="classification")
WORDS = ["river", "stone", "bread", "paper", "glass"]
MINE = MineConfig(ranks="1-12", negatives=3, depth=20)


def text(i: int) -> str:
    return f"{WORDS[i % 5]} {WORDS[i // 5 % 5]} number {i}"


def label(i: int) -> str:
    return f"class {i % 3}"


def labelled(words: str, name: str) -> list[Record]:
    known = Text.of(words)
    return [known, LabelledText("t", known.text_hash, name, "en", "train", "a.jsonl", 3, "r")]


WORLD = [labelled(text(i), label(i)) for i in range(30)]
LABELS = {text(i): label(i) for i in range(30)}


def dig(
    database: Database, config: MineConfig = MINE, task: Task = TASK
) -> tuple[MineResult, RunSummary]:
    with running(database, "mine", "{}", resumable=True) as run:
        maker = Rankers(database, run, WordEncoder(), config)
        result = mine(RankingStore(database), run, maker, [task], config)
    return result, run.summary("ok")


def ranked_by_hand(query: str) -> list[tuple[str, float]]:
    """All texts by cosine, the best first, the query among them."""
    asked = word_vector(query)
    scored = [(one, float(asked @ word_vector(one))) for one in LABELS]
    return sorted(scored, key=lambda one: -one[1])


def test_negatives_are_the_hits_of_other_classes_in_the_window(database: Database, tmp_path: Path):
    result, run = dig(fill(database, WORLD), MINE.model_copy(update={"sampling": "top"}))
    assert (run.planned, run.kept, result.negatives) == (30, 30, 90)
    build(database, tmp_path / "out", [TASK])
    for row in rows(tmp_path / "out"):
        by_hand = ranked_by_hand(row["query"])
        wanted = [
            (one, rank, score)
            for rank, (one, score) in enumerate(by_hand[:12], start=1)
            if LABELS[one] != LABELS[row["query"]] and score <= 0.95
        ][:3]
        assert row["neg"] == [one for one, _, _ in wanted]
        assert row["neg_ranks"] == [rank for _, rank, _ in wanted]
        assert row["neg_scores"] == pytest.approx([score for _, _, score in wanted], abs=1e-6)
        assert all(ranker.startswith("dense:words@") for ranker in row["neg_rankers"])
        assert [LABELS[one] for one in row["pos"]] == [LABELS[row["query"]]]
        assert not row["in_batch"]


def test_the_set_names_ranker_and_draw_and_not_how_random_ones_are_drawn(
    database: Database, tmp_path: Path
):
    dig(fill(database, WORLD))
    build(database, tmp_path / "out", [TASK], label_negatives=1)
    (entry,) = read_manifest(tmp_path / "out").tasks
    assert entry.ranker.startswith("dense:words@")
    assert entry.sources["draw"] == '{"label_positives":1}' and "words@" in entry.sources["mined"]
    assert {len(row["neg"]) for row in rows(tmp_path / "out")} == {3}


def test_texts_of_other_languages_are_in_no_row(database: Database, tmp_path: Path):
    german = [
        replace(one, language="de") if isinstance(one, LabelledText) else one
        for one in labelled("stein river number 31", label(1))
    ]
    dig(fill(database, [*WORLD, german]))
    task = TASK.model_copy(update={"languages": ("en",)})
    _, run = build(database, tmp_path / "out", [task])
    assert run.rejected == {"language": 1}
    used = {one for row in rows(tmp_path / "out") for one in (*row["pos"], *row["neg"])}
    assert used <= {text(i) for i in range(30)}


@pytest.mark.parametrize("threads", [1, 3])
def test_same_bytes_in_any_order_on_any_number_of_threads(tmp_path: Path, threads: int):
    outs = []
    for name, world in (("a", WORLD), ("b", WORLD[::-1])):
        database = Database(tmp_path / name)
        dig(fill(database, world))
        build(database, tmp_path / f"out-{name}", [TASK], threads=threads)
        outs.append(bytes_of(tmp_path / f"out-{name}"))
    assert outs[0] == outs[1]


def test_nothing_is_ranked_twice_and_another_draw_encodes_nothing(database: Database):
    first, _ = dig(fill(database, WORLD))
    again, _ = dig(database, MINE.model_copy(update={"negatives": 2, "max_score_ratio": 0.5}))
    assert (first.encoded > 0, again.encoded, again.tasks[0].ranked) == (True, 0, 0)


def test_labels_imported_after_mining_make_the_draw_stale(database: Database, tmp_path: Path):
    dig(fill(database, WORLD))
    fill(database, [labelled("a river of glass", label(1))])
    with pytest.raises(StaleMeasurement, match="kalm-data mine --task t"):
        build(database, tmp_path / "out", [TASK])
    assert not (tmp_path / "out").exists()


def test_a_text_nearly_of_another_class_is_no_negative_of_that_class(
    database: Database, tmp_path: Path
):
    """It may be a positive there, by its words; its own row stays."""
    one, other = sorted(Text.of(text(i)).text_hash for i in (0, 1))
    dig(fill(database, [*WORLD, [NearDuplicate(one, other, 0.9)]]))
    build(database, tmp_path / "out", [TASK])
    found = rows(tmp_path / "out")
    assert len(found) == 30
    assert not {text(0), text(1)} & {negative for row in found for negative in row["neg"]}


def test_what_a_test_asks_after_mining_is_in_no_row_and_nothing_is_ranked_again(
    database: Database, tmp_path: Path
):
    dig(fill(database, WORLD))
    asked, id_ = Text.of(text(4).upper()), example_id("other", text(4).upper())
    fill(database, [[
        asked,
        Example(id_, "other", asked.text_hash, "", "", "test", "import", "", "", 0, "r"),
        Judgement(id_, asked.text_hash, "positive", "import", "r"),
    ]])  # fmt: skip
    _, run = build(database, tmp_path / "out", [TASK])
    assert run.rejected == {"protected_query": 1}
    seen = {one for row in rows(tmp_path / "out") for one in [row["query"], *row["neg"]]}
    assert seen <= {text(i) for i in range(30)} - {text(4)}
    assert dig(database)[0].tasks[0].ranked == 0


def scarce(on_shortage: str) -> MineConfig:
    """Two texts of one class among thirty: no text finds five of another class in ranks 3-4."""
    return MineConfig(ranks="3-4", negatives=5, depth=4, on_shortage=on_shortage)


SCARCE = {text(i): "rare" if i < 2 else "common" for i in range(30)}


@pytest.mark.parametrize(("on_shortage", "most"), [("keep", 2), ("pad", 5)])
def test_too_few_hits_of_other_classes_are_kept_or_padded_from_other_classes(
    database: Database, tmp_path: Path, on_shortage: str, most: int
):
    result, _ = dig(fill(database, [labelled(*one) for one in SCARCE.items()]), scarce(on_shortage))
    assert result.short == 30
    build(database, tmp_path / "out", [TASK])
    found = rows(tmp_path / "out")
    assert max(len(row["neg"]) for row in found) == most
    for row in found:
        assert all(SCARCE[one] != SCARCE[row["query"]] for one in row["neg"])
        assert len(row["neg"]) - row["neg_rankers"].count("padding") <= 2


def test_too_few_hits_of_other_classes_drop_the_row(database: Database, tmp_path: Path):
    world = [labelled(*one) for one in SCARCE.items()]
    _, mined = dig(fill(database, world), scarce("drop"))
    assert mined.rejected == {"shortage": 30}
    with pytest.raises(InputError, match="no example is left"):
        build(database, tmp_path / "out", [TASK])


def test_a_task_of_classes_without_labels_is_refused(database: Database):
    fill(database, WORLD)
    with pytest.raises(InputError, match="kalm-data import labels"):
        dig(database, task=Task(name="empty", type="classification"))


def test_short_rows_are_told_with_who_found_no_more(database: Database, tmp_path: Path):
    dig(fill(database, WORLD), MINE.model_copy(update={"ranks": "1-2", "depth": 2}))
    _, run = build(database, tmp_path / "out", [TASK])
    told = [one for one in run.warnings if "fewer than 3 negatives" in one]
    assert len(told) == 1 and "mine found no more" in told[0]
