from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, get_args

import pyarrow.parquet as pq
import pytest
from shard_sets import shard_row, write_shards

from kalm_data.core.config.export import ExportConfig, RowFormat
from kalm_data.core.errors import InputError
from kalm_data.core.exports.manifest import EXPORT
from kalm_data.core.manifest import describe_file, read_manifest, write_manifest
from kalm_data.engines.row_files import ShardRowFiles
from kalm_data.stages.export import export_rows
from kalm_data.workspace.runs import running
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.exports.result import ExportResult
    from kalm_data.core.summary import RunSummary
    from kalm_data.workspace.database import Database

ROWS = {
    "a": [
        shard_row("q1", ["p1"], ["n1", "n2"], pos_titles=["T"], neg_titles=["", "N"]),
        shard_row("q2", ["p2", "p3"], ["n1"]),
        shard_row("q3", ["p1"]),
        shard_row("q4", ["p4"], ["n1", "n3"], instruction="Find it."),
    ],
    "b": [shard_row("q5", ["p5"], ["n4", "n5"], in_batch=False)],
}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    return write_shards(tmp_path / "shards", ROWS, rows_per_shard=3)


def export(
    database: Database, shards: Path, out: Path, *tasks: str, **settings: object
) -> tuple[ExportResult, RunSummary]:
    config = ExportConfig.model_validate({"shards": shards, **settings})
    with running(database, "export", "{}") as run:
        result = export_rows(ShardRowFiles(count_rows), run, shards, tasks, out, config)
    return result, run.summary("ok")


def lines(out: Path, pattern: str) -> list[dict[str, Any]]:
    found = []
    for file in sorted(out.glob(pattern)):
        if file.suffix == ".parquet":
            found += pq.read_table(file, partitioning=None).to_pylist()
        else:
            found += [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
    return found


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize(
    ("format_", "kept", "rejected", "written"),
    [
        ("pairs", 5, {}, 6),
        ("triplet", 4, {"no_negative": 1}, 2 + 2 + 2 + 2),
        ("n-tuple", 3, {"no_negative": 1, "too_few_negatives": 1}, 3),
        ("labeled-pair", 5, {}, 3 + 3 + 1 + 3 + 3),
        ("labeled-list", 5, {}, 5),
        ("flagembedding", 5, {}, 5),
        ("kalm", 4, {"no_negative": 1}, 4),
    ],
)
def test_every_row_is_written_or_refused_by_a_word(
    database: Database, shards: Path, tmp_path: Path, format_: RowFormat, kept: int,
    rejected: dict[str, int], written: int,
) -> None:  # fmt: skip
    result, summary = export(database, shards, tmp_path / "out", format=format_)
    assert (summary.planned, summary.kept, summary.rejected) == (5, kept, rejected)
    assert (result.rows, result.lines) == (kept, written)
    assert len(lines(tmp_path / "out", "**/part-*") or lines(tmp_path / "out", "**/*.jsonl")) == (
        written
    )
    manifest = json.loads((tmp_path / "out" / EXPORT).read_text())
    for file in (file for task in manifest["tasks"] for file in task["files"]):
        content = (tmp_path / "out" / file["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert (manifest["rows"], manifest["lines"]) == (kept, written)


def test_the_same_set_gives_the_same_bytes(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    for format_ in get_args(RowFormat):
        made = [tmp_path / format_ / name for name in ("one", "two")]
        fingerprints = {export(database, shards, out, format=format_)[0].fingerprint
                        for out in made}  # fmt: skip
        assert digests(made[0]) == digests(made[1])
        assert len(fingerprints) == 1


def test_prompts_are_in_all_tasks_or_in_none(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(database, shards, out, format="flagembedding")
    assert {line["prompt"] for line in lines(out, "**/*.jsonl")} == {"", "Find it."}
    export(database, shards, out, "b", format="flagembedding")
    assert [list(line) for line in lines(out, "**/*.jsonl")] == [["query", "pos", "neg"]]
    assert not (out / "a.jsonl").exists()


def test_lines_of_one_file_have_the_same_keys(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    export(database, shards, tmp_path / "out", format="kalm")
    assert {tuple(line) for line in lines(tmp_path / "out", "data/a/*")} == {
        ("query", "pos", "neg", "pos_titles", "neg_titles")
    }


def test_titles_are_written_above_the_texts_where_asked(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    _, summary = export(database, shards, tmp_path / "out", format="triplet", titles=True)
    found = lines(tmp_path / "out", "a/*")
    assert found[0]["positive"] == "T\np1"
    assert [line["negative"] for line in found[:2]] == ["n1", "N\nn2"]
    assert not any("titles" in line for line in summary.warnings)


def test_what_is_lost_is_told_with_counts(database: Database, shards: Path, tmp_path: Path) -> None:
    result, summary = export(database, shards, tmp_path / "out", format="n-tuple", negatives=1)
    assert result.not_carried == {
        "titles": 1, "instructions": 1, "in_batch": 1, "several_positives": 1,
        "surplus_negatives": 3,
    }  # fmt: skip
    assert sum("n-tuple: " in line for line in summary.warnings) == 5


def test_a_rejected_row_is_kept_with_its_query(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    export(database, shards, tmp_path / "out", format="triplet")
    with database.read() as connection:
        found = connection.execute("SELECT stage, reason, text FROM rejects").fetchall()
    assert found == [("export", "no_negative", "q3")]


def test_a_set_that_is_not_whole_is_refused_and_nothing_is_left(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    with (shards / "a/part-00000.parquet").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(InputError, match="bytes, not the"):
        export(database, shards, tmp_path / "out", format="pairs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shards", "workspace"]


@pytest.mark.parametrize(
    ("tasks", "settings", "said"),
    [
        (("c",), {"format": "pairs"}, "no task c in the set. It holds a, b"),
        (("b",), {"format": "n-tuple", "negatives": 9}, "no row is left to write: too_few_neg"),
    ],
)
def test_what_cannot_be_written_is_an_error(
    database: Database, shards: Path, tmp_path: Path, tasks: tuple[str, ...],
    settings: dict[str, object], said: str,
) -> None:  # fmt: skip
    with pytest.raises(InputError, match=said):
        export(database, shards, tmp_path / "out", *tasks, **settings)


def test_an_older_export_is_replaced_and_nothing_else(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(database, shards, out, format="pairs")
    export(database, shards, out, format="kalm")
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "data", EXPORT]
    for place in (shards, shards / "a", tmp_path, tmp_path / "workspace"):
        with pytest.raises(InputError):
            export(database, shards, place, format="pairs")


def test_files_that_the_manifest_does_not_list_are_no_rows(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    (shards / "a/part-00009.parquet").write_bytes((shards / "b/part-00000.parquet").read_bytes())
    with pytest.raises(InputError, match="not listed"):
        export(database, shards, tmp_path / "out", format="pairs")


def test_rows_of_dev_stay_in_the_set_and_are_told(
    database: Database, shards: Path, tmp_path: Path
) -> None:
    (shards / "b/dev-00000.parquet").write_bytes((shards / "b/part-00000.parquet").read_bytes())
    manifest = read_manifest(shards)
    a, b = manifest.tasks
    dev = (describe_file(shards, "b/dev-00000.parquet", 1),)
    held = manifest.model_copy(update={"tasks": (a, b.model_copy(update={"dev": dev}))})
    write_manifest(shards, held)
    result, summary = export(database, shards, tmp_path / "out", format="pairs")
    assert (summary.planned, result.not_carried["dev_rows"]) == (5, 1)


def test_a_task_of_the_name_of_a_file_of_ours_is_refused(
    database: Database, tmp_path: Path
) -> None:
    shards = write_shards(tmp_path / "set", {"README.md": [shard_row("q", ["p"])]})
    with pytest.raises(InputError, match=r"task README\.md: an export has a file of that name"):
        export(database, shards, tmp_path / "out", format="pairs")
