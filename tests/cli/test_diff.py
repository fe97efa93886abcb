from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from shard_sets import shard_row, write_shards

from kalm_data.cli.app import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sets(tmp_path: Path) -> tuple[str, str]:
    shown = [shard_row(f"what is [b]{i}[/b]?", [f"p{i}"]) for i in range(30)]
    a = write_shards(tmp_path / "a", {"t": shown[:1]})
    return str(a), str(write_shards(tmp_path / "b", {"t": shown}))


def test_rows_are_shown_as_people_wrote_them_and_the_rest_is_told(
    sets: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *sets, "-w", str(tmp_path / "none")]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("[b]") == 20
    assert "29 rows differ, 20 are shown" in printed.err
    assert "no row tells why it differs" in printed.err


def test_json_has_every_row(
    sets: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *sets, "-w", str(tmp_path / "none"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["command"], answer["status"], answer["kind"]) == ("diff", "ok", "sets")
    assert len(answer["rows"]) == answer["counts"][0]["came"] == 29


def test_a_row_reads_well_at_80_columns_however_long_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = [shard_row("a question " * 30, ["p"])]
    a = write_shards(tmp_path / "a", {"t": rows})
    b = write_shards(tmp_path / "b", {"t": [shard_row("a question " * 30, ["p", "q"])]})
    assert run(["diff", str(a), str(b), "-w", str(tmp_path / "none")]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Rows")
    assert lines[start + 1].startswith("changed: positives") and lines[start + 1].endswith(
        "t train"
    )
    assert lines[start + 2] == f"    key {rows[0].example_id}"
    assert all(line.startswith("    a question") or "…" in line for line in lines[start + 3 :])
