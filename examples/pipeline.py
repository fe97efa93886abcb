"""The stages of examples/pipeline.toml, driven from Python.

    python examples/pipeline.py [FOLDER]

Every command is a function of `kalm_data.api` that returns how its run went (`outcome.run`: counts,
rejects, warnings) and its own figures (`outcome.result`). Run again, nothing is asked, encoded or
imported twice.
"""

import sys
from pathlib import Path

from kalm_data.api.build_shards import BuildResult, ShardsConfig, build_shards
from kalm_data.api.evaluate import EvalConfig, EvalResult, evaluate
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import ImportDocumentsConfig, NamedTask, import_documents
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.outcome import Outcome
from kalm_data.api.synth import SynthConfig, synth
from kalm_data.api.train import TrainConfig, train

DOCUMENTS = Path(__file__).parent / "documents.jsonl"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASK = "kitchen"


def make_set(folder: Path) -> Outcome[BuildResult]:
    """Documents, queries, ranks, decisions, shards."""
    workspace = folder / "workspace"
    task = NamedTask(
        task=TASK, task_instruction="Given a question, find the advice that answers it."
    )
    reading = ImportDocumentsConfig(language="en", licence="CC0-1.0", test_fraction=0.3)
    import_documents(workspace, [str(DOCUMENTS)], task, reading)

    written = synth(workspace, [TASK], SynthConfig())
    synth(workspace, [TASK], SynthConfig(split="test"))  # held-out queries
    print(f"{written.result.accepted} queries; rejected: {dict(written.run.rejected)}")

    mine(workspace, [TASK], MineConfig(ranker=("bm25",), ranks="2-20", negatives=3))
    filtered = filter_positives(workspace, [TASK], FilterConfig(top_k=10))
    for row in filtered.result.sweep:
        print(f"k = {row.k}: {row.kept} of {filtered.run.planned} positives stay")

    return build_shards(workspace, folder / "shards", [TASK], ShardsConfig())


def train_and_judge(folder: Path) -> Outcome[EvalResult]:
    """A few steps on the set, and the gain over the base model."""
    workspace, model = folder / "workspace", folder / "model"
    config = TrainConfig(model=MODEL, batch_size=16, max_steps=4, negatives=3)
    trained = train(workspace, folder / "shards", model, config)
    print(f"loss {trained.result.loss:.4f} after {trained.result.steps} steps")
    return evaluate(workspace, TASK, str(model), EvalConfig(), against=MODEL)


def main(folder: Path) -> None:
    built = make_set(folder)
    print(f"{built.result.rows} rows in {built.result.manifest}")
    judged = train_and_judge(folder)
    for name, metrics in judged.result.systems.items():
        print(f"{name}: nDCG@10 {metrics['ndcg@10']:.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("kitchen"))
