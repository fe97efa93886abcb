from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.import_rankings import import_rankings
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.api.mine import MineConfig, mine
from kalm_data.core.errors import InputError
from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 40
WORDS = ["tide", "stone", "bread", "paper", "glass", "wind", "hive"]


def fill(folder: Path, count: int = COUNT) -> Path:
    lines = [
        json.dumps(
            {"query": f"{WORDS[i % 7]} {i}", "positive": f"{WORDS[i % 7]} {i} {WORDS[i % 3]}"}
        )
        for i in range(count)
    ]
    file = folder.with_suffix(".jsonl")
    file.write_text("\n".join(lines))
    config = ImportPairsConfig(as_split="train")
    import_pairs(folder, [str(file)], NamedTask(task="t"), config)
    return folder


def config(part: str | None = None) -> MineConfig:
    return MineConfig(ranker="bm25", ranks="1-20", part=part)


def fetch(folder: Path, query: str) -> list[tuple]:
    with Database(folder).read() as connection:
        return connection.execute(query).fetchall()


def test_parts_that_were_brought_together_are_what_one_machine_ranks(tmp_path: Path) -> None:
    parts = [fill(tmp_path / f"part{i}") for i in (1, 2, 3)]
    ranked = [mine(folder, ["t"], config(f"{i}/3")).run for i, folder in enumerate(parts, 1)]
    assert sum(run.planned for run in ranked) == COUNT
    alone, together = fill(tmp_path / "alone"), fill(tmp_path / "together")
    mine(alone, ["t"], config())
    assert import_rankings(together, parts).result.rankings == COUNT
    assert mine(together, ["t"], config()).result.tasks[0].ranked == 0
    drawn = "SELECT example_id, text_hash, ranker, rank, score FROM judgements ORDER BY ALL"
    assert fetch(together, drawn) == fetch(alone, drawn)


def test_a_part_ranks_and_puts_no_draw_in_force(tmp_path: Path) -> None:
    folder = fill(tmp_path / "w")
    mine(folder, ["t"], config("1/2"))
    assert fetch(folder, "SELECT count(*) FROM heads") == [(0,)]
    assert fetch(folder, "SELECT count(*) FROM judgements WHERE origin = 'miner'") == [(0,)]


def test_rankings_of_another_pool_or_of_unknown_examples_are_rejects(tmp_path: Path) -> None:
    other, here = fill(tmp_path / "other"), fill(tmp_path / "here", COUNT - 1)
    mine(other, ["t"], config())
    with pytest.raises(InputError, match="no ranking that fits") as caught:
        import_rankings(here, [other])
    assert caught.value.summary.rejected == {"other_pool": COUNT - 1, "unknown_example": 1}


def test_what_is_no_part_is_refused() -> None:
    for part in ("0/2", "3/2", "1", "a/b", "1/0"):
        with pytest.raises(ValueError, match="i/n"):
            config(part)
