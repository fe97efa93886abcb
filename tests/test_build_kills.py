"""build-shards: ten kills at any moment cost nothing that was finished, and change nothing."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from asked_rows import ask_rows
from mined_world import bytes_of

from kalm_data.core.finished_files import JOURNAL
from kalm_data.core.folders import partial_of
from kalm_data.core.verification import verify_set
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

KILLS = 10
ROWS = {"large": 15_000, "small": 5_000}
BUILD = ("--rows-per-shard", 1_000, "--dev-fraction", 0.1)


def test_ten_kills_of_a_build_keep_the_old_set_and_end_in_the_same_bytes(tmp_path: Path) -> None:
    workspace, sets = ask_rows(tmp_path, ROWS), tmp_path / "sets"
    started = time.monotonic()
    _build(sets / "whole", workspace)
    duration_s = time.monotonic() - started
    _build(sets / "older", workspace, "--seed", 1)
    whole, older = bytes_of(sets / "whole"), bytes_of(sets / "older")
    assert sum(path.endswith(".parquet") for path in whole) > 20
    moments = random.Random(0)
    for number in range(KILLS):
        out = sets / f"out-{number}"
        if number % 2:
            shutil.copytree(sets / "older", out)
        moment_s = duration_s * (number + moments.random()) / KILLS  # one in each tenth
        _kill(out, workspace, moment_s)
        if out.exists():
            verify_set(out, count_rows)
            assert bytes_of(out) in (older, whole)
        _build(out, workspace)
        assert bytes_of(out) == whole

    _kill_when_files_are_finished(sets / "late", workspace)
    assert _build(sets / "late", workspace)["reused"] > 0
    assert bytes_of(sets / "late") == whole
    assert sorted(path.name for path in sets.iterdir()) == sorted(
        ["late", "older", "whole", *(f"out-{number}" for number in range(KILLS))]
    )
    assert not list((workspace / "runs").iterdir()) and not _spilled(workspace)


def _command(out: Path, workspace: Path, *options: object) -> list[str]:
    arguments = ("build-shards", out, "-w", workspace, "--json", *BUILD, *options)
    return [sys.executable, "-m", "kalm_data", *map(str, arguments)]


def _build(out: Path, workspace: Path, *options: object) -> dict[str, Any]:
    command = _command(out, workspace, *options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _kill(out: Path, workspace: Path, moment_s: float) -> None:
    """Kill a build at a moment after its start, or let it end."""
    process = _start(out, workspace)
    try:
        process.wait(moment_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _kill_when_files_are_finished(out: Path, workspace: Path) -> None:
    journal = partial_of(out) / JOURNAL
    process = _start(out, workspace)
    while process.poll() is None and not (journal.exists() and journal.read_text().count("\n") > 1):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _start(out: Path, workspace: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _command(out, workspace), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _spilled(workspace: Path) -> list[Path]:
    folder = workspace / "tmp"
    return list(folder.iterdir()) if folder.exists() else []
