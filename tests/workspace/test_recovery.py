"""What killed runs and strangers leave in `runs/` stops no later command without a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.records import Text
from kalm_data.workspace.overview import read_overview
from kalm_data.workspace.recovery import close_dead_runs
from kalm_data.workspace.runs import WorkspaceRun, running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database


def killed(database: Database) -> Path:
    """The folder of a resumable run that died after it had appended a text."""
    run = WorkspaceRun(database, "synth", None)
    folder = database.folder / "runs" / run.run_id
    (folder / "resumable").touch()
    run.open("{}")
    run.plan(5)
    run.append([Text.of("done")])
    return folder


def texts(database: Database) -> list[tuple[str]]:
    with database.read() as connection:
        return connection.execute("SELECT text FROM texts").fetchall()


def test_a_stray_file_among_the_runs_is_left_alone(database: Database):
    stray = database.folder / "runs" / ".DS_Store"
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    with running(database, "import", "{}"):
        pass
    assert stray.read_bytes() == b"x"


@pytest.mark.parametrize("report", ["", "{", "[]", "{}", '{"planned": null}', b"\xff"])
def test_an_unreadable_progress_counts_as_none(database: Database, report: str | bytes):
    folder = killed(database)
    (folder / "progress.json").write_bytes(report if isinstance(report, bytes) else report.encode())
    close_dead_runs(database)
    assert texts(database) == [("done",)]
    (dead,) = read_overview(database).runs
    assert (dead.status, dead.planned) == ("interrupted", 0)


@pytest.mark.parametrize("left", [0, 4, 200])
def test_a_broken_segment_is_named_with_the_remedy(database: Database, left: int):
    (file,) = killed(database).glob("segment-*/texts.parquet")
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(
        InputError, match=r"segment-00000001: damaged.*Remove this folder"
    ) as caught:
        close_dead_runs(database)
    assert "\n" not in str(caught.value)
    file.unlink()
    file.parent.rmdir()
    close_dead_runs(database)
    assert texts(database) == []


def test_runs_that_are_a_file_are_one_line(database: Database):
    (database.folder / "runs").write_text("x")
    with (
        pytest.raises(InputError, match=r"runs: a file.*Move it away"),
        running(database, "import", "{}"),
    ):
        pass
