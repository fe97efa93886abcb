from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shard_sets import shard_row, write_shards

from kalm_data.core.errors import InputError
from kalm_data.engines.readers.shard_rows import read_blocks, survey_rows

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    shard_row("q1", ["p"], ["n1", "n2"], pos_scores=[0.5], neg_scores=[0.25, 0.125]),
    shard_row("q2", ["p", "r"], [], pos_titles=["", "T"], instruction="Find.", language="en"),
    shard_row("q3", ["p"], ["n1", "n3"], neg_rankers=["bm25", "padding"], in_batch=False),
]


def part(folder: Path) -> Path:
    return write_shards(folder / "set", {"t": ROWS}) / "t/part-00000.parquet"


def test_rows_come_as_they_were_written_block_by_block(tmp_path: Path) -> None:
    assert [row for block in read_blocks(part(tmp_path)) for row in block] == ROWS


def test_blocks_are_bounded(tmp_path: Path) -> None:
    many = [shard_row(f"q{i}", ["p"]) for i in range(5000)]
    folder = write_shards(tmp_path / "set", {"t": many}, rows_per_shard=5000)
    sizes = [len(block) for block in read_blocks(folder / "t/part-00000.parquet")]
    assert (sum(sizes), max(sizes) <= 2048) == (5000, True)


def test_a_survey_tells_what_rows_have_in_common(tmp_path: Path) -> None:
    found = survey_rows([part(tmp_path)])
    assert (found.negatives, found.scored) == ({2: 2, 0: 1}, False)
    assert (found.titled, found.instructed, found.in_language) == (True, True, True)
    folder = write_shards(tmp_path / "other", {"t": ROWS[:1]})
    plain = survey_rows([folder / "t/part-00000.parquet"])
    assert (plain.scored, plain.titled, plain.instructed) == (True, False, False)


def test_a_set_without_scores_and_rankers_is_read(tmp_path: Path) -> None:
    file = part(tmp_path)
    table = pq.read_table(file, partitioning=None)
    pq.write_table(table.drop_columns(["pos_scores", "neg_scores", "neg_rankers"]), file)
    (rows,) = read_blocks(file)
    assert (rows[0].neg_scores, rows[0].neg_rankers) == ([None, None], ["", ""])
    assert not survey_rows([file]).scored


def test_lists_of_different_lengths_are_an_error_of_the_file(tmp_path: Path) -> None:
    file = part(tmp_path)
    table = pq.read_table(file, partitioning=None)
    titles = pa.array([["x", "y"]] * len(ROWS), pa.list_(pa.string()))
    place = table.schema.get_field_index("pos_titles")
    pq.write_table(table.set_column(place, "pos_titles", titles), file)
    with pytest.raises(InputError, match="lists of different lengths"):
        list(read_blocks(file))
    file.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not readable"):
        list(read_blocks(file))
