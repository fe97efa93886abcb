"""Queries a second of exact BM25: rank-bm25, bm25s with numpy, and OkapiSearch.

    python benchmarks/bm25_speed.py [FOLDER]

FOLDER: a retrieval set in BEIR's layout, gzipped (default ../shared/data/debian-packages). All
retrieve the best 100 with one thread; OkapiSearch also finds the exact rank of each query's
positive, and splits documents and queries into words within its times; the others get words.
OkapiSearch answers all queries, the others a sample. Bars: the scores of the sample are those of
rank-bm25 bit for bit, at least 200 times its queries/s, and no fewer than bm25s's.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import bm25s
import numpy as np
from machine import describe_machine
from rank_bm25 import BM25Okapi

from kalm_data.engines.bm25_okapi import OkapiSearch
from kalm_data.engines.bm25_tokens import tokens

FOLDER = Path(__file__).parents[2] / "shared/data/debian-packages"
DEPTH = 100
RANK_BM25_QUERIES, BM25S_QUERIES = 200, 4000
RANK_BM25_BAR, BM25S_BAR = 200, 1

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Run:
    name: str
    queries: int
    seconds: float
    build_s: float

    @property
    def rate(self) -> float:
        return self.queries / self.seconds


def read(folder: Path) -> tuple[list[str], list[str], list[list[int]]]:
    """Documents (title and text), queries, and the positions of each query's positives."""
    corpus = rows(folder / "corpus.jsonl.gz")
    place = {row["_id"]: i for i, row in enumerate(corpus)}
    relevant: dict[str, list[int]] = {}
    with gzip.open(folder / "qrels/test.tsv.gz", "rt", encoding="utf-8") as lines:
        for line in list(lines)[1:]:
            query, document, score = line.split("\t")
            if int(score) > 0:
                relevant.setdefault(query, []).append(place[document])
    queries = [row for row in rows(folder / "queries.jsonl.gz") if row["_id"] in relevant]
    return (
        [f"{row['title']}\n{row['text']}" for row in corpus],
        [row["text"] for row in queries],
        [relevant[row["_id"]] for row in queries],
    )


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` positions, evenly over all."""
    places: list[int] = np.linspace(0, count - 1, min(count, wanted)).astype(int).tolist()
    return places


def timed(work: Callable[[], Made]) -> tuple[Made, float]:
    started = time.perf_counter()
    made = work()
    return made, time.perf_counter() - started


def with_rank_bm25(index: BM25Okapi, queries: Sequence[list[str]]) -> list[np.ndarray]:
    """Its own get_top_n sorts all documents; a partition is the least that it could do."""
    found = []
    for query in queries:
        scores = index.get_scores(query)
        np.argpartition(scores, -DEPTH)[-DEPTH:]
        found.append(scores)
    return found


def with_bm25s(index: bm25s.BM25, queries: Sequence[list[str]]) -> object:
    options = {"n_threads": 0, "backend_selection": "numpy", "show_progress": False}
    return index.retrieve(list(queries), k=DEPTH, **options)


def bm25s_index(corpus: list[list[str]]) -> bm25s.BM25:
    index = bm25s.BM25(k1=1.5, b=0.75, backend="numpy")
    index.index(corpus, show_progress=False)
    return index


def with_okapi_search(
    index: OkapiSearch, queries: list[str], positives: list[list[int]]
) -> list[int]:
    """The ranks of all positives."""
    found = index.rank(queries, positives, positives, DEPTH)
    return [rank for ranking in found for rank in ranking.ranks]


def same_bits(index: OkapiSearch, queries: list[str], scores: list[np.ndarray]) -> bool:
    pairs = zip(queries, scores, strict=True)
    return all(index.scores(query).tobytes() == row.tobytes() for query, row in pairs)


def show(slow: Run, other: Run, fast: Run, equal: bool) -> bool:
    """Print the table and the bars; whether all bars are met."""
    print(f"{'':24} {'queries':>8} {'queries/s':>10} {'ratio':>8} {'index, s':>9}")
    for run in (slow, other, fast):
        print(
            f"{run.name:24} {run.queries:8,} {run.rate:10,.1f} {run.rate / slow.rate:8,.1f} "
            f"{run.build_s:9.2f}"
        )
    over_slow, over_other = fast.rate / slow.rate, fast.rate / other.rate
    bars = {
        f"scores of {slow.queries} queries have rank-bm25's bits": equal,
        f"{over_slow:,.0f} x rank-bm25, bar {RANK_BM25_BAR}": over_slow >= RANK_BM25_BAR,
        f"{over_other:,.1f} x bm25s, bar {BM25S_BAR}": over_other >= BM25S_BAR,
    }
    for bar, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'} {bar}")
    return all(bars.values())


def main(folder: Path) -> bool:
    print(describe_machine())
    texts, queries, positives = read(folder)
    corpus, split_s = timed(lambda: [tokens(text) for text in texts])
    asked = [tokens(query) for query in queries]
    print(
        f"{len(texts):,} documents, {len(queries):,} queries of "
        f"{np.mean([len(query) for query in asked]):.1f} words, best {DEPTH}, one thread; "
        f"splitting the documents into words: {split_s:.1f} s"
    )
    reference, reference_s = timed(lambda: BM25Okapi(corpus))
    sparse, sparse_s = timed(lambda: bm25s_index(corpus))
    search, search_s = timed(lambda: OkapiSearch(texts))

    few, many = spread(len(queries), RANK_BM25_QUERIES), spread(len(queries), BM25S_QUERIES)
    ranks, fast_s = timed(lambda: with_okapi_search(search, queries, positives))
    _, other_s = timed(lambda: with_bm25s(sparse, [asked[i] for i in many]))
    scores, slow_s = timed(lambda: with_rank_bm25(reference, [asked[i] for i in few]))
    print(f"{np.mean(np.array(ranks) <= DEPTH):.1%} of positives are ranked in the best {DEPTH}")
    return show(
        Run(f"rank-bm25 {version('rank-bm25')}", len(few), slow_s, reference_s),
        Run(f"bm25s {version('bm25s')}, numpy", len(many), other_s, sparse_s),
        Run("OkapiSearch", len(queries), fast_s, search_s),
        same_bits(search, [queries[i] for i in few], scores),
    )


if __name__ == "__main__":
    sys.exit(0 if main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER) else 1)
