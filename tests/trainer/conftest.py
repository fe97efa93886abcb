"""A tiny random model and small shard sets, both made by the tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_encoder import save_encoder

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.manifest import (
    SCHEMA_VERSION,
    Manifest,
    ShardFile,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.records import example_id, text_hash
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.trained import Fitted

WORDS = (
    "red", "green", "blue", "fish", "bird", "tree", "house", "river", "stone", "cloud", "cat",
    "dog", "sun", "moon", "star", "boat",
)  # fmt: skip
_LISTS = [f"{kind}{part}" for kind in ("pos", "neg") for part in ("", "_titles", "_ids", "_groups")]
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("query", "task", "language", "instruction", "example_id")]
    + [(name, pa.list_(pa.string())) for name in _LISTS]
    + [(name, pa.list_(pa.float64())) for name in ("pos_scores", "neg_scores")]
    + [("in_batch", pa.bool_())]
)

ShardRow = dict[str, Any]


class MakeRow(Protocol):
    def __call__(self, query: str, pos: list[str], neg: list[str], **given: object) -> ShardRow: ...


class WriteSet(Protocol):
    def __call__(
        self, rows: list[ShardRow], dev: Sequence[ShardRow] = (), **definition: object
    ) -> Path: ...


class Train(Protocol):
    def __call__(self, shards: Path, output: Path, **settings: object) -> Fitted: ...


class Watched:
    """Remembers what the trainer tells."""

    def __init__(self) -> None:
        self.left_out: dict[str, list[str]] = {}
        self.steps: list[tuple[int, int]] = []
        self.warnings: list[str] = []

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        self.left_out.setdefault(reason, []).extend(example_ids)

    def step(self, done: int, steps: int, loss: float) -> None:
        self.steps.append((done, steps))

    def warn(self, line: str) -> None:
        self.warnings.append(line)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A tiny model is slower on two threads, and far slower where they are contended."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("tiny"), [*WORDS, "query", "title"])


@pytest.fixture(scope="session")
def make_row() -> MakeRow:
    """A row of a shard; what is not given follows from the texts."""

    def make(query: str, pos: list[str], neg: list[str], **given: object) -> ShardRow:
        row: ShardRow = {
            "query": query, "pos": pos, "neg": neg,
            "pos_titles": [""] * len(pos), "neg_titles": [""] * len(neg),
            "pos_ids": [text_hash(text) for text in pos],
            "neg_ids": [text_hash(text) for text in neg],
            "pos_groups": [text_hash(text) for text in pos],
            "neg_groups": [text_hash(text) for text in neg],
            "pos_scores": [None] * len(pos), "neg_scores": [None] * len(neg),
            "task": "t", "language": "", "instruction": "", "in_batch": True,
        }  # fmt: skip
        row |= given
        return row | {"example_id": example_id(row["task"], query)}

    return make


@pytest.fixture
def write_set(tmp_path: Path) -> WriteSet:
    """Write rows, and dev rows, as a shard set with a true manifest."""

    def part(folder: Path, path: str, rows: list[ShardRow]) -> ShardFile:
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / path)
        return describe_file(folder, path, len(rows))

    def write(rows: list[ShardRow], dev: Sequence[ShardRow] = (), **definition: object) -> Path:
        folder = tmp_path / "set"
        tasks = []
        for name in sorted({row["task"] for row in rows}):
            (folder / name).mkdir(parents=True)
            mine = [row for row in rows if row["task"] == name]
            held = [row for row in dev if row["task"] == name]
            tasks.append(
                ShardTask(
                    task=Task.model_validate({"name": name, **definition}),
                    rows=len(mine),
                    ranker="",
                    sources={},
                    files=(part(folder, f"{name}/part-00000.parquet", mine),),
                    dev=(part(folder, f"{name}/dev-00000.parquet", held),) if held else (),
                )
            )
        write_manifest(
            folder,
            Manifest(
                schema_version=SCHEMA_VERSION,
                seed=0,
                rows=len(rows),
                tasks=tuple(tasks),
                versions={},
            ),
        )
        return folder

    return write


@pytest.fixture
def toy_rows(make_row: MakeRow) -> list[ShardRow]:
    """Twenty examples of word pairs, each with two negatives."""
    pairs = [(WORDS[i % 16], WORDS[(i * 5 + i // 16) % 16]) for i in range(20)]
    return [
        make_row(
            f"{one} {i}", [f"{one} {other} {i}"], [f"{other} stone {i}", f"moon {other} boat {i}"]
        )
        for i, (one, other) in enumerate(pairs)
    ]


@pytest.fixture
def train(tiny_model: Path) -> Train:
    """Train the tiny model on a set; settings differ from small defaults where given."""
    from kalm_data.core.manifest import read_manifest
    from kalm_data.trainer.base_model import Base, Models
    from kalm_data.trainer.fit import fit

    def run(shards: Path, output: Path, **settings: object) -> Fitted:
        model = settings.pop("model", tiny_model)
        watcher = settings.pop("watcher", Watched())
        given = {"batch_size": 8, "lr": 1e-3, "epochs": 2, "model": str(model), **settings}
        config = TrainConfig.model_validate(given)
        base = Base(Path(str(model)), "", "", str(model))
        return fit(Models(base), shards, read_manifest(shards), output, config, watcher)

    return run
