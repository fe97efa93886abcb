from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.workspace.results import keep_result, read_result

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    rows: int
    note: str


def test_what_a_run_came_to_is_read_as_it_was_kept(tmp_path: Path) -> None:
    keep_result(tmp_path, "0001-mine", Result(3, "北京"))
    assert read_result(tmp_path, "0001-mine") == {"rows": 3, "note": "北京"}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["0001-mine.json"]


def test_runs_without_figures_and_damaged_files_tell_nothing(tmp_path: Path) -> None:
    keep_result(tmp_path, "0001-mine", None)
    assert read_result(tmp_path, "0001-mine") is None
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "0002-mine.json").write_text('{"rows":')
    assert read_result(tmp_path, "0002-mine") is None
