from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.api.mine import MineConfig, mine
from kalm_data.core.errors import InputError
from kalm_data.workspace.database import Database
from kalm_data.workspace.vectors import VectorStore

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = {
    "when is the water high in the harbour": "Tide tables tell the hours of high and low water.",
    "which rock is hard enough for a kerb": "Granite is quarried for kerbs and worktops.",
    "how long does bread dough rise": "A dough of wheat rises for an hour in a warm kitchen.",
    "what do bees do in winter": "Bees cluster in the hive and live on their honey.",
}


@pytest.fixture
def workspace(tmp_path: Path, minilm: str) -> Path:
    lines = [json.dumps({"query": query, "positive": text}) for query, text in PAIRS.items()]
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    folder = tmp_path / "w"
    import_pairs(
        folder, [str(tmp_path / "pairs.jsonl")], NamedTask(task="t"),
        ImportPairsConfig(as_split="train"),
    )  # fmt: skip
    mine(folder, ["t"], MineConfig(ranker=("bm25", f"dense:{minilm}"), ranks="1-4"))
    return folder


def exclude(workspace: Path, lines: list[dict[str, str]], **settings: object) -> list[tuple]:
    """Queries and numbers of what test rows keep out."""
    file = workspace.parent / "test.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    config = FilterConfig(exclude=(str(file),), **settings)
    filter_positives(workspace, ["t"], config)
    with Database(workspace).read() as connection:
        return connection.execute(
            "SELECT text, reason, numbers FROM rejects WHERE stage = 'filter' ORDER BY text"
        ).fetchall()


def test_test_queries_and_documents_are_kept_out_with_what_they_match(workspace: Path) -> None:
    rows = [
        {"query": "What do bees do in WINTER?", "positive": "They sleep."},
        {"query": "kerbs", "positive": "Granite is quarried for kerbs and worktops"},
    ]
    first, second = exclude(workspace, rows)
    assert first[:2] == ("what do bees do in winter", "contaminated_query")
    assert second[1] == "contaminated_document"
    numbers = json.loads(first[2])
    assert numbers["matched"] == "What do bees do in WINTER?" and numbers["criterion"] == "exact"
    assert numbers["cause"].endswith("test.jsonl:1")


def test_vectors_find_what_words_do_not_and_encode_the_test_texts_alone(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    written = VectorStore._encode

    def count(self: VectorStore, run: object, encoder: object, missing: dict, folder: Path):
        encoded.append(len(missing))
        return written(self, run, encoder, missing, folder)

    monkeypatch.setattr(VectorStore, "_encode", count)
    ((query, _, numbers),) = exclude(
        workspace, [{"query": "hours for which dough made for bread rises"}], exclude_cosine=0.75
    )
    assert query == "how long does bread dough rise"
    assert json.loads(numbers)["criterion"] == "cosine"
    assert encoded == [1]


def test_vectors_are_refused_where_nobody_made_them(workspace: Path, tmp_path: Path) -> None:
    with Database(workspace).write() as connection:
        connection.execute("DELETE FROM rankings WHERE ranker LIKE 'dense%'")
    with pytest.raises(InputError, match="run `kalm-data mine --ranker dense:MODEL` first"):
        exclude(workspace, [{"query": "a b c d"}], exclude_cosine=0.9)
