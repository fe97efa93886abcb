"""The demo, whole: its bars, the same bytes twice, and ten kills."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kalm_data.workspace.database import Database
from kalm_data.workspace.overview import read_overview
from kalm_data.workspace.schema import TABLES

pytestmark = pytest.mark.slow

KILLED = [
    "import-documents", "synth", "import-pairs", "mine", "mine", "synth", "mine", "filter",
    "build-shards", "mine",
]  # fmt: skip
LONGEST_S = {"mine": 25.0, "synth": 4.0}
OTHERS_LONGEST_S = 1.5


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo ran undisturbed; its summary lies in `summary.json`."""
    folder = tmp_path_factory.mktemp("demo")
    done = _run(folder / "kalm-demo", "--json")
    (folder / "summary.json").write_text(done.stdout)
    return folder


def test_the_trained_model_beats_its_base_on_seen_and_unseen_documents(demo: Path) -> None:
    summary = json.loads((demo / "summary.json").read_text())
    gain = summary["against"]["difference"]["ndcg@10"]
    unseen = summary["slices"]["documents"]["unseen"]["difference"]["ndcg@10"]
    assert gain["mean"] >= 0.05
    assert unseen["mean"] >= 0.03
    assert max(gain["p"], unseen["p"]) < 0.01
    assert set(summary["systems"]) == {"bm25", "base", "trained", "base+bm25", "trained+bm25"}


def test_the_same_demo_gives_the_same_shards_byte_for_byte(demo: Path, tmp_path: Path) -> None:
    _run(tmp_path / "again", "--no-train")
    assert _bytes(tmp_path / "again" / "shards") == _bytes(demo / "kalm-demo" / "shards")


def test_ten_kills_change_nothing(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    moments = random.Random(0)
    for command in KILLED:
        _kill_during(folder, command, moments.uniform(0, LONGEST_S.get(command, OTHERS_LONGEST_S)))
    _run(folder, "--no-train")
    assert _bytes(folder / "shards") == _bytes(demo / "kalm-demo" / "shards")
    _assert_no_row_twice(Database(folder / "workspace"))
    ended = [
        run for run in read_overview(Database(folder / "workspace")).runs if run.status == "ok"
    ]
    assert ended
    assert all(run.planned == run.kept + run.rejected for run in ended)


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kalm_data", "demo", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def _kill_during(folder: Path, command: str, after_s: float) -> None:
    """Start the demo, wait for the stage, and kill it some seconds later with SIGKILL."""
    started = [sys.executable, "-m", "kalm_data", "demo", str(folder), "--no-train"]
    process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    before = set(folder.glob("workspace/runs/*"))
    while process.poll() is None:
        now = set(folder.glob(f"workspace/runs/*-{command}")) - before
        if now:
            time.sleep(after_s)
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def _assert_no_row_twice(database: Database) -> None:
    with database.read() as connection:
        for table in TABLES.values():
            key = ", ".join(table.key)
            twice = f"SELECT {key} FROM {table.name} GROUP BY {key} HAVING count(*) > 1"
            assert connection.execute(twice).fetchall() == [], table.name


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
