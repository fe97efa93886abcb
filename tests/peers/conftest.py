"""A shard set of words that a tiny model knows, and its exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from shard_sets import shard_row, write_shards

from kalm_data.api.export import ExportConfig, export

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.config.export import RowFormat

WORDS = ("river", "stone", "bread", "paper", "glass", "wind")
COUNT = 12


class Export(Protocol):
    def __call__(self, format_: RowFormat) -> Path: ...


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks, of 12 rows each with 3 negatives, one with instructions, titles and scores."""
    told = {
        "instruction": "Find it.", "language": "en", "pos_titles": ["Title"],
        "pos_scores": [0.75], "neg_scores": [0.5, 0.25, 0.125],
    }  # fmt: skip
    rows = {
        task: [
            shard_row(
                f"{WORDS[i % 6]} {task}{i}",
                [f"{WORDS[i % 6]} paper {i}"],
                [f"{WORDS[(i + n) % 6]} wind {n}{i}" for n in range(1, 4)],
                **given,
            )
            for i in range(COUNT)
        ]
        for task, given in {"plain": {}, "told": told}.items()
    }
    return write_shards(tmp_path_factory.mktemp("peers") / "set", rows, rows_per_shard=5)


@pytest.fixture
def exported(shards: Path, tmp_path: Path) -> Export:
    def write(format_: RowFormat) -> Path:
        out = tmp_path / format_
        export(tmp_path / "workspace", out, [], ExportConfig(format=format_, shards=shards))
        return out

    return write
