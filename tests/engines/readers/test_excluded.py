from __future__ import annotations

import gzip
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from kalm_data.core.contamination import ExcludedText
from kalm_data.core.errors import InputError
from kalm_data.engines.readers.excluded import read_excluded

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"query": "why?", "positive": "because"}, {"query": "how?", "positive": "so"}]
TEXTS = [("query", "why?"), ("document", "because"), ("query", "how?"), ("document", "so")]


def texts(*paths: Path | str) -> list[tuple[str, str]]:
    return [(text.kind, text.text) for text in read_excluded([str(path) for path in paths])]


def write(file: Path, *rows: dict[str, object]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def write_beir(folder: Path, suffix: str = "", split: str = "test") -> Path:
    documents = [{"_id": f"d{i}", "title": "T", "text": f"text {i}"} for i in (1, 2, 3)]
    queries = [{"_id": "q1", "text": "why?"}, {"_id": "q2", "text": "of no split"}]
    lines = "query-id\tcorpus-id\tscore\nq1\td2\t1\nq1\td3\t0\nq1\td1\t2\n"
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", *documents)
    write(folder / "queries.jsonl", *queries)
    (folder / f"qrels/{split}.tsv").write_text(lines)
    for path in [path for path in folder.rglob("*.*") if suffix]:
        path.with_name(path.name + suffix).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return folder


def test_json_lines_csv_tsv_and_parquet_hold_the_same_texts(tmp_path: Path):
    write(tmp_path / "a.jsonl", *ROWS)
    (tmp_path / "a.csv").write_text("query,positive\nwhy?,because\nhow?,so\n")
    (tmp_path / "a.tsv").write_text("query\tpositive\nwhy?\tbecause\nhow?\tso\n")
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.csv", "a.tsv", "a.parquet"):
        assert texts(tmp_path / name) == TEXTS
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    assert texts(tmp_path / "b.jsonl.gz") == TEXTS


@pytest.mark.parametrize(
    "row",
    [
        {"question": "why?", "context": "because"},
        {"anchor": "why?", "pos": ["because"], "neg": ["no"]},
        {"query": "why?", "positive_1": "because", "negative_1": "no"},
        {"query": "why?", "passage": "because", "label": 3},
        {"query": " why?\n", "text": "because"},
        {"query": "Instruct: Answer. \n Query: why?", "document": "because"},
    ],
)
def test_columns_are_found_by_their_usual_names(tmp_path: Path, row: dict[str, object]):
    assert texts(write(tmp_path / "a.jsonl", row)) == TEXTS[:2]


def test_all_columns_of_documents_are_read(tmp_path: Path):
    file = write(tmp_path / "a.jsonl", {"query": "why?", "answer": "so", "context": "it is so"})
    assert texts(file) == [("query", "why?"), ("document", "so"), ("document", "it is so")]


@pytest.mark.parametrize("row", [{"text": "a", "label": 1}, {"sentence1": "a", "sentence2": "a"}])
def test_what_no_column_calls_query_or_document_is_both(tmp_path: Path, row: dict[str, object]):
    assert texts(write(tmp_path / "a.jsonl", row)) == [("query", "a"), ("document", "a")]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a"])
def test_a_text_file_holds_one_query_a_line(tmp_path: Path, name: str):
    content = "﻿why?\r\n\n  how? \nwhy?\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    source = str(tmp_path / name)
    why, how = ExcludedText(source, 1, "query", "why?"), ExcludedText(source, 3, "query", "how?")
    assert read_excluded([source]) == [why, how]


def test_standard_input_may_hold_rows_or_lines(monkeypatch: pytest.MonkeyPatch):
    for content in (b'{"query": "why?"}', b"why?\n"):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
        assert texts("-") == [("query", "why?")]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_beir_folder_gives_what_its_qrels_name_and_call_relevant(tmp_path: Path, suffix: str):
    found = texts(write_beir(tmp_path, suffix))
    assert found == [("query", "why?"), ("document", "text 1"), ("document", "text 2")]


def test_rows_of_training_are_left_out(tmp_path: Path):
    rows = [ROWS[0] | {"split": "test"}, ROWS[1] | {"split": "Train"}]
    assert texts(write(tmp_path / "a.jsonl", *rows)) == TEXTS[:2]
    parts = {"train": Dataset.from_list(ROWS[1:]), "test": Dataset.from_list(ROWS[:1])}
    DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    assert texts(tmp_path / "set") == TEXTS[:2]
    with pytest.raises(InputError, match="nothing but training rows"):
        texts(write_beir(tmp_path / "beir", split="train"))


def test_a_folder_of_test_sets_is_read_file_by_file(tmp_path: Path):
    (tmp_path / "README.md").write_text("# About")
    write(tmp_path / "a.jsonl", ROWS[0])
    write(tmp_path / "b.jsonl", {"question": "how?", "answer": "so"})
    assert texts(tmp_path) == TEXTS


def test_test_sets_keep_their_order_and_each_its_own_copy(tmp_path: Path):
    one, two = write(tmp_path / "1.jsonl", *ROWS), write(tmp_path / "2.jsonl", *ROWS, *ROWS)
    found = read_excluded([str(two), str(one)])
    assert [(text.source, text.line) for text in found[::2]] == [
        (str(two), 1), (str(two), 2), (str(one), 1), (str(one), 2)
    ]  # fmt: skip


def test_empty_texts_are_passed_over_and_lone_surrogates_become_writable(tmp_path: Path):
    rows = ({"query": None, "positive": " "}, {"query": "\udc80 a", "positive": ["", None]})
    assert texts(write(tmp_path / "a.jsonl", *rows)) == [("query", "? a")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"query": "a"}\n{"query": 3}\n', 'a.jsonl:2: "query" holds 3, which is no text'),
        ('{"query": "a"}\n{"query": ', "a.jsonl:2: no valid JSON"),
        ('{"id": "a", "url": "b"}\n', r"a.jsonl: no column .* \(columns: id, url\). Rename"),
        ("{}\n", r"a.jsonl: no column .* \(columns: none\)"),
        ('{"query": " "}\n', "a.jsonl: nothing but .* Name a file of test queries"),
        ("\n\n", "a.jsonl: nothing but"),
        ("", "a.jsonl: the file is empty"),
    ],
)
def test_a_bad_file_is_one_line_that_names_place_and_remedy(
    tmp_path: Path, content: str, message: str
):
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        texts(tmp_path / "a.jsonl")


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.txt: no such file"):
        texts("nowhere.txt")
