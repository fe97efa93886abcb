"""Texts of 77 classes: do rows of other texts of the class teach more than rows of its name?

    python benchmarks/banking77.py [--data FOLDER] [--rows N] [--seeds N] [--negatives N] …

From the same drawn training texts of BANKING77 come two sets, each with one row a text and as many
negatives, none of them from the batch. Of examples, as `import labels` makes them: the positive is
another text of the class, negatives are texts of other classes. Of label texts, as `import pairs`
takes them: the positive is the name of the class in words, negatives are names of other classes;
with --in-batch also those of the batch, as it is where nobody says otherwise. all-MiniLM-L6-v2 is
trained on each for as many steps, with the demo's learning rate, temperature and dropout: nothing
was chosen on these data.

Accuracy on the test texts: the class of the nearest of all training texts, the class with the
nearest mean of training texts, the class with the nearest name, by cosine; encoded as bfloat16. No
text of the test set is in a row; the few that the training set holds, too, stay in the index. Where
others use the machine, OMP_NUM_THREADS=1 is faster than two threads that wait for one another.

The seed draws the texts, positives, negatives and the order. No bar but to say what wins.
"""

import argparse
import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import describe_machine
from numpy.typing import NDArray

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.imports import (
    ImportLabelsConfig,
    ImportPairsConfig,
    NamedLabelTask,
    import_labels,
    import_pairs,
)
from kalm_data.api.train import TrainConfig, train
from kalm_data.core.tasks import Task
from kalm_data.engines.sentence_transformers_encoder import load_encoder

FOLDER = Path(__file__).parents[2] / "shared/data/banking77"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
EXAMPLES, LABEL_TEXTS = "examples", "label-texts"
TRAINED = (EXAMPLES, LABEL_TEXTS)

Vectors = NDArray[np.float32]


class Labelled(NamedTuple):
    text: str
    label: str

    @property
    def name(self) -> str:
        """The class in words."""
        return self.label.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Data:
    train: list[Labelled]
    test: list[Labelled]


class Accuracy(NamedTuple):
    """Shares of the test texts, 0-1, by what is nearest to them."""

    text: float
    centroid: float
    name: float


class Measured(NamedTuple):
    """One model; seconds are those of building its set and training, and of encoding all texts."""

    accuracy: Accuracy
    rows: int
    steps: int
    train_s: float
    encode_s: float


def read_data(folder: Path) -> Data:
    return Data(*(_read(folder / f"{part}.jsonl.gz") for part in ("train", "test")))


def _read(file: Path) -> list[Labelled]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return [Labelled(row["text"], row["label"]) for row in rows]


def import_rows(workspace: Path, data: Data, given: argparse.Namespace, seed: int) -> None:
    """The test texts, and drawn training texts: with their labels, and with names of classes."""
    rng = random.Random(seed)
    drawn = rng.sample(data.train, min(given.rows, len(data.train)))
    test, train_ = workspace / "test.jsonl", workspace / "train.jsonl"
    _write(test, (one._asdict() for one in data.test))
    _write(train_, (one._asdict() for one in drawn))
    labels = NamedLabelTask(task=EXAMPLES)
    import_labels(workspace, [str(test)], labels, ImportLabelsConfig(as_split="test"))
    import_labels(workspace, [str(train_)], labels, ImportLabelsConfig(as_split="train"))
    names = sorted({one.name for one in data.train})
    pairs = workspace / "pairs.jsonl"
    _write(pairs, (_pair(one, names, given.negatives, rng) for one in drawn))
    task = Task(name=LABEL_TEXTS, in_batch=given.in_batch)
    import_pairs(workspace, [str(pairs)], task, ImportPairsConfig(as_split="train"))


def _pair(
    one: Labelled, names: Sequence[str], negatives: int, rng: random.Random
) -> dict[str, object]:
    others = [name for name in names if name != one.name]
    return {"query": one.text, "pos": one.name, "neg": rng.sample(others, negatives)}


def _write(file: Path, rows: Iterable[dict[str, object]]) -> None:
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def train_and_measure(
    workspace: Path, task: str, data: Data, given: argparse.Namespace, seed: int
) -> Measured:
    shards, model = workspace / f"{task}-shards", workspace / f"{task}-model"
    started = time.perf_counter()
    built = build_shards(
        workspace, shards, [task], ShardsConfig(seed=seed, label_negatives=given.negatives)
    )
    config = TrainConfig(
        model=BASE, epochs=given.epochs, batch_size=given.batch_size, lr=given.lr,
        temperature=given.temperature, negatives=given.negatives, dropout=0.0, seed=seed,
    )  # fmt: skip
    trained = train(workspace, shards, model, config)
    seconds = time.perf_counter() - started
    found = measure(str(model), data)
    return found._replace(rows=built.result.rows, steps=trained.result.steps, train_s=seconds)


def measure(model: str, data: Data) -> Measured:
    started = time.perf_counter()
    names = sorted({one.name for one in data.train})
    texts = [one.text for one in (*data.train, *data.test)]
    vectors = _encode(model, [*texts, *names])
    seconds = time.perf_counter() - started
    index, asked, named = np.split(vectors, [len(data.train), len(texts)])
    classes = np.array([names.index(one.name) for one in data.train])
    truth = np.array([names.index(one.name) for one in data.test])
    means = np.stack([index[classes == place].mean(axis=0) for place in range(len(names))])
    centroids = means / np.linalg.norm(means, axis=1, keepdims=True)
    accuracy = Accuracy(
        text=float((classes[(asked @ index.T).argmax(axis=1)] == truth).mean()),
        centroid=float(((asked @ centroids.T).argmax(axis=1) == truth).mean()),
        name=float(((asked @ named.T).argmax(axis=1) == truth).mean()),
    )
    return Measured(accuracy, 0, 0, 0.0, seconds)


def _encode(model: str, texts: Sequence[str]) -> Vectors:
    """(N, D) unit vectors, in the order of the texts."""
    places: list[int] = []
    batches = []
    for batch, vectors in load_encoder(model, "bfloat16").encode(texts):
        places += batch
        batches.append(vectors)
    return np.concatenate(batches)[np.argsort(places)]


def run_seed(data: Data, given: argparse.Namespace, seed: int) -> dict[str, Measured]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        import_rows(workspace, data, given, seed)
        for task in TRAINED:
            one = found[task] = train_and_measure(workspace, task, data, given, seed)
            print(f"seed {seed}, {task}: {one.accuracy.text:.4f}", file=sys.stderr, flush=True)
    return found


def report(base: Measured, seeds: Sequence[dict[str, Measured]]) -> None:
    print("model          rows  steps  nearest text (spread)  centroid    name   train  encode")
    means = {"base": _show("base", [base])}
    for task in TRAINED:
        means[task] = _show(task, [found[task] for found in seeds])
    for kind in Accuracy._fields:
        ranked = sorted(means, key=lambda name: -getattr(means[name], kind))
        best, second = (getattr(means[name], kind) for name in ranked[:2])
        over = best - getattr(means["base"], kind)
        print(
            f"nearest {kind}: {ranked[0]} wins, {over:+.4f} over base, "
            f"{best - second:+.4f} over the next, {ranked[1]}"
        )


def _show(name: str, runs: Sequence[Measured]) -> Accuracy:
    """Print the means over the seeds."""
    mean = Accuracy(
        *(statistics.mean(v) for v in zip(*(one.accuracy for one in runs), strict=True))
    )
    reached = [one.accuracy.text for one in runs]
    train_s, encode_s = (
        statistics.mean(getattr(one, field) for one in runs) for field in ("train_s", "encode_s")
    )
    print(
        f"{name:12}{runs[0].rows:7,}{runs[0].steps:7}{mean.text:14.4f} "
        f"({max(reached) - min(reached):.4f}){mean.centroid:10.4f}{mean.name:8.4f}"
        f"{train_s:6.0f} s{encode_s:6.0f} s"
    )
    return mean


def main(data: Data, given: argparse.Namespace) -> None:
    print(describe_machine())
    started = time.perf_counter()
    base = measure(BASE, data)
    seeds = [run_seed(data, given, seed) for seed in range(given.seeds)]
    print(
        f"{given.rows:,} of {len(data.train):,} training texts drawn for rows, "
        f"{len(data.test):,} test texts; {given.negatives} negatives, batch {given.batch_size}, "
        f"epochs {given.epochs}; means over {given.seeds} seeds"
    )
    report(base, seeds)
    print(f"{time.perf_counter() - started:.0f} s in all")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--rows", type=int, default=2560, help="training texts drawn for rows")
    parser.add_argument("--seeds", type=int, default=2, help="so many seeds, from 0")
    parser.add_argument("--negatives", type=int, default=7, help="of each row")
    parser.add_argument("--in-batch", action="store_true", help="for label texts")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5e-5)
    parser.add_argument("--temperature", type=float, default=0.05)
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if not asked.data.is_dir():
        print(f"{asked.data}: the data are not there; nothing was measured")
    else:
        main(read_data(asked.data), asked)
