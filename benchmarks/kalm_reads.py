"""Whether KaLM-Embedding's released training code reads what `export --format kalm` writes.

    python benchmarks/kalm_reads.py --kalm-checkout FOLDER [--export FOLDER] [--devices N]

The checkout (git clone https://github.com/HITsz-TMG/KaLM-Embedding) is used as it is: its
`TrainDatasetForEmbedding` loads the exported folder, its `DistributedInTaskSampler` deals one epoch
to each of the devices, and every row that is dealt is asked for. What its imports need is
patched; the patch is printed, and nothing of it is kept. Without --export
the XQuAD pairs of shared/data are imported, mined with BM25, built and exported first.

Bars: the data set has as many rows of each task as `export.manifest` says; one epoch deals each of
them at least once, and no more than fill up the last batch twice; every query is one of the file,
and every passage one of its own positives and negatives.
"""

import argparse
import importlib
import json
import math
import sys
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from machine import describe_machine

XQUAD = Path(__file__).parents[2] / "shared/data/xquad"
LANGUAGES = ("en", "de", "zh")
GROUP, BATCH, RATIO, SEED = 8, 16, 0.8, 7


def make_export(folder: Path) -> Path:
    """A small set of three tasks, one of them with an instruction, as KaLM's loader takes it."""
    from kalm_data.api.build_shards import ShardsConfig, build_shards
    from kalm_data.api.export import ExportConfig, export
    from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
    from kalm_data.api.mine import MineConfig, mine

    workspace, shards, out = folder / "workspace", folder / "shards", folder / "kalm"
    for language in LANGUAGES:
        told = "Find the paragraph that answers the question." if language == "en" else None
        task = NamedTask(task=f"xquad-{language}", task_instruction=told)
        settings = ImportPairsConfig(as_split="train", title="title", language=language)
        import_pairs(workspace, [str(XQUAD / f"{language}.jsonl.gz")], task, settings)
    mine(workspace, [], MineConfig(ranker=("bm25",), ranks="2-50"))
    build_shards(workspace, shards, [], ShardsConfig())
    export(workspace, out, [], ExportConfig(format="kalm", shards=shards))
    return out


def load_released(checkout: Path) -> ModuleType:
    """`train/data.py` of the checkout, without the package's own start, which wants peft."""
    bare = ModuleType("train")
    bare.__path__ = [str(checkout / "train")]
    sys.modules["train"] = bare
    print("patch: train/__init__.py is not run, which imports the model and peft for it;")
    print("       train/data.py and train/arguments.py are imported as they are")
    return importlib.import_module("train.data")


def read_lines(data: Path) -> dict[str, list[dict[str, Any]]]:
    """The exported lines of each task."""
    return {
        task.name: [
            json.loads(line)
            for part in sorted(task.glob("*.jsonl"))
            for line in part.read_text(encoding="utf-8").split("\n")
            if line
        ]
        for task in sorted(data.iterdir())
    }


def load_rows(released: ModuleType, data: Path) -> Any:  # noqa: ANN401 - the released class
    arguments = importlib.import_module("train.arguments").DataArguments(
        train_data=str(data), train_group_size=GROUP
    )
    return released.TrainDatasetForEmbedding(arguments, tokenizer=None)


def deal(released: ModuleType, rows: Any, devices: int) -> list[list[int]]:  # noqa: ANN401
    """What each device is dealt in one epoch; each starts from one seed, as train/run.py has it.

    Without that the devices would exchange different rows (the sampler draws them from torch's
    own generator), and some would never be dealt.
    """
    import torch

    dealt = []
    for rank in range(devices):
        torch.manual_seed(SEED)
        sampler = released.DistributedInTaskSampler(
            batch_size=BATCH, homogeneous_ratio=RATIO, dataset=rows, num_replicas=devices,
            rank=rank, shuffle=True, seed=SEED, drop_last=False,
        )  # fmt: skip
        dealt.append(list(sampler))
    return dealt


def is_own(query: str, passages: list[str], lines: list[dict[str, Any]]) -> bool:
    """Whether some line has this query, this positive first, and these negatives."""
    return any(
        passages[0] in line["pos"] and set(passages[1:]) <= set(line["neg"])
        for line in lines
        if line["query"] == query
    )


def check(released: ModuleType, out: Path, devices: int) -> dict[str, bool]:
    """The bars, and whether each is met."""
    manifest = json.loads((out / "export.manifest").read_text(encoding="utf-8"))
    expected = {task["task"]: task["rows"] for task in manifest["tasks"] if task["rows"]}
    rows = load_rows(released, out / "data")
    by_task = Counter(rows.dataset["task_name"])
    dealt = [place for of_one in deal(released, rows, devices) for place in of_one]
    times = Counter(dealt)
    surplus = len(dealt) - len(rows)
    lines = read_lines(out / "data")
    by_query: dict[str, list[dict[str, Any]]] = {}
    for line in (line for of_task in lines.values() for line in of_task):
        by_query.setdefault(line["query"], []).append(line)
    read = [rows[place] for place in dealt]
    own = sum(is_own(query, passages, by_query.get(query, [])) for query, passages in read)
    sizes = {len(passages) for _, passages in read}
    wrapped = sum(query.startswith("Instruct: ") for query, _ in read)
    print(f"{len(rows):,} rows of {len(by_task)} tasks, {len(dealt):,} dealt to {devices} devices, "
          f"{wrapped:,} of them wrapped with an instruction")  # fmt: skip
    return {
        f"rows by task {dict(sorted(by_task.items()))}, as the manifest": dict(by_task) == expected,
        f"{len(times):,} of {len(rows):,} rows dealt": len(times) == len(rows),
        f"{surplus} dealt twice, to fill the last batch": (
            surplus == math.ceil(len(rows) / devices) * devices - len(rows)
        ),
        f"{own:,} of {len(read):,} rows read are lines of the file": own == len(read),
        f"passages of a row: {sorted(sizes)}": sizes == {GROUP},
    }


def main(checkout: Path, export: Path | None, devices: int) -> bool:
    print(f"{describe_machine()}, datasets {version('datasets')}")
    released = load_released(checkout)
    with tempfile.TemporaryDirectory() as name:
        if export is None and not XQUAD.is_dir():
            print(f"{XQUAD}: the data are not there; name an exported folder with --export")
            return True
        bars = check(released, export or make_export(Path(name)), devices)
    for bar, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'} {bar}")
    return all(bars.values())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kalm-checkout", type=Path, required=True)
    parser.add_argument("--export", type=Path, help="a folder of `export --format kalm`")
    parser.add_argument("--devices", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    if not main(given.kalm_checkout, given.export, given.devices):
        sys.exit(1)
