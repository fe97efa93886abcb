from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.tasks import Task
from kalm_data.core.templates import render_document, resolve_templates
from kalm_data.measures.negatives import Drawn, Negative
from kalm_data.measures.shard_rows import TaskRows
from kalm_data.workspace.shards import ShardStore, count_rows

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database

MANY = 20_000
TASK = Task(name="t")


@pytest.fixture
def many(database: Database) -> TaskRows:
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
    drawn = [
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
    return TaskRows(TASK, "dense:m@1", "basis", drawn, make_pool([], [], ""), {"e0": "g"})


def test_bytes_do_not_depend_on_threads_nor_on_the_order_of_the_draw(
    database: Database, many: TaskRows, tmp_path: Path
):
    turned = TaskRows(TASK, many.ranker, many.basis, many.drawn[::-1], many.pool, many.groups)
    found = set()
    for threads, rows in ((1, many), (2, many), (4, turned)):
        ((name, count),) = ShardStore(database, threads).write_rows(tmp_path, rows, 0, MANY)
        assert count == MANY == count_rows(tmp_path / name)
        found.add((tmp_path / name).read_bytes())
    assert len(found) == 1
    assert pq.ParquetFile(tmp_path / name).num_row_groups == 3


def test_lists_are_in_the_order_of_the_draw_and_unmeasured_scores_are_null(
    database: Database, many: TaskRows, tmp_path: Path
):
    ShardStore(database).write_rows(tmp_path, many, 0, MANY)
    row = pq.read_table(tmp_path / "part-00000.parquet").slice(77, 1).to_pylist()[0]
    number = int(row["example_id"][1:])
    assert row["neg_ids"] == [f"e{number * 7 % MANY}", "e0"]
    assert row["neg_scores"] == [0.5, None] and row["neg_ranks"] == [9, 0]
    assert row["neg_rankers"] == ["dense:m@1", "given"]
    assert row["neg_groups"][1] == "g" and row["pos_groups"] == row["pos_ids"] == [f"e{number + 1}"]


@pytest.mark.parametrize(
    ("title", "headings"), [("", ()), ("A", ()), ("A", ("B", "C")), ("", ("B",))]
)
def test_a_title_in_a_shard_renders_as_title_and_headings_do(
    database: Database, many: TaskRows, tmp_path: Path, title: str, headings: tuple[str, ...]
):
    document = PoolDocument("e1", "text", title, headings, "", "train", frozenset())
    one = TaskRows(TASK, "", "", [Drawn("e0", ("e1",), ())], make_pool([document], [], ""), {})
    ShardStore(database).write_rows(tmp_path, one, 0, 1)
    (joined,) = pq.read_table(tmp_path / "part-00000.parquet")["pos_titles"].to_pylist()[0]
    templates = resolve_templates(TASK)
    rendered = render_document(templates, "text", title, headings)
    assert render_document(templates, "text", joined) == rendered


def test_a_quote_in_the_name_of_the_folder_is_no_harm(
    database: Database, many: TaskRows, tmp_path: Path
):
    folder = tmp_path / "it's {here}"
    folder.mkdir()
    ShardStore(database).write_rows(folder, many, 0, MANY)
    assert count_rows(folder / "part-00000.parquet") == MANY


def test_counting_rows_of_what_is_no_parquet_names_the_file(tmp_path: Path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(InputError, match=r"x\.parquet: not readable as Parquet"):
        count_rows(tmp_path / "x.parquet")
