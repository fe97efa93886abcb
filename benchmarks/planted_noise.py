"""A tenth of the positives swapped: what the rank filter rejects of them, and keeps of the true.

    python benchmarks/planted_noise.py [--data FOLDER] [--rows N] [--seed N] [--workspace DIR]

Pairs are the Debian synopses with their package descriptions (title and text are ranked). A swapped
pair has the positive of another query instead of its own: of any, or, harder, of one whose package
is in the same section. BM25 and all-MiniLM-L6-v2 (bfloat16) rank each positive over all documents;
a rule keeps what ranks among the first k: by the dense ranks, by BM25's, by both (all) or by either
of them (any). At k = 50 `filter` itself decides, too, and must keep as many pairs.

--rows N takes N pairs and as many documents; k then means more: by chance alone k / N of the random
swaps pass. Vectors stay in the workspace: with --workspace a second run encodes nothing.

Bar, for random swaps by the dense rule at k = 50: >= 99 % of the swapped rejected, >= 93 % of the
true kept.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from debian_packages import FOLDER, Document, Packages, Pair, read_packages, write_beir
from machine import describe_machine

from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.api.mine import MineConfig, mine
from kalm_data.workspace.database import Database

DENSE = "dense:sentence-transformers/all-MiniLM-L6-v2"
SWAPPED = 0.1
KS = (1, 2, 5, 10, 20, 50, 100, 200)
BAR_K, LEAST_REJECTED, LEAST_KEPT = 50, 0.99, 0.93
RULES: dict[str, tuple[tuple[str, ...], Callable[[int, int], int]]] = {
    "dense": ((DENSE,), lambda dense, bm25: dense),
    "bm25": (("bm25",), lambda dense, bm25: bm25),
    "all": ((DENSE, "bm25"), max),
    "any": ((DENSE, "bm25"), min),
}
"""Who ranks, and the rank that a rule goes by."""

RANKS = """
SELECT query.text, document.doc_id, ranking.ranker, ranking.rank
FROM rankings ranking
JOIN examples example ON example.example_id = ranking.example_id
JOIN texts query ON query.text_hash = example.query_hash
JOIN current_documents document
    ON document.text_hash = ranking.text_hash AND document.collection = ?
WHERE example.task = ? AND list_contains(?, ranking.ranker)
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """Pairs of which some are swapped."""

    pairs: list[Pair]
    swapped: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class Shares:
    """What one rule does at one k."""

    rejected: float
    kept: float

    @property
    def reaches_bar(self) -> bool:
        return self.rejected >= LEAST_REJECTED and self.kept >= LEAST_KEPT


def plant(packages: Packages, group: Callable[[Document], str], seed: int) -> Planted:
    """Swap within groups; a pair whose group has no other positive stays."""
    rng = random.Random(seed)
    groups = {document.doc_id: group(document) for document in packages.documents}
    truth: dict[str, set[str]] = {}
    positives: dict[str, list[str]] = {}
    for pair in packages.pairs:
        truth.setdefault(pair.query, set()).add(pair.doc_id)
        positives.setdefault(groups[pair.doc_id], []).append(pair.doc_id)
    pairs = list(packages.pairs)
    swapped = set()
    for place in rng.sample(range(len(pairs)), round(SWAPPED * len(pairs))):
        query, own = pairs[place].query, groups[pairs[place].doc_id]
        others = [doc_id for doc_id in positives[own] if doc_id not in truth[query]]
        if others:
            pairs[place] = Pair(query, rng.choice(others))
            swapped.add(pairs[place])
    return Planted(pairs, frozenset(swapped))


def measure(workspace: Path, task: str, collection: str) -> dict[Pair, tuple[int, int]]:
    """Rank the task's pairs, what is not ranked yet; the dense rank and BM25's of each."""
    config = MineConfig(ranker=("bm25", DENSE), precision="bfloat16")
    outcome = mine(workspace, [task], config)
    (mined,) = outcome.result.tasks
    print(
        f"{task}: {outcome.run.seconds:.0f} s to rank, {outcome.result.encoded:,} texts encoded, "
        f"{outcome.result.cut:,} cut at the model's length",
        flush=True,
    )
    found: dict[Pair, dict[str, int]] = {}
    with Database(workspace).read() as connection:
        rows = connection.execute(RANKS, [collection, task, list(mined.rankers)]).fetchall()
    for query, doc_id, ranker, rank in rows:
        found.setdefault(Pair(query, doc_id), {})[ranker] = rank
    bm25, dense = mined.rankers
    return {pair: (ranks[dense], ranks[bm25]) for pair, ranks in found.items()}


def shares(ranks: dict[Pair, int], swapped: frozenset[Pair], k: int) -> Shares:
    kept = {pair for pair, rank in ranks.items() if rank <= k}
    true = ranks.keys() - swapped
    return Shares(1 - len(kept & swapped) / len(swapped), len(kept & true) / len(true))


def show(ranks: dict[str, dict[Pair, int]], swapped: frozenset[Pair]) -> None:
    print("swapped rejected, true kept, of each rule")
    print(f"{'k':>5}" + "".join(f"{rule:>20}" for rule in ranks))
    for k in KS:
        found = [shares(of_rule, swapped, k) for of_rule in ranks.values()]
        print(f"{k:5}" + "".join(f"{one.rejected:11.2%} {one.kept:8.2%}" for one in found))


def filter_agrees(workspace: Path, task: str, ranks: dict[str, dict[Pair, int]]) -> bool:
    """Whether the filter keeps as many at k = 50 as the ranks say, by each rule."""
    agrees = True
    for rule, of_rule in ranks.items():
        agree = "any" if rule == "any" else "all"
        config = FilterConfig(top_k=BAR_K, ranker=RULES[rule][0], agree=agree)
        kept = filter_positives(workspace, [task], config).result.tasks[0].kept
        expected = sum(rank <= BAR_K for rank in of_rule.values())
        if kept != expected:
            print(f"{task}: filter keeps {kept:,} by rule {rule}, the ranks say {expected:,}")
            agrees = False
    return agrees


def swap(
    workspace: Path, packages: Packages, name: str, planted: Planted, seed: int
) -> tuple[dict[str, Shares], bool]:
    """Import, rank, print the curve; the shares at k = 50, and whether the filter agrees."""
    part = f"{len(packages.documents)}-{seed}"
    task, collection = f"{name}-{part}", f"packages-{part}"
    with tempfile.TemporaryDirectory() as folder:
        write_beir(Path(folder) / "beir", packages.documents, planted.pairs)
        config = ImportPairsConfig(collection=collection, as_split="train")
        import_pairs(workspace, [f"{folder}/beir"], NamedTask(task=task), config)
    measured = measure(workspace, task, collection)
    if measured.keys() != set(planted.pairs):
        raise SystemExit(f"{task}: {len(measured):,} pairs were ranked, others than were planted")
    ranks = {
        rule: {pair: goes_by(*both) for pair, both in measured.items()}
        for rule, (_, goes_by) in RULES.items()
    }
    print(f"{task}: {len(planted.swapped):,} of {len(measured):,} pairs swapped; ", end="")
    show(ranks, planted.swapped)
    at_bar = {rule: shares(of_rule, planted.swapped, BAR_K) for rule, of_rule in ranks.items()}
    return at_bar, filter_agrees(workspace, task, ranks)


def report(at_bar: dict[str, Shares], agrees: Sequence[bool], size: int) -> bool:
    reaching = [rule for rule, found in at_bar.items() if found.reaches_bar]
    print(f"by chance {BAR_K / size:.2%} of random swaps rank among the first {BAR_K}")
    print(f"rules that reach the bar on random swaps: {', '.join(reaching) or 'none'}")
    dense = at_bar["dense"]
    bars = {
        f"random swaps, dense, k = {BAR_K}: {dense.rejected:.2%} of the swapped rejected (bar "
        f"{LEAST_REJECTED:.0%}), {dense.kept:.2%} of the true kept (bar {LEAST_KEPT:.0%})": (
            dense.reaches_bar
        ),
        f"`filter` keeps what the ranks say at k = {BAR_K}, by each rule": all(agrees),
    }
    for bar, met in bars.items():
        print(f"{'met   ' if met else 'MISSED'} {bar}")
    return all(bars.values())


def main(workspace: Path, data: Path, rows: int | None, seed: int) -> bool:
    print(describe_machine())
    packages = read_packages(data, rows, seed)
    print(f"{len(packages.documents):,} documents, {len(packages.pairs):,} pairs, seed {seed}")
    at_random = plant(packages, lambda document: "", seed)
    in_section = plant(packages, lambda document: document.section, seed)
    found, agrees = swap(workspace, packages, "random", at_random, seed)
    _, section_agrees = swap(workspace, packages, "section", in_section, seed)
    return report(found, [agrees, section_agrees], len(packages.documents))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--rows", type=int, help="so many pairs and documents; default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the rows and the swaps")
    parser.add_argument("--workspace", type=Path, help="default: a temporary one")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    if not given.data.is_dir():
        print(f"{given.data}: the data are not there; nothing was measured")
    else:
        with tempfile.TemporaryDirectory() as temporary:
            where = given.workspace or Path(temporary) / "workspace"
            if not main(where, given.data, given.rows, given.seed):
                sys.exit(1)
