"""Does training on synthetic queries alone help with queries that people wrote?

    python benchmarks/train_gain.py [DATA] [--ablation] [--quick] [--workspace DIR]

Debian packages are drawn by `source`, so that no package of a test source is trained on. Queries
of training are extractive: names of packages as words (task `names`), phrases and sentences (tasks
`keywords`, `sentences`) of their descriptions, which are the documents, without the names. Test and
dev queries are the synopses that people wrote for packages of sources kept apart. No synopsis of a
package of training is read. all-MiniLM-L6-v2 is mined with, filtered by, trained and compared with;
`eval` asks over all drawn documents, bfloat16, and resamples sources.

Bar: >= +0.03 nDCG@10 over the base with p < 0.01, in <= 30 minutes on two cores.

--ablation repeats mining, filter, set, training and evaluation with one thing changed at a time:
as many examples (where a rule leaves as many) and steps each. --quick takes a quarter of the
documents and half of the examples. Vectors stay in the workspace: with --workspace a second run
encodes only what it trains anew. Where others use the machine, OMP_NUM_THREADS=1 is faster.
"""

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from debian_packages import FOLDER, write_json_lines
from machine import describe_machine

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.evaluate import Against, EvalConfig, EvalResult, Figures, evaluate
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import (
    ImportDocumentsConfig,
    ImportPairsConfig,
    import_documents,
    import_pairs,
)
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.synth import SynthConfig, synth
from kalm_data.api.train import TrainConfig, train
from kalm_data.core.config.synth import Facet
from kalm_data.core.tasks import Task

BASE = "sentence-transformers/all-MiniLM-L6-v2"
DENSE = f"dense:{BASE}"
COLLECTION, ASKED = "packages", "synopses"
FACETS: Mapping[str, tuple[Facet, ...]] = {
    "names": ("title",),
    "keywords": ("phrases",),
    "sentences": ("sentence",),
    "definitions": ("definition",),
}
"""Tasks, and what their queries are taken from."""

TASKS = ("names", "keywords", "sentences")
"""Those of training, unless a variant says otherwise."""

TEST_SHARE, DEV_SHARE = 0.16, 0.08
DIMS = (192, 96, 48)
LEAST_GAIN, MOST_P, MOST_MINUTES = 0.03, 0.01, 30
SEED = 0
Held = Literal["test", "dev"]


class Size(NamedTuple):
    documents: int
    examples: int


WHOLE, QUICK = Size(10_000, 4_096), Size(2_500, 2_048)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Documents with their split, and the pairs of synopsis and document by split.

    Held-out documents are parts of a `whole`, their source, so that `eval` resamples sources. Those
    of training are not: packages of one source are good negatives for one another.
    """

    documents: list[dict[str, object]]
    pairs: dict[Held, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Variant:
    """What is changed of the default, and the dimensions that are judged beside the whole."""

    name: str
    tasks: tuple[str, ...] = TASKS
    mining: Mapping[str, Any] = field(default_factory=dict)
    top_k: int | None = 20
    training: Mapping[str, Any] = field(default_factory=dict)
    dims: tuple[int, ...] = ()


MINING: Mapping[str, Any] = {"ranker": DENSE, "ranks": "2-50", "negatives": 1}
TRAINING: Mapping[str, Any] = {
    "model": BASE, "epochs": 1, "batch_size": 64, "max_length": 128, "dropout": 0.0,
    "negatives": 1, "lr": 1e-4, "temperature": 0.05, "precision": "bfloat16", "evaluations": 0,
    "seed": SEED,
}  # fmt: skip
MIXING: Mapping[str, Any] = {
    "evaluations": 1, "dev_queries": 300, "dev_documents": 1000, "base_shares": (0.0, 0.25, 0.5),
}  # fmt: skip
DEFAULT = Variant("default")
ABLATION = (
    Variant("no filter", top_k=None),
    Variant("with definitions", tasks=tuple(FACETS)),
    *(
        Variant(f"without {left_out}", tasks=tuple(task for task in TASKS if task != left_out))
        for left_out in TASKS
    ),
    Variant("no hard negatives", training={"negatives": 0}),
    Variant("BM25 negatives", mining={"ranker": "bm25"}),
    # No hit scores below the least cosine, so that all negatives are padding: random documents.
    Variant("random negatives", mining={"max_score": -1.1, "on_shortage": "pad"}),
    Variant("homogeneous ratio 0.5", training={"homogeneous_ratio": 0.5}),
    Variant("homogeneous ratio 0", training={"homogeneous_ratio": 0.0}),
    Variant("focal 0.5", training={"focal_gamma": 0.5}),
    Variant("mix pair", training={"negatives": 2, "mix": "pair"}, mining={"negatives": 2}),
    Variant("share of the base by dev", training=MIXING),
    Variant("Matryoshka", training={"matryoshka": (384, *DIMS)}, dims=DIMS),
)


def draw(folder: Path, documents: int) -> Drawn:
    """Whole sources in seeded order until there are so many documents."""
    synopses = {row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl.gz")}
    with gzip.open(folder / "qrels/test.tsv.gz", "rt", encoding="utf-8") as lines:
        judged = [line.split("\t") for line in list(lines)[1:]]
    asked = {doc_id: synopses[query] for query, doc_id, score in judged if int(score) > 0}
    by_source = defaultdict(list)
    for row in _rows(folder / "corpus.jsonl.gz"):
        by_source[row["source"]].append(row)
    order = sorted(by_source)
    random.Random(SEED).shuffle(order)
    drawn = Drawn([], {"test": [], "dev": []})
    for source in order:
        if len(drawn.documents) >= documents:
            break
        split = _next_split(drawn, documents)
        for row in by_source[source]:
            whole = "" if split == "train" else source
            drawn.documents.append({**row, "split": split, "whole": whole})
            if split != "train" and row["_id"] in asked:
                drawn.pairs[split].append({"query": asked[row["_id"]], "pos_id": row["_id"]})
    return drawn


def _next_split(drawn: Drawn, documents: int) -> Held | Literal["train"]:
    if len(drawn.pairs["test"]) < TEST_SHARE * documents:
        return "test"
    return "dev" if len(drawn.pairs["dev"]) < DEV_SHARE * documents else "train"


def _rows(file: Path) -> Iterable[dict[str, str]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def prepare(place: Path, drawn: Drawn) -> None:
    """Import and synth: all that the variants have in common."""
    place.mkdir(parents=True, exist_ok=True)
    write_json_lines(place / "documents.jsonl", drawn.documents)
    documents = ImportDocumentsConfig(collection=COLLECTION, parent="whole", language="en")
    for name in (ASKED, *FACETS):
        import_documents(place / "w", [str(place / "documents.jsonl")], _task(name), documents)
    for split, pairs in drawn.pairs.items():
        file = place / f"{split}.jsonl"
        write_json_lines(file, pairs)
        config = ImportPairsConfig(as_split=split, pos_id="pos_id", language="en")
        import_pairs(place / "w", [str(file)], _task(ASKED), config)
    for name, facets in FACETS.items():
        synth(place / "w", [name], SynthConfig(facets=facets, per_doc=1, seed=SEED))


def _task(name: str) -> Task:
    """Documents are written without the names of the packages."""
    return Task(name=name, document_template="{text}", collections=(COLLECTION,))


@dataclass(frozen=True, slots=True)
class Trial:
    """One trained model; seconds of the training, and of all stages from `mine` to `eval`."""

    name: str
    rows: int
    negatives: int
    steps: int
    base_share: float
    train_s: float
    all_s: float
    found: EvalResult


def run_variant(place: Path, variant: Variant, examples: int) -> Trial:
    """Mine, filter, build, train, evaluate. What was encoded before is not encoded again."""
    started = time.perf_counter()
    workspace, tasks = place / "w", list(variant.tasks)
    shards, model = place / "shards" / variant.name, place / "models" / variant.name
    mining = MineConfig(**{**MINING, "precision": "bfloat16", "seed": SEED, **variant.mining})
    mine(workspace, tasks, mining)
    if variant.top_k:
        rule = FilterConfig(top_k=variant.top_k, ranker=(DENSE,))
    else:
        rule = FilterConfig(reset=("top-k",))
    filter_positives(workspace, tasks, rule)
    built = build_shards(
        workspace, shards, [*tasks, ASKED], ShardsConfig(rows=examples, alpha=0, seed=SEED)
    ).result
    config = TrainConfig(**{**TRAINING, **variant.training})
    trained = train(workspace, shards, model, config).result
    judging = EvalConfig(precision="bfloat16", dim=variant.dims, seed=SEED)
    found = evaluate(workspace, ASKED, str(model), judging, against=BASE).result
    return Trial(
        variant.name, built.rows, sum(task.negatives for task in built.tasks), trained.steps,
        trained.base_share, trained.training_seconds, time.perf_counter() - started, found,
    )  # fmt: skip


HEAD = (
    f"{'variant':24}{'rows':>6}{'negatives':>11}{'steps':>7}{'of base':>9}"
    f"{'nDCG@10':>9}  {'difference [95 %]':26}{'p':>7}{'train':>8}{'all':>8}"
)


def show(trial: Trial) -> None:
    """A line for the model, and one for each dimension that it was judged at besides."""
    against = trial.found.against
    assert against
    print(
        f"{trial.name:24}{trial.rows:6,}{trial.negatives:11,}{trial.steps:7}"
        f"{trial.base_share:9.2f}{_figures(trial.found.metrics, against)}"
        f"{trial.train_s:6.0f} s{trial.all_s:6.0f} s",
        flush=True,
    )
    for dim, one in trial.found.dims.items():
        assert one.against
        print(f"{f'  first {dim} numbers':57}{_figures(one.metrics, one.against)}")


def _figures(metrics: Figures, against: Against) -> str:
    gain = against.difference["ndcg@10"]
    interval = f"{gain.mean:+.4f} [{gain.ci95[0]:+.4f}, {gain.ci95[1]:+.4f}]"
    return f"{metrics['ndcg@10']:9.4f}  {interval:26}{gain.p:7.4f}"


def describe(found: EvalResult) -> None:
    """What the trials are compared with, and what the pool is."""
    assert found.against
    systems = found.systems
    print(
        f"{found.metrics['queries']:,.0f} queries over {found.pool_size:,} documents; nDCG@10 of "
        f"the base {systems['base']['ndcg@10']:.4f}, of BM25 {systems['bm25']['ndcg@10']:.4f}"
    )


def bar(trial: Trial, minutes: float) -> bool:
    """Whether the default meets the bar; says so."""
    against = trial.found.against
    assert against
    gain = against.difference["ndcg@10"]
    met = gain.mean >= LEAST_GAIN and gain.p < MOST_P and minutes <= MOST_MINUTES
    print(
        f"bar {'met' if met else 'MISSED'}: {gain.mean:+.4f} nDCG@10 (>= +{LEAST_GAIN}), "
        f"p {gain.p:.4f} (< {MOST_P}), {minutes:.1f} minutes (<= {MOST_MINUTES})"
    )
    return met


def main(given: argparse.Namespace, place: Path) -> int:
    print(describe_machine(), flush=True)
    size = QUICK if given.quick else WHOLE
    started = time.perf_counter()
    prepare(place, draw(given.data, size.documents))
    trial = run_variant(place, DEFAULT, size.examples)
    minutes = (time.perf_counter() - started) / 60
    describe(trial.found)
    print(HEAD)
    show(trial)
    if given.ablation:
        for variant in ABLATION:
            show(run_variant(place, variant, size.examples))
        print(f"{(time.perf_counter() - started) / 60:.0f} minutes in all")
    return 0 if bar(trial, minutes) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--ablation", action="store_true", help="one thing changed at a time, too")
    parser.add_argument("--quick", action="store_true", help="fewer documents and examples")
    parser.add_argument("--workspace", type=Path, help="folder that is kept; default: none is")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    if not asked.data.is_dir():
        print(f"{asked.data}: the data are not there; nothing was measured")
        sys.exit(0)
    if asked.workspace:
        sys.exit(main(asked, asked.workspace))
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(main(asked, Path(folder)))
