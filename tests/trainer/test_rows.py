from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import read_manifest
from kalm_data.core.verification import verify_set
from kalm_data.trainer.rows import read_rows
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
