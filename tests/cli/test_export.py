"""`kalm-data export` as its users call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from shard_sets import shard_row, write_shards

from kalm_data.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "command", "run_id", "status", "planned", "kept", "rejected", "pending", "seconds", "warnings",
    "missed", "format", "rows", "lines", "documents", "files", "bytes", "manifest", "fingerprint",
    "not_carried", "tasks",
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a shard set, and no workspace."""
    monkeypatch.chdir(tmp_path)
    rows = [shard_row("q1", ["p1", "p2"], ["n"], pos_titles=["T", ""]), shard_row("q2", ["p1"])]
    write_shards(tmp_path / "shards", {"t": rows})
    return tmp_path


def test_a_shard_set_is_exported_without_a_workspace(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "out", "--format", "triplet", "--shards", "shards", "--json"]) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert answer.keys() == KEYS
    assert answer["planned"] == answer["kept"] + sum(answer["rejected"].values())
    assert (answer["rows"], answer["lines"], answer["rejected"]) == (1, 2, {"no_negative": 1})
    assert answer["not_carried"] == {"several_positives": 1, "titles": 1}
    assert answer["tasks"] == [{"task": "t", "rows": 1, "lines": 2, "documents": 0, "files": 1}]
    assert "1 rows as 2 lines in 1 file" in printed.err
    assert (here / answer["manifest"]).is_file()


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["--format", "beir", "--shards", "shards"], "leave out --shards"),
        (["--format", "triplet"], "name one with --shards"),
        (["--format", "pairs", "--shards", "shards", "--split", "test"], "leave out --split"),
        (["--format", "beir", "--split", "sft"], "split"),
        (["--format", "nonsense"], "nonsense"),
        ([], "--format"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_the_remedy(
    here: Path, capsys: pytest.CaptureFixture[str], options: list[str], remedy: str
) -> None:
    assert run(["export", "out", *options, "--json"]) == 2
    assert remedy in json.loads(capsys.readouterr().out)["error"]
    assert not (here / "out").exists()


def test_beir_wants_a_workspace(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "out", "--format", "beir", "--json"]) == 1
    assert "no workspace is there" in json.loads(capsys.readouterr().out)["error"]
    assert not (here / "kalm-workspace").exists()


def test_a_missed_gate_ends_with_status_3(here: Path) -> None:
    assert run(["export", "out", "--format", "kalm", "--shards", "shards", "--min-kept", "2"]) == 3
