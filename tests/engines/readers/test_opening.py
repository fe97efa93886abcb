from __future__ import annotations

import gzip
import io
import json
import os
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from kalm_data.core.errors import InputError
from kalm_data.core.rows import BadRow, Raw, RawFile, RawRow
from kalm_data.engines.readers.opening import open_source

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.engines.readers.formats import Purpose

ROWS = [{"query": "why?", "pos": "because"}, {"query": "wo?", "pos": 'dört, "dort"\nund da'}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def fields(path: Path | str, purpose: Purpose = "pairs", **options: str) -> list[dict]:
    return [dict(row.fields) for row in read(path, purpose, **options)]


def read(path: Path | str, purpose: Purpose = "pairs", **options: str) -> list[Raw]:
    return list(open_source(str(path), purpose, options.get("format")).rows)


def write_csv(path: Path, delimiter: str) -> None:
    quoted = '"dört, ""dort""\nund da"'
    path.write_text(f"query{delimiter}pos\nwhy?{delimiter}because\nwo?{delimiter}{quoted}\n")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson", "a.data", "a"])
def test_json_lines_are_known_by_name_or_content(tmp_path: Path, name: str):
    (tmp_path / name).write_text(LINES)
    assert fields(tmp_path / name) == ROWS


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a"])
def test_a_json_array_is_known_by_its_bracket(tmp_path: Path, name: str):
    (tmp_path / name).write_text(json.dumps(ROWS, indent=2))
    assert fields(tmp_path / name) == ROWS


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl"])
def test_gzip_is_known_by_its_bytes(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(gzip.compress(LINES.encode()))
    assert fields(tmp_path / name) == ROWS


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_csv_finds_its_delimiter_and_keeps_quoted_newlines(
    tmp_path: Path, name: str, delimiter: str
):
    write_csv(tmp_path / name, delimiter)
    assert fields(tmp_path / name) == ROWS


@pytest.mark.parametrize("name", ["a.parquet", "a"])
def test_parquet_is_known_by_its_bytes(tmp_path: Path, name: str):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    assert fields(tmp_path / name) == ROWS


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    (tmp_path / "a.csv").write_text("query,pos\na,b\n", encoding="utf-8-sig")
    (tmp_path / "a.jsonl").write_text(LINES, encoding="utf-8-sig")
    assert fields(tmp_path / "a.csv") == [{"query": "a", "pos": "b"}]
    assert fields(tmp_path / "a.jsonl") == ROWS


@pytest.mark.parametrize("data", [LINES.encode(), gzip.compress(LINES.encode())])
def test_standard_input_may_be_compressed(monkeypatch: pytest.MonkeyPatch, data: bytes):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert fields("-") == ROWS


def test_rows_carry_file_and_line(tmp_path: Path):
    file = tmp_path / "a.jsonl"
    file.write_text("\n" + LINES)
    assert [(row.source, row.line) for row in read(file)] == [(str(file), 2), (str(file), 3)]
    write_csv(tmp_path / "a.csv", ",")
    (tmp_path / "a.csv").open("a").write("last,row\n")
    assert [row.line for row in read(tmp_path / "a.csv")] == [2, 3, 5]


def test_a_folder_of_data_is_read_file_by_file(tmp_path: Path):
    (tmp_path / "README.md").write_text("# About the data")
    (tmp_path / "part-1.jsonl").write_text(LINES)
    (tmp_path / "part-2.jsonl").write_text(LINES)
    assert fields(tmp_path) == fields(tmp_path, "documents") == ROWS + ROWS


def test_a_folder_of_texts_is_read_in_order_of_path_and_tells_what_it_leaves(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("sub/b.md", "a.txt", "c.rst", ".git/d.txt", "logo.png"):
        (tmp_path / name).write_text("text\r\nmore")
    source = open_source(str(tmp_path), "documents")
    rows = [row for row in source.rows if isinstance(row, RawFile)]
    assert [row.path for row in rows] == ["a.txt", "c.rst", "sub/b.md"]
    assert [row.markdown for row in rows] == [False, False, True]
    assert rows[0].text == "text\nmore"
    assert source.notes == (f"{tmp_path}: 1 file of another kind was left aside (.png 1)",)


def test_files_of_rows_among_texts_are_told_with_what_reads_them(tmp_path: Path):
    for name in ("a.md", "b.jsonl", "c.jsonl", "d.csv"):
        (tmp_path / name).write_text('{"text": "one"}')
    (note,) = open_source(str(tmp_path), "documents").notes
    assert note == (
        f"{tmp_path}: 3 files of other kinds were left aside (.jsonl 2, .csv 1). "
        "`kalm-data import documents` with --format jsonl reads those of this format"
    )
    (note,) = open_source(str(tmp_path), "documents", "jsonl").notes
    assert "import" not in note


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_beir_folder_gives_documents_and_judged_queries(tmp_path: Path, suffix: str):
    def write(name: str, text: str) -> None:
        data = gzip.compress(text.encode()) if suffix else text.encode()
        (tmp_path / (name + suffix)).write_bytes(data)

    (tmp_path / "qrels").mkdir()
    write("corpus.jsonl", '{"_id": "d1", "title": "T", "text": "text"}\n')
    write("queries.jsonl", '{"_id": "q1", "text": "why?"}\n{"_id": "q2", "text": "unused"}\n')
    write("qrels/dev.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\nq9\td1\t1\n")
    assert fields(tmp_path, "documents") == [{"_id": "d1", "title": "T", "text": "text"}]
    positive, negative, unknown = read(tmp_path)
    assert positive.fields == {"query": "why?", "pos_id": ["d1"]}
    assert negative.fields == {"query": "why?", "neg_id": ["d2"]}
    assert positive.split == "dev"
    assert unknown.error.reason == "unknown_query"


def test_a_saved_data_set_names_the_split_of_its_rows(tmp_path: Path):
    Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "one"))
    parts = {"train": Dataset.from_list(ROWS), "validation": Dataset.from_list(ROWS[:1])}
    DatasetDict(parts).save_to_disk(str(tmp_path / "two"))
    assert fields(tmp_path / "one") == ROWS
    assert [(row.split, row.line) for row in read(tmp_path / "two")] == [
        ("train", 1),
        ("train", 2),
        ("validation", 1),
    ]


def test_a_data_set_is_loaded_by_name_and_split(tmp_path: Path):
    (tmp_path / "train.jsonl").write_text(LINES)
    (tmp_path / "test.jsonl").write_text(json.dumps(ROWS[0]))
    assert {row.split for row in read(f"hf:{tmp_path}")} == {"train", "test"}
    assert fields(f"hf:{tmp_path}:test") == ROWS[:1]
    assert fields(f"hf:{tmp_path}:train[:1]") == ROWS[:1]
    with pytest.raises(InputError, match="cannot be loaded"):
        open_source(f"hf:{tmp_path}:nosuch:train", "pairs")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"query": ', "invalid_json"),
        (b"[1, 2]", "not_an_object"),
        (b'{"query": "\xff"}', "invalid_utf8"),
        (b"[" * 100_000, "invalid_json"),
    ],
)
def test_a_bad_line_is_a_value_and_the_next_line_is_read(tmp_path: Path, line: bytes, reason: str):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"query": "a"}\n' + line + b'\n{"query": "b\x00"}\n')
    first, bad, last = read(file)
    assert isinstance(bad, BadRow)
    assert bad.error.reason == reason
    assert str(bad.error).startswith(f"{file}:2: ")
    assert (first.fields["query"], last.fields["query"]) == ("a", "b\x00")


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b"a,b,c", "ragged_row"), (b"a", "ragged_row"), (b"\xff,b", "invalid_utf8"),
     (b'"a"x,b', "invalid_csv")],
)  # fmt: skip
def test_a_bad_line_of_a_table_is_a_value(tmp_path: Path, line: bytes, reason: str):
    file = tmp_path / "a.csv"
    file.write_bytes(b"query,pos\n" + line + b"\nlast,row\n")
    bad, last = read(file)
    assert isinstance(bad, BadRow)
    assert (bad.error.reason, bad.line) == (reason, 2)
    assert isinstance(last, RawRow)


def test_a_quote_that_never_closes_is_said(tmp_path: Path):
    (tmp_path / "a.csv").write_text('query,pos\na,"b\nc,d\n')
    (bad,) = read(tmp_path / "a.csv")
    assert str(bad.error).startswith(f"{tmp_path / 'a.csv'}:2: quotes do not match")


def test_unreadable_files_of_a_folder_are_values(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"latin \xe9")
    (tmp_path / "b.txt").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "c.txt").write_text("")
    (tmp_path / "d.txt").write_text("good")
    (tmp_path / "e.txt").symlink_to("nowhere")
    *bad, good = read(tmp_path, "documents")
    reasons = [row.error.reason for row in bad]
    assert reasons == ["invalid_utf8", "unreadable_file", "empty_text"]
    assert isinstance(good, RawFile)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "empty"),
        ("a.jsonl.gz", gzip.compress(b""), "empty"),
        ("a.jsonl.gz", gzip.compress(LINES.encode())[:-9], "gzip data are damaged"),
        ("a.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "binary file"),
        ("a.csv", "query,pos\na,b\n".encode("utf-16"), "UTF-16"),
        ("a.zip", b"PK\x03\x04....", "zip archive"),
        ("a.parquet", b"no parquet", "no readable Parquet"),
        ("a.parquet", b"PAR1 cut off", "no readable Parquet"),
        ("a.json", b"[{", "no valid JSON"),
        ("a.json", b'["a", {', "no valid JSON"),
        ("a.csv", b"a,a\n1,2\n", 'column "a" comes twice'),
        ("a.txt", b"a text", "Pass --format"),
        ("a.xyz", b"a text", "Pass --format"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(tmp_path: Path, name: str, content: bytes, said: str):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_missing_files_and_wrong_folders_are_said(tmp_path: Path):
    for name, options in (("none.jsonl", {}), (".", {}), (".", {"format": "csv"})):
        with pytest.raises(InputError, match=r"no such file|holds no"):
            read(tmp_path / name, **options)
    (tmp_path / "a.jsonl").write_text(LINES)
    with pytest.raises(InputError, match="--format beir is a folder"):
        read(tmp_path / "a.jsonl", format="beir")


def test_a_data_set_folder_that_is_damaged_is_said(tmp_path: Path):
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(InputError, match="no readable data set"):
        read(tmp_path)


def test_the_fingerprint_is_that_of_the_bytes(tmp_path: Path):
    (tmp_path / "a.jsonl").write_text(LINES)
    before = open_source(str(tmp_path / "a.jsonl"), "pairs").fingerprint
    (tmp_path / "b.jsonl").write_text(LINES)
    assert open_source(str(tmp_path / "b.jsonl"), "pairs").fingerprint == before
    (tmp_path / "a.jsonl").write_text(LINES + LINES)
    assert open_source(str(tmp_path / "a.jsonl"), "pairs").fingerprint != before


@pytest.mark.parametrize(("name", "purpose"), [("pipe", "pairs"), ("pipe.jsonl", "documents")])
def test_a_pipe_is_read_once_and_whole(tmp_path: Path, name: str, purpose: Purpose):
    pipe = tmp_path / name
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(LINES,))
    writer.start()
    source = open_source(str(pipe), purpose)
    writer.join()
    assert [dict(row.fields) for row in source.rows] == ROWS


def test_a_pipe_without_a_known_format_is_said(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("query;pos\n",))
    writer.start()
    with pytest.raises(InputError, match="Pass --format jsonl, csv, tsv or parquet"):
        list(open_source(str(pipe), "documents").rows)
    writer.join()


def test_names_that_are_no_utf8_are_shown_and_stored_escaped(tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    file = folder / os.fsdecode(b"caf\xe9.md")
    file.write_text("# A title\n\nand some words")
    (row,) = read(folder, "documents")
    assert isinstance(row, RawFile)
    assert row.path == "caf\\udce9.md" and row.source.endswith(row.path)
    (alone,) = read(file, "documents")
    assert (alone.path, alone.source) == (row.path, row.source)
