from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_sets import add_pairs, cut_row_groups

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import read_manifest
from kalm_data.core.records import example_id
from kalm_data.core.verification import verify_set
from kalm_data.trainer.columns import Kind
from kalm_data.trainer.parts import Part
from kalm_data.trainer.rows import ScoredRow, TrainingRows, name_hashes, read_rows
from kalm_data.workspace.shards import count_rows
from tests.trainer.conftest import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import MakeRow, WriteSet

WRONG = {
    "query": (None, 'column "query" has empty values'),
    "task": ("u", "a row names another task"),
    "example_id": ("x", "an example_id is not 32 hex digits"),
    "neg_titles": ([], 'columns "neg" and "neg_titles" differ in length'),
}


@pytest.mark.parametrize("column", list(WRONG))
def test_rows_that_no_training_can_use_are_one_line(
    write_set: WriteSet, make_row: MakeRow, column: str
):
    value, said = WRONG[column]
    folder = write_set([make_row("red", ["fish"], ["bird"])])
    row = make_row("red", ["fish"], ["bird"]) | {column: value}
    (file,) = folder.glob("*/*.parquet")
    pq.write_table(pa.Table.from_pylist([row], SCHEMA), file)
    with pytest.raises(InputError, match=f"part-00000.parquet: not a shard of task t: {said}"):
        read_rows(folder, read_manifest(folder))


def test_a_row_without_a_positive_is_refused(write_set: WriteSet, make_row: MakeRow):
    folder = write_set([make_row("red", [], ["bird"])])
    with pytest.raises(InputError, match="a row has no positive"):
        read_rows(folder, read_manifest(folder))


def test_a_file_without_the_columns_is_refused_though_its_bytes_are_those_of_the_manifest(
    write_set: WriteSet, make_row: MakeRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = write_set([make_row("red", ["fish"], ["bird"])])
    assert verify_set(folder, count_rows).rows == 1
    monkeypatch.setattr("tests.trainer.conftest.SCHEMA", SCHEMA.remove(0))
    (tmp_path / "set").rename(tmp_path / "whole")
    folder = write_set([make_row("red", ["fish"], ["bird"])])
    with pytest.raises(InputError, match='column "query" is missing, not VARCHAR'):
        verify_set(folder, count_rows)
    with pytest.raises(InputError, match="not a shard of task t"):
        read_rows(folder, read_manifest(folder))


@pytest.fixture
def mixed_set(write_set: WriteSet, make_row: MakeRow) -> Path:
    """Three tasks of 20 rows in row groups of 4; every fifth row of "alone" teaches nothing."""
    rows = [
        make_row(f"{task} {n}", [f"p {task} {n}"] * (1 + n % 2), ["bird"] * (n % 5), task=task,
                 language="de" if n % 3 else "en", in_batch=task != "alone")
        for task in ("alone", "one", "two") for n in range(20)
    ]  # fmt: skip
    folder = write_set(rows)
    cut_row_groups(folder, 4)
    return folder


def test_rows_are_the_same_however_few_row_groups_fit_into_memory(mixed_set: Path):
    manifest = read_manifest(mixed_set)
    whole, tight = (read_rows(mixed_set, manifest, memory) for memory in (float("inf"), 1.0))
    places = [55, 0, 17, 17, 30, 8]
    assert tight.rows(places) == whole.rows(places)
    assert [row.query for row in whole.rows([0, 15, 16, 55])] == (
        ["alone 1", "alone 19", "one 0", "two 19"]
    )
    assert len(whole.kept) == 15 and len(tight.kept) == 1
    assert tight.kept.most == max(tight.columns.sizes)


def ids_of(rows: TrainingRows, end: int) -> list[str]:
    return [id_ for block in rows.id_blocks(np.arange(end)) for id_ in block]


def test_ids_come_by_the_row_group_and_no_text_is_read_for_them(
    mixed_set: Path, make_row: MakeRow, monkeypatch: pytest.MonkeyPatch
):
    rows = read_rows(mixed_set, read_manifest(mixed_set), 1.0)
    places = np.array([0, 2, 3, 30, 55])
    queries = [(row.task, row.query) for row in rows.rows(places)]
    named = [make_row(query, ["p"], [], task=task)["example_id"] for task, query in queries]
    monkeypatch.delattr(Part, "read")
    blocks = list(rows.id_blocks(places))
    assert [len(block) for block in blocks] == [2, 1, 1, 1]
    assert [id_ for block in blocks for id_ in block] == named


def test_columns_tell_keys_positives_and_what_a_row_may_share_a_batch_with(mixed_set: Path):
    rows = read_rows(mixed_set, read_manifest(mixed_set), texts=True)
    columns = rows.columns
    read = rows.rows(range(len(rows)))
    assert columns.keys.tolist() == [int(id_[:16], 16) for id_ in ids_of(rows, len(rows))]
    assert columns.counts.tolist() == [len(row.pos) for row in read]
    assert len(columns) == rows.examples == 56 == columns.firsts[-1]
    kinds = {"alone": Kind.ALONE, "one": Kind.SHARED, "two": Kind.SHARED}
    assert [(columns.names[number].task, columns.names[number].kind) for number in columns.strata]\
        == [(row.task, kinds[row.task]) for row in read]  # fmt: skip
    assert len(columns.names) == 6 and {name.language for name in columns.names} == {"de", "en"}
    texts = [text for row in read for text in row.pos_ids]
    assert columns.texts.tolist() == columns.groups.tolist()  # every text is a group here
    assert len(set(columns.texts.tolist())) == len(set(texts)) == 56
    pairs = set(zip(columns.texts.tolist(), texts, strict=True))
    assert len(pairs) == 56


def test_examples_with_nothing_to_teach_are_told_and_have_no_number(mixed_set: Path):
    rows = read_rows(mixed_set, read_manifest(mixed_set))
    assert rows.lonely == tuple(example_id("alone", f"alone {n}") for n in (0, 5, 10, 15))


@settings(deadline=None)
@given(st.lists(st.text(max_size=12)), st.integers(0, 3))
def test_equal_names_have_equal_hashes_wherever_they_stand(names: list[str], offset: int):
    one = name_hashes(pa.chunked_array([pa.array(names, pa.string())]))
    cut = [
        pa.array(names[:offset], pa.string()),
        pa.array(["x", *names], pa.string())[offset + 1 :],
    ]
    assert name_hashes(pa.chunked_array(cut)).tolist() == one.tolist()
    assert len(set(one.tolist())) == len(set(names))


def test_scored_pairs_are_numbered_after_the_rows_and_told_as_the_file_has_them(
    write_set: WriteSet, make_row: MakeRow
):
    folder = write_set([make_row("red", ["fish"], ["bird"])], instruction="Alike?", symmetric=True)
    add_pairs(folder, "t", [(f"a {n}", f"b {n}", n / 10) for n in range(6)])
    assert len(read_rows(folder, read_manifest(folder))) == 1
    rows = read_rows(folder, read_manifest(folder), scored=True)
    assert len(rows) == 7 and rows.examples == 1
    assert rows.pairs([6, 1]) == [
        ScoredRow("t", "a 5", "b 5", 0.5, "Alike?", symmetric=True),
        ScoredRow("t", "a 0", "b 0", 0.0, "Alike?", symmetric=True),
    ]
    assert len(set(rows.columns.keys.tolist())) == 7


@pytest.mark.parametrize(
    ("score", "said"), [(None, 'column "score" has empty'), (float("nan"), "a score is no number")]
)
def test_pairs_without_a_score_are_one_line(
    write_set: WriteSet, make_row: MakeRow, score: float | None, said: str
):
    folder = write_set([make_row("red", ["fish"], ["bird"])])
    add_pairs(folder, "t", [("a", "b", 0.5), ("a", "c", score)])
    with pytest.raises(InputError, match=f"scored-00000.parquet: not a shard of task t: {said}"):
        read_rows(folder, read_manifest(folder), scored=True)
