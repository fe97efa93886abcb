"""The Debian package descriptions that several benchmarks read, whole or a seeded part of them."""

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "shared/data/debian-packages"


@dataclass(frozen=True, slots=True)
class Document:
    doc_id: str
    title: str
    text: str
    section: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and the document that answers it."""

    query: str
    doc_id: str


@dataclass(frozen=True, slots=True)
class Packages:
    documents: tuple[Document, ...]
    pairs: tuple[Pair, ...]


def read_packages(folder: Path, rows: int | None = None, seed: int = 0) -> Packages:
    """All pairs and documents, or a drawn `rows` of the pairs with as many documents.

    Those are the positives; where several pairs share one, others fill up.
    """
    corpus = {
        row["_id"]: Document(row["_id"], row["title"], row["text"], row["section"])
        for row in _json_lines(folder / "corpus.jsonl.gz")
    }
    queries = {row["_id"]: row["text"] for row in _json_lines(folder / "queries.jsonl.gz")}
    with gzip.open(folder / "qrels/test.tsv.gz", "rt", encoding="utf-8") as lines:
        judged = [line.split("\t") for line in list(lines)[1:]]
    pairs = [Pair(queries[query], doc_id) for query, doc_id, score in judged if int(score) > 0]
    if rows is None or rows >= len(pairs):
        return Packages(tuple(corpus.values()), tuple(pairs))
    rng = random.Random(seed)
    drawn = [pairs[place] for place in sorted(rng.sample(range(len(pairs)), rows))]
    pool = {pair.doc_id for pair in drawn}
    others = [doc_id for doc_id in corpus if doc_id not in pool]
    pool.update(rng.sample(others, max(0, rows - len(pool))))
    documents = tuple(document for doc_id, document in corpus.items() if doc_id in pool)
    return Packages(documents, tuple(drawn))


def write_beir(folder: Path, documents: Iterable[Document], pairs: Sequence[Pair]) -> None:
    """A retrieval set in BEIR's layout, for import; each pair has a query of its own."""
    (folder / "qrels").mkdir(parents=True)
    write_json_lines(
        folder / "corpus.jsonl",
        ({"_id": one.doc_id, "title": one.title, "text": one.text} for one in documents),
    )
    write_json_lines(
        folder / "queries.jsonl",
        ({"_id": f"q{place}", "text": pair.query} for place, pair in enumerate(pairs)),
    )
    qrels = "".join(f"q{place}\t{pair.doc_id}\t1\n" for place, pair in enumerate(pairs))
    header = "query-id\tcorpus-id\tscore\n"
    (folder / "qrels/train.tsv").write_text(header + qrels, encoding="utf-8")


def write_json_lines(file: Path, rows: Iterable[dict[str, object]]) -> None:
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _json_lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
