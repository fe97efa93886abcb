"""How fast batches are planned, and in how much memory, beside KaLM-Embedding's released sampler.

    python benchmarks/sampler_speed.py [--kalm-checkout FOLDER] [--rows N] [--epoch-rows N]

Columns are generated: one positive a row, groups of one row, row groups of 8192. The first batch is
planned in a process of its own that imports numpy, pyarrow and the planner; memory is the most that
was resident in it (VmHWM), columns and their making included. An epoch's order is every batch with
rows, positives and keys of negatives, in seconds of processor time on one thread, so that what else
runs on the machine counts little.

The checkout (git clone https://github.com/HITsz-TMG/KaLM-Embedding) is used as by `kalm_reads.py`:
its `DistributedInTaskSampler` lists one epoch for one device. Its data set lies in memory, with
one positive and seven negatives of six characters a row: real texts are longer, and it decodes
all of them.

Bars: first batch in 3 s and 300 MB; an epoch's order 50 times as fast as the released sampler's.
"""

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet  # noqa: F401 - what a reader of rows has in memory too

from kalm_data.trainer.batches import RunPlan
from kalm_data.trainer.columns import BatchColumns, ColumnsBuilder, Kind, Piece, Stratum
from kalm_data.trainer.rounds import Rules

BATCH, SEED, ROW_GROUP, NEGATIVES = 64, 0, 8192, 7
RATIOS = ("1", "0.8")
BARS = {"seconds": 3.0, "mb": 300.0, "times": 50.0}


def make_columns(rows: int, tasks: int) -> BatchColumns:
    builder = ColumnsBuilder(rows)
    for piece in make_pieces(rows, tasks):
        builder.add(piece)
    return builder.build([Stratum(f"task {n}", "", Kind.SHARED) for n in range(tasks)])


def make_pieces(rows: int, tasks: int) -> Iterator[Piece]:
    rng = np.random.default_rng(SEED)
    for task in range(tasks):
        end = rows * (task + 1) // tasks
        for first in range(rows * task // tasks, end, ROW_GROUP):
            size = min(ROW_GROUP, end - first)
            yield Piece(
                keys=rng.integers(0, 2**64, size, np.uint64),
                strata=np.full(size, task),
                counts=np.ones(size, np.uint16),
                groups=rng.integers(0, 2**32, size, np.uint32),
                texts=np.empty(0, np.uint32),
                size=0,
            )


def plan(columns: BatchColumns, ratio: str) -> RunPlan:
    return RunPlan(columns, Rules(BATCH, SEED, 1 - Fraction(ratio), apart=False), 1)


def first_batch(rows: int, tasks: int, ratio: str) -> None:
    """Print seconds to the first batch, and the most megabytes that were resident till then."""
    columns = make_columns(rows, tasks)
    started = time.perf_counter()
    next(plan(columns, ratio).batches())
    seconds = time.perf_counter() - started
    resident = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print(seconds, int(resident) * 1024 / 1e6)


def in_own_process(rows: int, tasks: int, ratio: str) -> tuple[float, float]:
    command = [sys.executable, __file__, "--first-batch", str(rows), str(tasks), ratio]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, megabytes = map(float, printed.split())
    return seconds, megabytes


def epoch_seconds(columns: BatchColumns, ratio: str) -> float:
    started = time.process_time()
    planned = sum(len(batch) for batch in plan(columns, ratio).batches())
    assert planned == len(columns)
    return time.process_time() - started


def released_seconds(released: ModuleType, rows: int, tasks: int, ratio: str) -> float:
    import torch
    from datasets import Dataset

    data = object.__new__(released.TrainDatasetForEmbedding)  # not from JSON lines
    data.args = importlib.import_module("train.arguments").DataArguments(
        train_data=str(Path(__file__).parent), task_column="task_name"
    )
    words = [f"text {n}" for n in range(NEGATIVES)]
    data.dataset = Dataset.from_dict({
        "query": [f"query {n}" for n in range(rows)],
        "pos": [words[:1]] * rows,
        "neg": [words] * rows,
        "task_name": [f"task {n * tasks // rows}" for n in range(rows)],
    })  # fmt: skip
    data.total_len = rows
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    sampler = released.DistributedInTaskSampler(
        batch_size=BATCH, homogeneous_ratio=float(ratio), dataset=data, num_replicas=1, rank=0,
        shuffle=True, seed=SEED, drop_last=False,
    )  # fmt: skip
    started = time.process_time()
    order = list(sampler)
    assert len(set(order)) == rows
    return time.process_time() - started


def report(name: str, ratio: str, measured: str, *, met: bool) -> bool:
    print(f"| {name} | {ratio} | {measured} | {'met' if met else 'MISSED'} |")
    return met


def main(rows: int, tasks: int, epoch_rows: int, checkout: Path | None) -> bool:
    from machine import describe_machine

    print(describe_machine())
    if checkout:
        from kalm_reads import load_released

        released = load_released(checkout)
    print("\n| measured | ratio | result | bar |\n| --- | --- | --- | --- |")
    met = True
    for ratio in RATIOS:
        seconds, mb = in_own_process(rows, tasks, ratio)
        name = f"first batch of {rows:,} rows in {tasks} tasks"
        met &= report(name, ratio, f"{seconds:.2f} s, {mb:.0f} MB",
                      met=seconds <= BARS["seconds"] and mb <= BARS["mb"])  # fmt: skip
    columns = make_columns(epoch_rows, tasks)
    for ratio in RATIOS:
        ours = epoch_seconds(columns, ratio)
        print(f"| order of {epoch_rows:,} rows | {ratio} | {ours:.2f} s | |")
        if checkout:
            theirs = released_seconds(released, epoch_rows, tasks, ratio)
            met &= report("the same by the released sampler", ratio,
                          f"{theirs:.1f} s, {theirs / ours:.0f} times as long",
                          met=theirs >= BARS["times"] * ours)  # fmt: skip
    return met


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kalm-checkout", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--epoch-rows", type=int, default=1_000_000)
    parser.add_argument("--first-batch", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    if given.first_batch:
        first_batch(int(given.first_batch[0]), int(given.first_batch[1]), given.first_batch[2])
    elif not main(given.rows, given.tasks, given.epoch_rows, given.kalm_checkout):
        sys.exit(1)
