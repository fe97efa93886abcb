"""Exact dense search (top 100 and every positive's rank) beside faiss IndexFlatIP (top 100 alone).

    pip install faiss-cpu
    python benchmarks/dense_search.py [--documents N] [--queries N] [--runs N] [--even]

Seeded float32 unit vectors of 384 dimensions in a temporary file, which the search maps and faiss
copies. Each document is its topic's centre plus as much noise, topics of ~500 documents (cosine
~0.5 within, ~0 across); a query is a document plus noise (cosine ~0.7), which is its positive.
Every third query has instead another document of that topic (ranks in the hundreds), and every
50th has any two documents more (ranks anywhere). With --even there are no topics, and a query is
noise: its positive ranks anywhere, so that half of all scores must be counted.

The search runs in a process of its own, turn about with faiss. Bars: the median of its time
<= 1.3 × that of faiss, resident memory (the mapped file counts) <= 3 GB, and equal to brute force
in float64 for a sample of queries.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import describe_machine

from kalm_data.engines.dense_blocks import ExactRanking
from kalm_data.engines.dense_search import ExactSearch

DIMENSIONS = 384
DEPTH = 100
MOST_RATIO = 1.3
MOST_BYTES = 3_000_000_000
SAMPLE = 20
BLOCK = 50_000


def unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit_vectors: np.ndarray = vectors / norms
    return unit_vectors


def write_documents(file: Path, count: int, centres: np.ndarray, topic: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = (count, DIMENSIONS)
    documents = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    for start in range(0, count, BLOCK):
        part = slice(start, min(start + BLOCK, count))
        noise = rng.standard_normal((part.stop - start, DIMENSIONS), dtype=np.float32)
        documents[part] = unit(noise + centres[topic[part]])
    documents.flush()
    return documents


def build(folder: Path, count: int, queries: int, spread: float) -> None:
    rng = np.random.default_rng(0)
    centres = spread * rng.standard_normal((max(1, count // 500), DIMENSIONS), dtype=np.float32)
    topic = rng.integers(0, len(centres), count)
    documents = write_documents(folder / "documents.npy", count, centres, topic)
    asked = rng.integers(0, count, queries)
    noise = unit(rng.standard_normal((queries, DIMENSIONS), dtype=np.float32))
    np.save(folder / "queries.npy", unit(spread * documents[asked] + noise))
    positives = [[int(place)] for place in asked]
    for query in range(0, queries, 3):
        mates = np.flatnonzero(topic == topic[asked[query]])
        positives[query] = [int(rng.choice(mates))]
    for query in range(0, queries, 50):
        positives[query] += rng.integers(0, count, 2).tolist()
    (folder / "positives.json").write_text(json.dumps([sorted(set(own)) for own in positives]))


def seconds_of_faiss(folder: Path) -> Callable[[], float]:
    import faiss

    index = faiss.IndexFlatIP(DIMENSIONS)
    documents = np.load(folder / "documents.npy", mmap_mode="r")
    for start in range(0, len(documents), BLOCK):
        index.add(documents[start : start + BLOCK])
    queries = np.load(folder / "queries.npy")

    def seconds() -> float:
        started = time.perf_counter()
        index.search(queries, DEPTH)
        return time.perf_counter() - started

    return seconds


def search(folder: Path) -> None:
    """The other process: seconds, peak of resident bytes, and whether a sample is right."""
    documents = np.load(folder / "documents.npy", mmap_mode="r")
    queries = np.load(folder / "queries.npy")
    positives = json.loads((folder / "positives.json").read_text())
    started = time.perf_counter()
    found = list(ExactSearch().rank(queries, documents, positives, positives, DEPTH))
    seconds = time.perf_counter() - started
    peak = peak_bytes()
    sample = range(0, len(queries), max(1, len(queries) // SAMPLE))
    ranks = [rank for ranking in found for rank in ranking.ranks]
    print(
        json.dumps(
            {
                "seconds": seconds,
                "bytes": peak,
                "agree": agree(documents, queries, positives, found, sample),
                "ranks": np.percentile(ranks, [10, 50, 90]).astype(int).tolist(),
            }
        )
    )


def agree(
    documents: np.ndarray,
    queries: np.ndarray,
    positives: list[list[int]],
    found: list[ExactRanking],
    sample: range,
) -> bool:
    """Whether all scores in float64, rounded to 1e-9, give the same ranks and hits."""
    asked = queries[sample].astype(np.float64)
    scores = np.empty((len(sample), len(documents)))
    for start in range(0, len(documents), BLOCK):
        part = documents[start : start + BLOCK].astype(np.float64)
        scores[:, start : start + BLOCK] = np.round(asked @ part.T, 9)
    for query, score in zip(sample, scores, strict=True):
        own = positives[query]
        others = np.delete(score, own)
        ranks = [1 + np.count_nonzero(others >= score[place]) for place in own]
        best = np.argsort(-score, kind="stable")[:DEPTH]
        if found[query].ranks != ranks or not np.array_equal(found[query].positions, best):
            return False
    return True


def peak_bytes() -> int:
    """Of this process alone; `ru_maxrss` would count what its parent held."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")


def main(documents: int, queries: int, runs: int, spread: float) -> bool:
    print(describe_machine())
    kind = "topics" if spread else "even"
    print(f"{queries:,} queries × {documents:,} documents × {DIMENSIONS}, {kind}, {runs} runs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, documents, queries, spread)
        faiss_seconds, taken, seen = seconds_of_faiss(folder), [], []
        for _ in range(runs):
            taken.append(faiss_seconds())
            command = [sys.executable, __file__, "--search", name]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seen.append(json.loads(output))
            print(f"faiss {taken[-1]:.2f} s, exact search {seen[-1]['seconds']:.2f} s")
    return report(taken, seen)


def report(faiss: list[float], seen: list[dict[str, float]]) -> bool:
    ours = [run["seconds"] for run in seen]
    ratio = statistics.median(ours) / statistics.median(faiss)
    memory = max(run["bytes"] for run in seen)
    right = all(run["agree"] for run in seen)
    print(f"faiss IndexFlatIP, top {DEPTH}: median {statistics.median(faiss):.2f} s")
    print(f"ExactSearch, top {DEPTH} and ranks: median {statistics.median(ours):.2f} s")
    print(f"ranks of positives, 10th, 50th, 90th percentile: {seen[0]['ranks']}")
    print(f"fastest against fastest: {min(ours) / min(faiss):.2f}")
    print(
        f"ratio of medians {ratio:.2f} (bar {MOST_RATIO}), peak {memory / 1e9:.2f} GB (bar 3), ",
        end="",
    )
    print(f"sample of {SAMPLE} equal to brute force: {right}")
    return ratio <= MOST_RATIO and memory <= MOST_BYTES and right


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=3_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--even", action="store_true")
    parser.add_argument("--search", type=Path, help="the other process: folder of the vectors")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    if given.search:
        search(given.search)
    elif not main(given.documents, given.queries, given.runs, 0.0 if given.even else 1.0):
        sys.exit(1)
