from __future__ import annotations

from io import StringIO

from rich.console import Console

from kalm_data.cli.rejects import rejects_table
from kalm_data.core.records import Reject

SOURCE = "/a/long/path/to/the/questions/of/people.jsonl"


def shown(reject: Reject) -> str:
    out = StringIO()
    Console(file=out, width=80, color_system=None).print(rejects_table([reject]))
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


def test_the_key_stands_where_there_is_no_text() -> None:
    assert "d17" in shown(Reject("0001-import", "import", "empty_text", "d17", "{}", "a", 1, " "))
