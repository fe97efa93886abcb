"""train: killed in mid-epoch and started again, it ends in the weights of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from kalm_data.trainer.checkpoints import checkpoints_of, newest_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, ShardRow, WriteSet

pytestmark = pytest.mark.slow

STEPS = 200
KILL_AT = (32, 97)
"""Steps of an epoch of 5 after which it is killed, first and second time."""


def test_a_killed_training_ends_in_the_weights_of_an_undisturbed_one(
    write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow, tiny_model: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    dev = [make_row(f"sun {i}", [f"sun moon {i}"], [f"cat stone {i}"]) for i in range(6)]
    shards = write_set(toy_rows, dev=dev)
    whole = _finish(_start(shards, tmp_path / "whole", tiny_model))
    for step in KILL_AT:
        _kill_after(
            step, _start(shards, tmp_path / "out", tiny_model), checkpoints_of(tmp_path / "out")
        )
    resumed = _finish(_start(shards, tmp_path / "out", tiny_model))
    assert any("goes on from step" in line for line in resumed["warnings"])
    assert {name: resumed[name] for name in ("steps", "loss", "dev", "best_step")} == {
        name: whole[name] for name in ("steps", "loss", "dev", "best_step")
    }
    ours, theirs = (tmp_path / name / "model.safetensors" for name in ("out", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()


def _start(shards: Path, output: Path, model: Path) -> subprocess.Popen[str]:
    options = {
        "model": model, "output": output, "workspace": output.parent / "w", "lr": 1e-4,
        "batch-size": 4, "epochs": STEPS // 5, "dropout": 0.1, "evaluations": 4,
        "checkpoint-minutes": 1e-9,
    }  # fmt: skip
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(
        [sys.executable, "-m", "kalm_data", "train", str(shards), *words, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def _kill_after(step: int, process: subprocess.Popen[str], made: Path) -> None:
    deadline = time.monotonic() + 240
    while (found := newest_checkpoint(made)) is None or int(found.name[11:]) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    result: dict[str, Any] = json.loads(out)
    return result
