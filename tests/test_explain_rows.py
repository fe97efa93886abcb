"""Rows of a set, explained, against what is computed anew from texts, vectors and prompt files."""

from __future__ import annotations

import json
import random
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from recomputed import World, assert_true, sha256_of_parts
from word_ranking import Rankers, WordEncoder

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.explain import explain
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import ImportDocumentsConfig, NamedTask, import_documents
from kalm_data.api.synth import ModelConfig, SynthConfig, synth
from kalm_data.core.config.mine import MineConfig
from kalm_data.engines.python_docs import read_python_docs
from kalm_data.engines.stand_in_server import StandInServer
from kalm_data.stages.mine import mine
from kalm_data.workspace.database import Database
from kalm_data.workspace.rankings import RankingStore
from kalm_data.workspace.runs import running
from kalm_data.workspace.tasks import read_tasks

if TYPE_CHECKING:
    from pathlib import Path

SEED = 0


def make_set(folder: Path, documents: int, per_doc: int) -> None:
    """Rows that a stand-in for a language model wrote for docstrings of Python's library."""
    file = folder / "documents.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for one in islice(read_python_docs(), documents):
            lines.write(json.dumps({"id": one.name, "title": one.name, "text": one.text}) + "\n")
    workspace = folder / "workspace"
    import_documents(
        workspace, [str(file)], NamedTask(task="docs"),
        ImportDocumentsConfig(as_split="train", language="en"),
    )  # fmt: skip
    with StandInServer() as server:
        synth(
            workspace, ["docs"],
            SynthConfig(engine="openai", model="stand-in", per_doc=per_doc, seed=SEED),
            ModelConfig(base_url=server.base_url),
        )  # fmt: skip
    _mine(Database(workspace), MineConfig(ranks="2-60", negatives=3))
    filter_positives(workspace, ["docs"], FilterConfig(top_k=documents // 2))
    build_shards(workspace, folder / "shards", ["docs"], ShardsConfig())


def _mine(database: Database, config: MineConfig) -> None:
    """By an encoder of words, whose vectors are stored as those of any other."""
    tasks = read_tasks(database)
    with running(database, "mine", "{}", resumable=True) as run:
        maker = Rankers(database, run, WordEncoder(1_000_000), config)
        mine(RankingStore(database), run, maker, tasks, config)


def read_world(workspace: Path) -> World:
    """Titles stand above texts where the encoder reads them."""
    with Database(workspace).read() as connection:
        rows = connection.execute(
            "SELECT d.text_hash, t.text, arg_min(d.title, d.doc_id) "
            "FROM current_documents d JOIN texts t USING (text_hash) GROUP BY ALL"
        ).fetchall()
        queries = connection.execute(
            "SELECT query_hash, text FROM examples JOIN texts ON text_hash = query_hash"
        ).fetchall()
        near = connection.execute('SELECT "first", "second" FROM near_duplicates').fetchall()
        places = connection.execute(
            'SELECT rendered_hash, encoder, segment, "row" FROM vectors'
        ).fetchall()
    files: dict[Path, np.ndarray] = {}
    stored = {}
    for rendered, encoder, segment, row in places:
        file = workspace / "vectors" / encoder / f"{segment}.npy"
        if file not in files:
            files[file] = np.load(file)
        stored[rendered] = files[file][row]
    read = {text_hash: f"{title}\n{text}" for text_hash, text, title in rows} | dict(queries)
    vectors = {text_hash: stored[sha256_of_parts("text", text)] for text_hash, text in read.items()}
    texts = {text_hash: text for text_hash, text, _ in rows}
    titles = {text_hash: title for text_hash, _, title in rows}
    return World(texts, titles, vectors, {frozenset(pair) for pair in near}, SEED)


def check(folder: Path, most: int) -> int:
    """Explain up to `most` random rows; returns how many rows the set has."""
    files = sorted((folder / "shards" / "docs").glob("part-*.parquet"))
    places = [(file, row) for file in files for row in range(pq.read_metadata(file).num_rows)]
    world = read_world(folder / "workspace")
    for file, row in random.Random(0).sample(places, min(most, len(places))):
        assert_true(explain(folder / "workspace", f"{file}:{row}"), world)
    return len(places)


def test_every_row_of_a_set_is_explained_truly(tmp_path: Path) -> None:
    make_set(tmp_path, documents=100, per_doc=4)
    assert check(tmp_path, most=200) >= 200


@pytest.mark.slow
def test_a_thousand_of_ten_thousand_rows_are_explained_truly(tmp_path: Path) -> None:
    make_set(tmp_path, documents=4000, per_doc=4)
    assert check(tmp_path, most=1000) >= 10_000
