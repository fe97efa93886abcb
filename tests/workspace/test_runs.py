from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kalm_data.core.config.rejects import RejectsConfig
from kalm_data.core.errors import ConservationError, InputError, Interrupted, WorkspaceBusy
from kalm_data.core.records import Reject, Text
from kalm_data.workspace.database import Database
from kalm_data.workspace.overview import read_overview
from kalm_data.workspace.rejects import read_rejects
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_records_configuration_versions_inputs_and_counts(database: Database) -> None:
    with running(database, "import", '{"seed": 7}') as run:
        run.plan(3)
        run.keep(2)
        run.reject([_reject(run.run_id, "empty_text")])
        run.record_input("corpus.jsonl", "abc")
    with database.read() as connection:
        row = connection.execute(
            "SELECT status, configuration, versions, inputs, planned, kept, rejected FROM runs"
        ).fetchall()[0]
    assert row[0] == "ok"
    assert row[1] == '{"seed": 7}'
    assert "duckdb" in json.loads(row[2])
    assert json.loads(row[3]) == {"corpus.jsonl": "abc"}
    assert row[4:] == (3, 2, '{"empty_text": 1}')


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # one workspace, many runs
)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4))
def test_a_run_that_breaks_the_law_of_conservation_fails(
    database: Database, planned: int, kept: int, rejected: int
) -> None:
    def execute() -> None:
        with running(database, "mine", "{}") as run:
            run.plan(planned)
            run.keep(kept)
            run.reject([_reject(run.run_id, "reason", str(i)) for i in range(rejected)])

    if planned == kept + rejected:
        execute()
    else:
        with pytest.raises(ConservationError):
            execute()
    assert read_overview(database).runs[0].status == (
        "ok" if planned == kept + rejected else "failed"
    )


def test_a_failed_run_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(InputError), running(database, "import", "{}") as run:
        run.append([Text.of("half a job")])
        raise InputError("stop")
    assert _texts(database) == []
    assert not list((database.folder / "runs").iterdir())


def test_a_failed_run_keeps_its_rejects_and_nothing_else(database: Database) -> None:
    with pytest.raises(InputError), running(database, "import", "{}") as run:
        run.plan(1)
        run.append([Text.of("half a job")])
        run.reject([Reject(run.run_id, "import", "empty_text", "k", "{}", "f.jsonl", 3, "")])
        raise InputError("stop")
    (kept,) = read_rejects(database, RejectsConfig()).rejects
    assert (kept.reason, kept.source, kept.line) == ("empty_text", "f.jsonl", 3)
    assert _texts(database) == []


def test_an_interrupted_resumable_run_keeps_what_it_appended(database: Database) -> None:
    with (
        pytest.raises(Interrupted) as stopped,
        running(database, "synth", "{}", resumable=True) as run,
    ):
        run.plan(2)
        run.append([Text.of("done")])
        run.keep()
        raise KeyboardInterrupt
    assert _texts(database) == ["done"]
    assert stopped.value.summary is not None
    assert stopped.value.summary.pending == 1
    assert str(stopped.value).endswith("1 of 2 done and kept. The same command goes on from there.")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("filter", "Run the same command again."),
        ("train", "Run the same command again: checkpoints that were written are used again."),
    ],
)
def test_an_interrupted_run_that_keeps_nothing_says_so(
    database: Database, command: str, said: str
) -> None:
    with pytest.raises(Interrupted) as stopped, running(database, command, "{}"):
        raise KeyboardInterrupt
    assert str(stopped.value) == (
        f"interrupted: nothing of this run is kept in the workspace. {said}"
    )


@pytest.mark.parametrize(("resumable", "expected"), [(True, ["early", "late"]), (False, ["late"])])
def test_what_a_killed_run_appended_is_kept_if_it_is_resumable(
    database: Database, resumable: bool, expected: list[str]
) -> None:
    killed = _start(database.folder, f"resumable={resumable}", "run.append([Text.of('early')])")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with running(database, "synth", "{}") as run:
        run.append([Text.of("late")])
    assert _texts(database) == expected
    assert [run.status for run in read_overview(database).runs] == ["ok", "interrupted"]


def test_what_a_killed_run_held_is_gone_and_what_was_merged_is_kept(database: Database) -> None:
    held = "run.hold(RecordColumns.of(Text.of('%s')))"
    statement = f"{held % 'early'}; run.merge(); {held % 'late'}"
    killed = _start(database.folder, "resumable=True", statement)
    killed.kill()
    killed.wait()
    with running(database, "mine", "{}"):
        pass
    assert _texts(database) == ["early"]


def test_what_a_killed_run_had_counted_is_kept_and_it_no_longer_shows_as_working(
    database: Database,
) -> None:
    killed = _start(database.folder, "resumable=True", "run.plan(10); run.keep(4); run.plan(0)")
    killed.kill()
    killed.wait()
    assert read_overview(database).running == ()
    with running(database, "synth", "{}"):
        pass
    dead = read_overview(database).runs[1]
    assert (dead.status, dead.planned, dead.kept) == ("interrupted", 10, 4)


def test_a_warning_with_a_lone_surrogate_is_stored(database: Database) -> None:
    with running(database, "import", "{}") as run:
        run.warn("file \udcff.txt was not read")
    assert run.summary("ok").warnings == ("file \\udcff.txt was not read",)


def test_a_second_writer_is_told_who_holds_the_workspace(database: Database) -> None:
    holder = _start(database.folder, "resumable=True", "pass")
    try:
        with (
            pytest.raises(WorkspaceBusy, match=rf"kalm-data mine.*pid {holder.pid}"),
            running(database, "filter", "{}"),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()


def test_status_reads_while_another_command_runs(database: Database) -> None:
    holder = _start(database.folder, "resumable=True", "run.plan(10); run.keep(4)")
    try:
        (working,) = read_overview(database).running
    finally:
        holder.kill()
        holder.wait()
    assert (working.command, working.planned) == ("mine", 10)


def _start(folder: Path, option: str, statement: str) -> subprocess.Popen[str]:
    """A process that runs `mine`, executes the statement and then waits to be killed."""
    script = f"""
        import sys, time
        from pathlib import Path
        from kalm_data.core.record_columns import RecordColumns
        from kalm_data.core.records import Text
        from kalm_data.workspace.database import Database
        from kalm_data.workspace.runs import running
        with running(Database(Path(sys.argv[1])), "mine", "{{}}", {option}) as run:
            {statement}
            print("ready", flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _texts(database: Database) -> list[str]:
    with database.read() as connection:
        return [
            text
            for (text,) in connection.execute("SELECT text FROM texts ORDER BY text").fetchall()
        ]


def _reject(run_id: str, reason: str, key: str = "k") -> Reject:
    return Reject(run_id, "import", reason, key, "{}", "corpus.jsonl", 3, "")
