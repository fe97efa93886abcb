from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.tasks import Task
from kalm_data.core.templates import render_document, resolve_templates
from kalm_data.measures.negatives import Drawn, Negative
from kalm_data.measures.row_block import rows_of
from kalm_data.measures.shard_rows import TaskRows
from kalm_data.workspace.shards import ShardStore, count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.workspace.database import Database

MANY = 20_000
TASK = Task(name="t")


@pytest.fixture
def many(database: Database) -> list[Drawn]:
    """Examples `e0`, … with the positive `e0+1`, …, in a workspace without rankings."""
    with database.write() as connection:
        connection.execute(
            f"INSERT INTO texts SELECT 'e' || i, 'n' || i, repeat('text ' || i || ' ', 9) "
            f"FROM range({MANY + 1}) r(i)"
        )
        connection.execute(
            "INSERT INTO examples SELECT 'e' || i, 't', 'e' || i, '', 'en', 'train', 'import', "
            f"'', '', 0, 'r' FROM range({MANY}) r(i) ORDER BY hash(i)"
        )
        connection.execute(
            "INSERT INTO judgements SELECT 'e' || i, 'e' || i + 1, 'positive', 'import', 'r', '', "
            f"'', 0, 0, 0, false FROM range({MANY}) r(i)"
        )
    return [
        Drawn(
            f"e{i}",
            (f"e{i + 1}",),
            (
                Negative(f"e{(i * 7) % MANY}", 9, 0.5, "dense:m@1", 0.9, 0.5),
                Negative("e0", 0, 0.1, "dense:m@1", 0.9, given=True),
            ),
        )
        for i in range(MANY)
    ]


def write(
    database: Database,
    folder: Path,
    drawn: Sequence[Drawn],
    documents: Sequence[PoolDocument] = (),
    threads: int | None = None,
) -> Path:
    """All rows in one file."""
    pool = make_pool(documents, [], "")
    rows = TaskRows(TASK, "dense:m@1", "basis", pool, {"e0": "g"})
    file = folder / "part-00000.parquet"
    with ShardStore(database, threads).staged(0, "1GB") as staged:
        staged.add(rows, "train", rows_of(drawn))
        staged.finish(rows)
        staged.choose("t", "train", len(drawn), len(drawn))
        with staged.numbered(TASK, "train") as numbered:
            numbered.write(file, 0, len(numbered))
    return file


def test_bytes_do_not_depend_on_threads_nor_on_the_order_of_the_draw(
    database: Database, many: list[Drawn], tmp_path: Path
):
    found = set()
    for threads, drawn in ((1, many), (2, many), (4, many[::-1])):
        file = write(database, tmp_path, drawn, threads=threads)
        assert count_rows(file) == MANY
        found.add(file.read_bytes())
    assert len(found) == 1
    assert pq.ParquetFile(file).num_row_groups == 3


def test_lists_are_in_the_order_of_the_draw_and_unmeasured_scores_are_null(
    database: Database, many: list[Drawn], tmp_path: Path
):
    row = pq.read_table(write(database, tmp_path, many)).slice(77, 1).to_pylist()[0]
    number = int(row["example_id"][1:])
    assert row["neg_ids"] == [f"e{number * 7 % MANY}", "e0"]
    assert row["neg_scores"] == [0.5, None] and row["neg_ranks"] == [9, 0]
    assert row["neg_rankers"] == ["dense:m@1", "given"]
    assert row["neg_groups"][1] == "g" and row["pos_groups"] == row["pos_ids"] == [f"e{number + 1}"]


@pytest.mark.parametrize(
    ("title", "headings"), [("", ()), ("A", ()), ("A", ("B", "C")), ("", ("B",))]
)
def test_a_title_in_a_shard_renders_as_title_and_headings_do(
    database: Database, many: list[Drawn], tmp_path: Path, title: str, headings: tuple[str, ...]
):
    document = PoolDocument("e1", "text", title, headings, "", "train", frozenset())
    file = write(database, tmp_path, [Drawn("e0", ("e1",), ())], [document])
    (joined,) = pq.read_table(file)["pos_titles"].to_pylist()[0]
    templates = resolve_templates(TASK)
    rendered = render_document(templates, "text", title, headings)
    assert render_document(templates, "text", joined) == rendered


def test_a_quote_in_the_name_of_the_folder_is_no_harm(
    database: Database, many: list[Drawn], tmp_path: Path
):
    folder = tmp_path / "it's {here}"
    folder.mkdir()
    assert count_rows(write(database, folder, many)) == MANY


def test_parts_have_at_most_so_many_rows_and_bytes_of_text(database: Database, many: list[Drawn]):
    rows = TaskRows(TASK, "", "", make_pool([], [], ""), {})
    with ShardStore(database).staged(0, "1GB") as staged:
        staged.add(rows, "train", rows_of(many[:100]))
        staged.finish(rows)
        staged.choose("t", "train", 100, 100)
        with staged.numbered(TASK, "train") as numbered:
            assert numbered.borders(30, None) == [0, 30, 60, 90, 100]
            assert numbered.borders(30, 10**9) == [0, 30, 60, 90, 100]
            assert numbered.borders(30, 1) == [*range(101)]
            sizes = numbered.sizes()
            borders = numbered.borders(100, 1000)
    assert len(sizes) == 100 and borders[0] == 0 and borders[-1] == 100
    for first, last in pairwise(borders):
        assert sizes[first:last].sum() <= 1000
        assert last == 100 or sizes[first : last + 1].sum() > 1000


def test_a_memory_limit_that_is_too_small_is_said(database: Database, many: list[Drawn]):
    rows = TaskRows(TASK, "", "", make_pool([], [], ""), {})
    with (
        pytest.raises(InputError, match="Give more than --memory-limit 1MB"),
        ShardStore(database).staged(0, "1MB") as staged,
    ):
        staged.add(rows, "train", rows_of(many))


def test_counting_rows_of_what_is_no_parquet_names_the_file(tmp_path: Path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(InputError, match=r"x\.parquet: not readable as Parquet"):
        count_rows(tmp_path / "x.parquet")
