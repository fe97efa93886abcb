"""Whether training and dev rows of one set share a document or a near-duplicate.

    python benchmarks/debian_splits.py

Debian's package descriptions and the pairs of synopsis and description are imported as training
data, and mined by BM25, so that rows have negatives. Sets are built
with `--dev-fraction 0.1`, once by groups alone and once with `--dev-by source`; then once more
beside a task of labels whose texts are the same descriptions. Each is then checked by a plain
computation that uses nothing of kalm-data: every text of a dev row (positives) against every text
of a training row (query where it is a labelled text, positives, negatives). Bars: none is the same
in normal form, none has 0.8 of the smaller one's word 5-grams in the larger one, no source package
is on both sides of the second set, and no query on both sides of any.
"""

import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from debian_packages import FOLDER
from machine import describe_machine

WORDS, SHARE = 5, 0.8
DEV = 0.1
LABELS = "sections"
WORD = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff]|[^\W_\u2e80-\u9fff]+(?:['’][^\W_]+)*")


def normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


@cache
def grams(text: str) -> set[str]:
    """Word 5-grams; the whole text where it is shorter."""
    found = WORD.findall(normal(text))
    if len(found) < WORDS:
        return {" ".join(found) or normal(text)}
    return {" ".join(found[i : i + WORDS]) for i in range(len(found) - WORDS + 1)}


def near(train: Iterable[str], dev: Iterable[str]) -> Iterator[tuple[str, str, float]]:
    """(Training text, dev text, containment) of all that are too near, the same text included.

    Whatever shares a single 5-gram is nominated, and compared by its 5-grams.
    """
    texts = sorted(train)
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        for gram in grams(text):
            holders[gram].append(place)
    for text in sorted(dev):
        own = grams(text)
        for place in sorted({place for gram in own for place in holders.get(gram, ())}):
            others = grams(texts[place])
            share = len(own & others) / min(len(own), len(others))
            if share >= SHARE or normal(text) == normal(texts[place]):
                yield texts[place], text, share


def read_rows(out: Path, kind: str) -> Iterator[dict[str, Any]]:
    for file in sorted(out.glob(f"*/{kind}-*.parquet")):
        columns = ["query", "pos", "neg", "task"]
        yield from pq.read_table(file, columns=columns, partitioning=None).to_pylist()


def check(out: Path, sources: Mapping[str, set[str]], *, by_source: bool) -> bool:
    """Whether the set meets the bars; prints what was compared and what was found."""
    started = time.perf_counter()
    train, dev = list(read_rows(out, "part")), list(read_rows(out, "dev"))
    of_train = {text for row in train for text in (*row["pos"], *row["neg"])}
    of_train |= {row["query"] for row in train if row["task"] == LABELS}
    of_dev = {text for row in dev for text in row["pos"]}
    found = list(near(of_train, of_dev))
    same = [pair for pair in found if normal(pair[0]) == normal(pair[1])]
    asked = {normal(row["query"]) for row in train} & {normal(row["query"]) for row in dev}
    shared = _sources(of_train, sources) & _sources(of_dev, sources)
    print(
        f"  {len(train):,} training rows of {len(of_train):,} texts, {len(dev):,} dev rows of "
        f"{len(of_dev):,}\n"
        f"  same text on both sides: {len(same)}; near-duplicates: {len(found) - len(same)}; "
        f"queries: {len(asked)}; source packages: {len(shared)}"
        f"{' (bar 0)' if by_source else ' (no bar)'}; checked in "
        f"{time.perf_counter() - started:.1f} s",
        flush=True,
    )
    for first, second, share in found[:5]:
        print(f"    {share:.3f} {first[:100]!r} | {second[:100]!r}")
    for query in sorted(asked)[:5]:
        print(f"    asked on both sides: {query!r}")
    return not found and not asked and not (by_source and shared)


def _sources(texts: set[str], sources: Mapping[str, set[str]]) -> set[str]:
    return {source for text in texts for source in sources.get(text, ())}


def run(*arguments: object) -> dict[str, Any]:
    """What a command of kalm-data tells as JSON."""
    command = [sys.executable, "-m", "kalm_data", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> int:
    if not FOLDER.is_dir():
        print(f"{FOLDER}: the data are not there; nothing was measured")
        return 0
    print(describe_machine())
    corpus = read_corpus()
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for row in corpus:
        sources[row["text"]].add(row["source"])
    met = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        at = ("-w", folder / "w")
        run("import", "documents", FOLDER, "--task", "debian", "--as", "train", *at)
        run("import", "pairs", FOLDER, "--task", "debian", "--as", "train", *at)
        run("mine", "--task", "debian", "--ranker", "bm25", *at)
        for options in ((), ("--dev-by", "source")):
            met.append(build(folder / "out", sources, "--task", "debian", *options, *at))
        labels = folder / "sections.jsonl"
        labels.write_text("".join(
            json.dumps({"text": row["text"], "label": row["section"]}) + "\n" for row in corpus
        ))  # fmt: skip
        run("import", "labels", labels, "--task", LABELS, "--as", "train", *at)
        met.append(build(folder / "out", sources, *at))
    print("bars met" if all(met) else "A BAR WAS MISSED")
    return 0 if all(met) else 1


def build(out: Path, sources: Mapping[str, set[str]], *options: object) -> bool:
    """Whether the set of these options meets the bars."""
    told = run("build-shards", out, "--dev-fraction", DEV, *options)
    shown = " ".join(str(one) for one in options if "/" not in str(one) and one != "-w")
    print(f"build-shards --dev-fraction {DEV} {shown}: {told['seconds']:.1f} s", flush=True)
    return check(out, sources, by_source="--dev-by" in options)


def read_corpus() -> list[dict[str, str]]:
    with gzip.open(FOLDER / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
