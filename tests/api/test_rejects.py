from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mined_world import document, example, fill, hash_of, text

from kalm_data.api.rejects import RejectsConfig, export_rejects, rejects
from kalm_data.core.errors import InputError
from kalm_data.core.records import Reject, example_id
from kalm_data.workspace.database import Database
from kalm_data.workspace.runs import running


def test_rejects_are_listed_by_reason_the_latest_run_first(database: Database) -> None:
    for reason in ("empty_text", "no_words"):
        with running(database, "import", "{}") as run:
            run.plan(2)
            rows = [
                Reject(run.run_id, "import", reason, str(line), "{}", "corpus.jsonl", line, "text")
                for line in (9, 3)
            ]
            run.reject(rows)
    found = rejects(database.folder, RejectsConfig())
    assert [(one.reason, one.line) for one in found.rejects] == [
        ("no_words", 3), ("no_words", 9), ("empty_text", 3), ("empty_text", 9),
    ]  # fmt: skip
    only = rejects(database.folder, RejectsConfig(reason="empty_text", limit=1))
    assert [(one.run_id, one.line) for one in only.rejects] == [("0001-import", 3)]
    assert only.total == 2 and found.total == 4
    assert [(one.run_id, one.reason, one.count) for one in found.counts] == [
        ("0002-import", "no_words", 2), ("0001-import", "empty_text", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "tsv", "parquet"])
def test_all_rejects_are_exported_as_the_name_of_the_file_tells(
    database: Database, tmp_path: Path, suffix: str
) -> None:
    told = 'a "quoted", text\nof two lines\tand a tab'
    with running(database, "import", "{}") as run:
        run.plan(50)
        run.reject(
            [
                Reject(run.run_id, "import", "no_words", f"k{i}", '{"n": 1}', "c.csv", i, told)
                for i in range(50)
            ]
        )
    file = tmp_path / "out" / f"rejects.{suffix}"
    assert export_rejects(database.folder, RejectsConfig(), file) == 50
    read = _read(file)
    assert [(row["key"], int(row["line"]), row["text"]) for row in read] == [
        (f"k{i}", i, told) for i in range(50)
    ]
    assert export_rejects(database.folder, RejectsConfig(limit=3), file) == 3
    assert len(_read(file)) == 3 and [one.name for one in file.parent.iterdir()] == [file.name]


def _read(file: Path) -> list[dict[str, str | int]]:
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    with file.open(newline="", encoding="utf-8") as stream:
        return [*csv.DictReader(stream, delimiter="," if file.suffix == ".csv" else "\t")]


def test_a_name_that_tells_no_format_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"its name tells no format. Write \.jsonl"):
        export_rejects(database.folder, RejectsConfig(), tmp_path / "rejects.xlsx")


def test_an_unknown_run_is_refused_with_those_that_are_there(database: Database) -> None:
    for _ in range(2):
        with running(database, "import", "{}"):
            pass
    with pytest.raises(InputError, match=r"^no run nope; runs: 0002-import, 0001-import$"):
        rejects(database.folder, RejectsConfig(run="nope"))


def test_what_was_turned_away_without_its_text_is_shown_by_the_query_or_the_document(
    database: Database,
) -> None:
    fill(database, [document(1), example("which stone?", [1])])
    with running(database, "train", "{}") as run:
        run.plan(3)
        run.reject([
            Reject(run.run_id, "train", "max_steps", example_id("t", "which stone?"), "{}", "", 0,
                   ""),
            Reject(run.run_id, "train", "max_steps", "unknown", "{}", "", 0, ""),
            Reject(run.run_id, "synth", "no_sentence", "t:1:k", "{}", hash_of(1), 0, ""),
        ])  # fmt: skip
    found = rejects(database.folder, RejectsConfig()).rejects
    assert [one.text for one in found] == [text(1), "which stone?", ""]
