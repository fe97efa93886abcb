from __future__ import annotations

from dataclasses import asdict, astuple, fields
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from kalm_data.core.record_columns import Coded, RecordColumns
from kalm_data.core.records import Decision, Head, HitList, Judgement, Record, Reject, Text
from kalm_data.workspace.schema import TABLES
from kalm_data.workspace.segments import Segments

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database


_EXPRESSIONS = ("CASE", "least(", "greatest(")


def test_every_record_has_a_table_and_every_key_is_of_its_columns() -> None:
    assert set(TABLES) == set(get_args(Record))
    for record, table in TABLES.items():
        assert list(table.columns) == [field.name for field in fields(record)]
        assert all(part in table.columns or part.startswith(_EXPRESSIONS) for part in table.key)


def test_rows_come_back_as_they_were(database: Database, tmp_path: Path) -> None:
    hits = HitList(
        "e", "r", "p", "x", np.array([2**64 - 1, 0], np.uint64), np.array([0.5, -0.1]), "run"
    )
    _merge(database, tmp_path, [Text.of("NUL \x00 and \u202b right-to-left"), hits])
    with database.read() as connection:
        assert connection.execute("SELECT text FROM texts").fetchall() == [
            ("NUL \x00 and \u202b right-to-left",)
        ]
        assert connection.execute("SELECT keys, scores FROM hits").fetchall() == [
            ([2**64 - 1, 0], [0.5, -0.1])
        ]


def test_merging_twice_adds_nothing(database: Database, tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    segments.append([Text.of("a"), Text.of("a")])
    segments.append([Text.of("a"), Text.of("b")])
    for _ in range(2):  # a kill between merge and removal
        with database.write() as connection:
            merged = segments.merge(connection)
    segments.forget(merged)
    assert segments.pending() == []
    assert _count(database, "texts") == 2


def test_merging_rows_of_a_run_twice_adds_nothing(database: Database, tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    for run in ("0001-mine", "0002-mine"):
        segments.append([
            Judgement("e", "t", "negative", "miner", run),
            Judgement("e", "t", "positive", "import", run),
            Decision(run, "task", "top-k", "e", "t", "keep", "", "{}", ""),
            Reject(run, "mine", "shortage", "e", "{}", "", 0, ""),
        ])  # fmt: skip
    for _ in range(2):  # a kill between merge and removal
        with database.write() as connection:
            segments.merge(connection)
    assert _count(database, "judgements") == 3
    assert (_count(database, "decisions"), _count(database, "rejects")) == (2, 2)


def test_a_document_is_mined_anew_by_every_draw_but_imported_once(
    database: Database, tmp_path: Path
) -> None:
    def judged(origin: str, run_id: str) -> Judgement:
        return Judgement("e", "t", "negative", origin, run_id)  # type: ignore[arg-type]

    rows = [judged(o, r) for o in ("import", "miner") for r in ("0001-a", "0002-b")]
    _merge(database, tmp_path, rows)
    assert _count(database, "judgements WHERE origin = 'import'") == 1
    assert _count(database, "judgements WHERE origin = 'miner'") == 2


def test_a_half_written_segment_is_ignored(database: Database, tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    segments.append([Text.of("whole")])
    (tmp_path / "segment-00000002.partial").mkdir()
    assert len(Segments(tmp_path).pending()) == 1


def test_held_rows_come_with_the_next_merge_and_once(database: Database, tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    numbers = np.array([1, 0, 1], np.int64)
    differing = {"example_id": Coded(["a", "b"], numbers), "text_hash": ["x", "y", "x"]}
    row = Judgement("", "", "negative", "miner", "0001-mine", rank=1, score=0.5)
    same = {name: value for name, value in asdict(row).items() if name not in differing}
    segments.append([Judgement("b", "x", "positive", "import", "0001-mine")])
    segments.hold(RecordColumns(Judgement, 3, differing, same))
    for _ in range(2):
        with database.write() as connection:
            merged = segments.merge(connection)
        segments.forget(merged)
    assert _rows(database, "example_id, text_hash, label") == [
        ("b", "x", "positive"), ("b", "x", "negative"), ("a", "y", "negative"),
    ]  # fmt: skip


def test_held_rows_outlast_a_merge_that_is_interrupted(database: Database, tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    segments.hold(RecordColumns.of(Text.of("held")))
    with pytest.raises(KeyboardInterrupt), database.write() as connection:
        segments.merge(connection)
        raise KeyboardInterrupt
    assert _count(database, "texts") == 0
    with database.write() as connection:
        segments.merge(connection)
    assert _count(database, "texts") == 1


def test_one_row_by_column_is_the_row(database: Database, tmp_path: Path) -> None:
    head = Head("draw", "t", "negatives", 3, "{}", "basis", "0003-mine")
    segments = Segments(tmp_path)
    segments.hold(RecordColumns.of(head))
    with database.write() as connection:
        segments.merge(connection)
        assert connection.execute("SELECT * FROM heads").fetchall() == [astuple(head)]


def _rows(database: Database, columns: str) -> list[tuple[str, ...]]:
    with database.read() as connection:
        return connection.execute(f"SELECT {columns} FROM judgements ORDER BY rowid").fetchall()


def _merge(database: Database, folder: Path, rows: list[Record]) -> None:
    segments = Segments(folder)
    segments.append(rows)
    with database.write() as connection:
        segments.merge(connection)


def _count(database: Database, source: str) -> int:
    with database.read() as connection:
        return int(connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])
