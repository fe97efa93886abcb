"""train under torchrun: two processes end in the weights of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, ShardRow, WriteSet

pytestmark = pytest.mark.slow

ONE = [sys.executable, "-m"]
TWO = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]


@pytest.mark.parametrize("given", [[], ["--lora-rank", "2"], ["--compile"]])
def test_two_processes_train_what_one_trains(
    write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow, tiny_model: Path,
    tmp_path: Path, given: list[str],
) -> None:  # fmt: skip
    dev = [make_row(f"sun {i}", [f"sun moon {i}"], [f"cat stone {i}"]) for i in range(6)]
    long = [make_row(f"{'red ' * 40}{i}", ["fish"], []) for i in range(4)]
    shards = write_set([*toy_rows, *long], dev=dev)
    options = ["--model", str(tiny_model), "--batch-size", "8", "--dropout", "0", "--lr", "1e-4",
               "--evaluations", "2", "--keep", "last", "--checkpoint-minutes", "1e-9",
               *given]  # fmt: skip
    for name, start in (("one", ONE), ("two", TWO)):
        done = subprocess.run(
            [*start, "kalm_data", "train", str(shards), *options, "--json",
             "-w", str(tmp_path / f"w-{name}"), "--output", str(tmp_path / name)],
            capture_output=True, text=True, check=False, timeout=400,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)  # one object, of the first process
        assert (result["kept"], result["steps"], result["cut"]) == (24, 3, 4)
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name in one:
        assert_close(one[name], two[name], rtol=0, atol=1e-5)
