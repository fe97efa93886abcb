"""`mine` over texts and vectors that are larger than the memory it may have.

    python benchmarks/larger_than_memory.py [DOCUMENTS] [MEMORY_MB]

Builds a workspace of long documents (20,000 characters) and a small encoder of wide vectors (8,192
numbers) in a temporary folder, then runs `mine` in a control group that may have MEMORY_MB, files
that the system keeps in memory for it included: beyond that it is killed (Linux, as root). Prints
the most that was its own, beside what the libraries take alone, and compares some ranks with brute
force.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from machine import describe_machine

from kalm_data.core.records import Document, Example, Judgement, Text, example_id, text_hash
from kalm_data.workspace.database import Database
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.vectors import read_stored, stored_encoders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from kalm_data.core.records import Record

CHARACTERS, DIMENSIONS, QUERIES, PROBED = 20_000, 8192, 200, 20
AT_ONCE = QUERIES
WORDS = [f"word{number}" for number in range(200)]
TASK = """
INSERT INTO tasks VALUES ('docs', 1, '{"name": "docs", "type": "retrieval"}', '0001-import')
"""
LIBRARIES = "import duckdb, sentence_transformers, kalm_data.api.mine"


def build(folder: Path, documents: int) -> None:
    """Documents of a few words and much that is none; a query has some words of its positive."""
    database, rng = Database(folder), np.random.default_rng(0)
    database.create()
    with database.write() as connection:
        connection.execute(TASK)
        for start in range(0, documents, AT_ONCE):
            words = rng.choice(WORDS, (min(AT_ONCE, documents - start), 20)).tolist()
            texts = [_text(f"{' '.join(row)} {rng.bytes(CHARACTERS // 2).hex()}") for row in words]
            insert(connection, texts)
            places = range(start, start + len(texts))
            insert(connection, [*map(_document, places, texts)])
            if start < QUERIES:
                queries = [_text(" ".join(row[:8])) for row in words]
                insert(connection, queries)
                insert(connection, [*map(_example, queries)])
                insert(connection, [*map(_judgement, queries, texts)])


def insert(connection: duckdb.DuckDBPyConnection, rows: Sequence[Record]) -> None:
    table = TABLES[type(rows[0])]
    made = pa.Table.from_pylist([asdict(row) for row in rows], table.arrow_schema)
    connection.register("new", made)
    connection.execute(f"INSERT INTO {table.name} SELECT * FROM new")
    connection.unregister("new")


def _text(text: str) -> Text:
    return Text(text_hash(text), text_hash(text), text)


def _document(place: int, text: Text) -> Document:
    return Document("docs", f"d{place}", 1, text.text_hash, "", (), "", 0, "", "en", "", "file",
                    "{}", "train", False, "0001-import")  # fmt: skip


def _example(query: Text) -> Example:
    return Example(example_id("docs", query.text), "docs", query.text_hash, "", "en", "train",
                   "imported", "", "file", 0, "0001-import")  # fmt: skip


def _judgement(query: Text, positive: Text) -> Judgement:
    id_ = example_id("docs", query.text)
    return Judgement(id_, positive.text_hash, "positive", "import", "0001-import")


def save_encoder(folder: Path) -> Path:
    """One layer of BERT over words between white space, and a matrix that makes vectors wide."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    words = Tokenizer(WordLevel(vocabulary, "[UNK]"))
    words.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    bert = Transformer(str(folder))
    pooling = Pooling(bert.get_embedding_dimension())
    dense = Dense(32, DIMENSIONS, bias=False, activation_function=torch.nn.Identity())
    model = SentenceTransformer(modules=[bert, pooling, dense])
    model.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


def run_watched(arguments: Sequence[str], group: Path | None = None) -> tuple[str, int]:
    """(stdout, most bytes of anonymous memory that were resident) of a Python process."""
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True,
        preexec_fn=partial(_join, group) if group else None,
    )  # fmt: skip
    most = 0
    while process.poll() is None:
        most = max(most, _anonymous(process.pid))
        time.sleep(0.02)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        had = f"with {most >> 20:,} MB of its own"
        raise SystemExit(f"ended with status {process.returncode} {had}: {said}")
    return said, most


def _join(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()))


@contextmanager
def limited_memory(megabytes: int) -> Iterator[Path | None]:
    """A control group whose processes are killed beyond; None where none can be made."""
    root = Path("/sys/fs/cgroup")
    one, limit = (
        (root / "memory", "memory.limit_in_bytes") if (root / "memory").is_dir()
        else (root, "memory.max")
    )  # fmt: skip
    group = one / f"larger-than-memory-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(megabytes << 20))
    except OSError as error:
        print(f"no control group can be made ({error}): memory is watched only")
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


def _anonymous(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon")), 0)


def compare_ranks(folder: Path) -> None:
    """Those of some queries with float64 products over all documents, a part at a time."""
    database = Database(folder)
    (stored,) = stored_encoders(database)
    encoder = stored.fingerprint
    with database.read() as connection:
        asked = connection.execute(
            "SELECT t.text, r.text_hash, r.rank FROM rankings r JOIN examples e USING (example_id) "
            "JOIN texts t ON t.text_hash = e.query_hash ORDER BY r.example_id LIMIT ?", [PROBED]
        ).fetchall()  # fmt: skip
        pool = [one for (one,) in connection.execute("SELECT text_hash FROM documents").fetchall()]
    _, queries = read_stored(database, encoder, [text_hash(text) for text, _, _ in asked])
    _, documents = read_stored(database, encoder, pool)
    assert queries is not None
    assert documents is not None
    scores = np.concatenate([
        np.round(documents[at : at + 4096].astype(np.float64) @ queries.astype(np.float64).T, 9)
        for at in range(0, len(documents), 4096)
    ])  # fmt: skip
    place = {one: at for at, one in enumerate(pool)}
    wrong = [
        (rank, expected)
        for column, (_, positive, rank) in zip(scores.T, asked, strict=True)
        if rank != (expected := int(np.count_nonzero(column >= column[place[positive]])))
    ]
    print(f"ranks that differ from brute force: {len(wrong)} of {len(asked)} {wrong or ''}")


def main(documents: int, megabytes: int) -> None:
    print(describe_machine())
    with tempfile.TemporaryDirectory() as name:
        workspace, model = Path(name, "workspace"), save_encoder(Path(name, "encoder"))
        build(workspace, documents)
        texts, vectors = documents * CHARACTERS, documents * DIMENSIONS * 4
        print(f"{documents:,} documents: {texts >> 20:,} MB of texts, {vectors >> 20:,} of vectors")
        _, alone = run_watched(["-c", LIBRARIES])
        print(f"the libraries alone: {alone >> 20:,} MB")
        mine = ["-m", "kalm_data", "mine", "-w", str(workspace), "--ranker", f"dense:{model}",
                "--devices", "cpu", "--json"]  # fmt: skip
        with limited_memory(megabytes) as group:
            said, most = run_watched(mine, group)
        summary = json.loads(said)
        print(
            f"mine within {megabytes:,} MB: {summary['kept']:,} examples, "
            f"{summary['encoded']:,} texts encoded in {summary['seconds']:.0f} s; anonymous memory "
            f"at most {most >> 20:,} MB"
        )
        compare_ranks(workspace)


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:] if len(sys.argv) == 3 else (100_000, 1200))))
