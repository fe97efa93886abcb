"""Test queries planted in training queries: what the exclusion index finds, and finds falsely.

    python benchmarks/contamination.py [GRAM_WORDS] [SHARE] [SEED ...]

200 of the 30,666 Debian synopses are the test queries. In training half of them stay as they are;
the others change case, punctuation and word order. Bars, for each seed: >= 99 % of the verbatim
and >= 90 % of the changed found, <= 0.1 % of the others reported falsely. A training query with
the words of a test query in the same order is no false find: synopses repeat.

Two lines without a bar: `framed` (words put before and after) and `edited` (one word replaced),
changes that only n-grams can see through. Then documents: 200 test documents against all others,
`same source` packages being near-duplicates and the others mostly boilerplate; and the speed.
"""

import gzip
import json
import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from machine import describe_machine

from kalm_data.core.contamination import GRAM_WORDS, SHARE, ExcludedText, ExclusionIndex
from kalm_data.core.text import words

DATA = Path(__file__).parents[2] / "shared" / "data" / "debian-packages"
PLANTED = 200
LEAST_VERBATIM, LEAST_CHANGED, MOST_FALSE = 0.99, 0.90, 0.001
CRITERIA = ("exact", "same_words", "overlap")


def read(name: str) -> list[dict]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def changed(text: str, rng: random.Random) -> str:
    shuffled = text.replace("-", " ").split()
    rng.shuffle(shuffled)
    return f"{', '.join(shuffled).upper()}?!"


def edited(text: str, rng: random.Random) -> str:
    parts = text.split()
    parts[rng.randrange(len(parts))] = "something"
    return " ".join(parts)


def reasons(index: ExclusionIndex, texts: list[str]) -> Counter[str]:
    matches = (index.find(text) for text in texts)
    return Counter(match.reason if match else "none" for match in matches)


def row(name: str, found: Counter[str]) -> float:
    """Print a line of the table; the share found."""
    counts = "".join(f"{found[reason]:12}" for reason in CRITERIA)
    share = 1 - found["none"] / found.total()
    print(f"{name:14}{found.total():8}{counts}{share:10.2%}", flush=True)
    return share


def queries(seed: int, texts: list[str], options: dict) -> bool:
    """Whether all bars are met."""
    rng = random.Random(seed)
    planted = sorted(rng.sample(range(len(texts)), PLANTED))
    tests = [texts[place] for place in planted]
    rng.shuffle(tests)
    verbatim, others = tests[: PLANTED // 2], tests[PLANTED // 2 :]
    excluded = (ExcludedText("test", line, "query", test) for line, test in enumerate(tests, 1))
    index = ExclusionIndex(excluded, **options)
    forms = {" ".join(words(test)) for test in tests}
    left = [text for text in texts if " ".join(words(text)) not in forms]
    print(f"\nseed {seed:9}" + "".join(f"{name:>12}" for name in CRITERIA) + "     found")
    met = [
        row("verbatim", reasons(index, verbatim)) >= LEAST_VERBATIM,
        row("changed", reasons(index, [changed(test, rng) for test in others])) >= LEAST_CHANGED,
        row("not planted", reasons(index, left)) <= MOST_FALSE,
    ]
    row("framed", reasons(index, [f"please tell me: {test} (thanks)" for test in tests]))
    row("edited", reasons(index, [edited(test, rng) for test in tests]))
    return all(met)


def documents(options: dict) -> None:
    corpus = read("corpus.jsonl.gz")
    tests = set(random.Random(0).sample(range(len(corpus)), PLANTED))
    excluded = (ExcludedText("test", place, "document", corpus[place]["text"]) for place in tests)
    index = ExclusionIndex(excluded, **options)
    same, other = Counter[str](), Counter[str]()
    for place, document in enumerate(corpus):
        if place not in tests:
            match = index.find(document["text"])
            near = match and corpus[match.excluded.line]["source"] == document["source"]
            (same if near else other)[match.reason if match else "none"] += 1
    print("\ndocuments     " + "".join(f"{name:>12}" for name in CRITERIA))
    for name, found in (("same source", same), ("other source", other)):
        print(f"{name:14}" + "".join(f"{found[reason]:12}" for reason in CRITERIA))


def speed(texts: list[str], options: dict) -> None:
    """100,000 excluded queries that share their words with those looked up."""
    rng = random.Random(0)
    many = [f"{text} {rng.choice(texts)}" for text in (texts * 4)[:100_000]]
    started = time.perf_counter()
    excluded = (ExcludedText("test", line, "query", text) for line, text in enumerate(many))
    index = ExclusionIndex(excluded, **options)
    built = time.perf_counter()
    for text in texts:
        index.find(text)
    rate = len(texts) / (time.perf_counter() - built)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"\nindex of {len(many):,} queries: {built - started:.1f} s", end="; ")
    print(f"then {rate:,.0f} queries/s; peak memory of the process {peak:.0f} MiB")


def main(arguments: list[str]) -> int:
    if not DATA.is_dir():
        print(f"{DATA}: the data are not there; nothing was measured")
        return 0
    gram_words, share, *seeds = [*arguments, *(str(GRAM_WORDS), str(SHARE))[len(arguments) :]]
    options = {"gram_words": int(gram_words), "share": float(share)}
    print(describe_machine())
    print(f"n-grams of {gram_words} words, share {share}")
    texts = [row["text"] for row in read("queries.jsonl.gz")]
    met = [queries(int(seed), texts, options) for seed in seeds or ("0", "1", "2")]
    documents(options)
    speed(texts, options)
    print("bars met" if all(met) else "A BAR WAS MISSED")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
