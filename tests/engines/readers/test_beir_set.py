from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.records import text_hash
from kalm_data.engines.readers.beir_set import read_beir_set

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = {
    "d1": "A river runs through the old town.",
    "d2": "a river runs  through the OLD town.",
    "d3": "Bread is baked before sunrise.",
}
QRELS = ["q1\td1\t1", "q1\td3\t0", "q2\td3\t2", "q2\tlost\t1"]


def write_set(folder: Path, qrels: list[str] = QRELS, split: str = "test") -> Path:
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": key, "title": "", "text": text} for key, text in DOCUMENTS.items()]
    rows.append({"_id": "d4", "title": "", "text": ""})
    queries = [{"_id": f"q{i}", "text": f"question {i}"} for i in (1, 2, 3)]
    for name, lines in (("corpus", rows), ("queries", queries)):
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    head = "query-id\tcorpus-id\tscore"
    (folder / "qrels" / f"{split}.tsv").write_text("\n".join([head, *qrels, ""]))
    return folder


def test_a_folder_is_read_without_a_workspace(tmp_path: Path) -> None:
    told: list[str] = []
    found = read_beir_set(write_set(tmp_path / "far"), "far", told.append)
    positives = {query.query: query.positives for query in found.queries}
    assert positives == {
        "question 1": (text_hash(DOCUMENTS["d1"]),),
        "question 2": (text_hash(DOCUMENTS["d3"]),),
    }
    assert [query.example_id for query in found.queries] == sorted(
        query.example_id for query in found.queries
    )
    assert {document.text for document in found.pool.documents()} == set(DOCUMENTS.values())
    assert told == ["far: rows that were turned away: empty_text 1"]


def test_copies_of_an_answer_are_known(tmp_path: Path) -> None:
    pool = read_beir_set(write_set(tmp_path / "far"), "far", print).pool
    [place] = pool.alike[text_hash(DOCUMENTS["d1"])]
    assert [*pool.documents()][place].text == DOCUMENTS["d2"]


def test_other_splits_are_not_read(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "far", split="dev")
    with pytest.raises(InputError, match=r"qrels/test.tsv judges no query"):
        read_beir_set(folder, "far", print)
