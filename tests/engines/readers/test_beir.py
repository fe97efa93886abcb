from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.rows import RawRow
from kalm_data.engines.readers.beir import read_judged_queries

if TYPE_CHECKING:
    from pathlib import Path

QUERY = {"_id": "q1", "text": "why?"}


@pytest.mark.parametrize(
    "more",
    [
        {"instruction": "Find it.", "language": "en"},
        {"metadata": {"instruction": "Find it."}, "language": "en"},
    ],
)
def test_a_query_keeps_its_instruction_and_language(tmp_path: Path, more: dict) -> None:
    (row,) = read(tmp_path, QUERY | more)
    assert row.fields == {
        "query": "why?", "instruction": "Find it.", "language": "en", "pos_id": ["d1"],
    }  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"metadata": {}}, {"metadata": {"instruction": 7}}])
def test_a_query_without_them_has_neither(tmp_path: Path, more: dict) -> None:
    (row,) = read(tmp_path, QUERY | more)
    assert row.fields == {"query": "why?", "pos_id": ["d1"]}


def read(folder: Path, query: dict) -> list[RawRow]:
    (folder / "qrels").mkdir()
    (folder / "queries.jsonl").write_text(json.dumps(query))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return [row for row in read_judged_queries(folder) if isinstance(row, RawRow)]
