from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.contamination import ExcludedText, ExclusionIndex
from kalm_data.core.filtering import FilterRow
from kalm_data.core.mining import MiningExample
from kalm_data.measures.rules.exclusion import Exclude, Near

if TYPE_CHECKING:
    from collections.abc import Sequence

QUERY = ExcludedText("test.jsonl", 3, "query", "When is the next high tide?")
DOCUMENT = ExcludedText("test.jsonl", 3, "document", "Granite is hard.")
INDICES = {
    "query": ExclusionIndex([QUERY]),
    "document": ExclusionIndex([DOCUMENT]),
}


class Everything:
    """Finds one excluded text near whatever it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def find(self, kind: str, rows: Sequence[FilterRow]) -> list[Near | None]:
        self.asked += [f"{kind} {row.example.query}" for row in rows]
        return [Near(0.97, QUERY) if kind == "query" else None for _ in rows]


def row(query: str, text: str) -> FilterRow:
    return FilterRow("t", MiningExample(query, query, "", "", 0, ("d",), ()), "d", text, ())


def test_queries_and_documents_are_compared_apart_and_the_match_is_kept() -> None:
    rows = [row("when is the next HIGH tide", "x"), row("x", "granite is hard"), row("x", "tide"),
            row("Granite is hard.", "When is the next high tide?")]  # fmt: skip
    first, second, *rest = Exclude(INDICES).judge(rows, [True] * 4)
    assert (first.reason, second.reason) == ("contaminated_query", "contaminated_document")
    assert first.cause == "test.jsonl:3"
    assert first.numbers == {"criterion": "exact", "share": 1.0, "matched": QUERY.text}
    assert [verdict.reason for verdict in rest] == ["", ""]


def test_vectors_are_asked_only_about_what_words_do_not_tell() -> None:
    nearest = Everything()
    rows = [row("when is the next high tide", "x"), row("hours of flood", "y")]
    first, second = Exclude(INDICES, nearest).judge(rows, [True] * 2)
    assert (first.numbers["criterion"], second.numbers["criterion"]) == ("exact", "cosine")
    assert second.reason == "contaminated_query"
    assert "query hours of flood" in nearest.asked
    assert "query when is the next high tide" not in nearest.asked
