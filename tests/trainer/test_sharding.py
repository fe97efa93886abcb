"""train under FSDP: two processes with gloo, each of which holds a half of the weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from kalm_data.core.config.training.base_model import ModelSettings
from kalm_data.core.errors import InputError
from kalm_data.trainer.checkpoints import checkpoints_of, newest_checkpoint
from kalm_data.trainer.sharding import is_in_shards, settle_sharding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, ShardRow, WriteSet

ONE = [sys.executable, "-m"]
SHARDED = [
    sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2",
    "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--use_fsdp",
    "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP", "-m",
]  # fmt: skip
EVERY_STEP = 1e-9
"""Minutes between checkpoints."""


def test_fsdp_of_version_1_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "1")
    with pytest.raises(InputError, match="--fsdp_version 2"):
        settle_sharding(ModelSettings(model="any"))


def test_a_compiled_model_is_not_sharded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    monkeypatch.setenv("FSDP_VERSION", "2")
    with pytest.raises(InputError, match="--compile"):
        settle_sharding(ModelSettings(model="any", compile=True))


def test_without_fsdp_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    settle_sharding(ModelSettings(model="any", compile=True))


@pytest.fixture
def judged_set(write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow) -> Path:
    """Five batches of four an epoch, and dev rows."""
    dev = [make_row(f"sun {i}", [f"sun moon {i}"], [f"cat stone {i}"]) for i in range(6)]
    return write_set(toy_rows, dev=dev)


@pytest.mark.slow
@pytest.mark.parametrize("given", [{}, {"lora-rank": 2}])
def test_sharded_weights_end_as_those_of_one_process(
    judged_set: Path, tiny_model: Path, tmp_path: Path, given: dict[str, object]
) -> None:
    options = {"model": tiny_model, "lr": 1e-3, "batch-size": 8, "epochs": 2, "dropout": 0,
               "evaluations": 3, "mini-batch-tokens": 64, "memory-gb": 1e-9, **given}  # fmt: skip
    for name, start in (("one", ONE), ("two", SHARDED)):
        _finish(_start(start, judged_set, tmp_path / name, options))
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name in one:
        assert_close(one[name], two[name], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_killed_sharded_training_ends_as_an_undisturbed_one(
    judged_set: Path, tiny_model: Path, tmp_path: Path
) -> None:
    options = {"model": tiny_model, "lr": 1e-3, "batch-size": 4, "epochs": 8, "dropout": 0.1,
               "evaluations": 2, "checkpoint-minutes": EVERY_STEP}  # fmt: skip
    whole = _finish(_start(SHARDED, judged_set, tmp_path / "whole", options))
    checkpoint = _kill_after(
        12, _start(SHARDED, judged_set, tmp_path / "out", options), tmp_path / "out"
    )
    assert is_in_shards(checkpoint)
    plain = _start(ONE, judged_set, tmp_path / "out", options)
    assert "made with FSDP" in plain.communicate(timeout=200)[1]
    assert plain.returncode == 1
    resumed = _finish(_start(SHARDED, judged_set, tmp_path / "out", options))
    assert any("goes on from step" in line for line in resumed["warnings"])
    for name in ("steps", "loss", "dev", "best_step"):
        assert resumed[name] == whole[name]
    ours, theirs = (tmp_path / name / "model.safetensors" for name in ("out", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()


def _start(
    start: list[str], shards: Path, output: Path, options: Mapping[str, object]
) -> subprocess.Popen[str]:
    given = {**options, "output": output, "workspace": output.with_name(f"w-{output.name}")}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return subprocess.Popen(
        [*start, "kalm_data", "train", str(shards), *words, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def _kill_after(step: int, process: subprocess.Popen[str], output: Path) -> Path:
    """Kill all processes of a training once a checkpoint of that step or later is there."""
    deadline = time.monotonic() + 240
    made = checkpoints_of(output)
    while (found := newest_checkpoint(made)) is None or int(found.name[11:]) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    launcher = psutil.Process(process.pid)
    for one in [launcher, *launcher.children(recursive=True)]:
        one.kill()
    process.communicate()
    newest = newest_checkpoint(made)
    assert newest is not None
    return newest


def _finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, told = process.communicate(timeout=400)
    assert process.returncode == 0, told
    result: dict[str, Any] = json.loads(out)
    return result
