from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group

from kalm_data.cli.app import run
from kalm_data.cli.rejects import reject_lines
from kalm_data.core.records import Reject

if TYPE_CHECKING:
    import pytest

    from kalm_data.workspace.database import Database

SOURCE = "/a/long/path/to/the/questions/of/people.jsonl"


def shown(reject: Reject) -> str:
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(Group(*reject_lines([reject])))
    return out.getvalue()


def test_run_and_reason_are_whole_at_80_columns() -> None:
    numbers = '{"problem": "a long sentence that tells what was wrong with the row"}'
    text = shown(
        Reject(
            "0012-build-shards", "build-shards", "positive_held_out", "k", numbers, SOURCE, 7, "q"
        )
    )
    assert "0012-build-shards" in text and "positive_held_out" in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_of_nothing_one_line_is_told(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["rejects", "-w", str(database.folder)]) == 0
    assert run(["rejects", "-w", str(database.folder), "--stage", "filter"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "rejects: nothing was turned away",
        "rejects: nothing was turned away with this --stage",
    ]


def test_the_key_stands_where_there_is_no_text() -> None:
    assert "d17" in shown(Reject("0001-import", "import", "empty_text", "d17", "{}", "a", 1, " "))


def test_numbers_are_words_and_the_key_that_restores_is_whole_in_its_line() -> None:
    key = f"{'a' * 32}:{'b' * 32}"
    numbers = '{"k": 5, "pool_size": 126, "rank": 7}'
    dropped = Reject("0003-filter", "filter", "rank", key, numbers, SOURCE, 7, "a query")
    lines = [line.strip() for line in shown(dropped).splitlines()]
    assert lines[1:] == [
        "0003-filter rank: a query", f"{SOURCE}:7", "k 5, pool_size 126, rank 7", f"key {key}",
    ]  # fmt: skip


def test_no_key_is_shown_of_what_no_decision_of_filter_keeps_out() -> None:
    key = f"{'a' * 32}:{'b' * 32}"
    assert key not in shown(Reject("0004-mine", "mine", "few", key, "{}", "a", 1, "a query"))
