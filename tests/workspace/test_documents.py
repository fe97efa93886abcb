from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.records import Document, NearDuplicate, Text
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from kalm_data.core.records import Record
    from kalm_data.workspace.database import Database

ONE, TWO, QUERY = Text.of("one"), Text.of("two"), Text.of("query")


def document(doc_id: str, text: Text, **changes: object) -> Document:
    made = Document(
        "c", doc_id, 1, text.text_hash, "T", ("A", "B"), "", 0, "", "", "", "f", "{}", "train",
        False, "r",
    )  # fmt: skip
    return replace(made, **changes)


def stored(database: Database, *rows: Record) -> DocumentStore:
    with running(database, "import", "{}") as run:
        run.append(rows)
    return DocumentStore(database)


def test_documents_come_back_as_they_were_in_their_latest_revision(database: Database):
    first, gone = document("a", ONE), document("b", TWO, retired=True)
    second = replace(first, revision=2, text_hash=TWO.text_hash)
    store = stored(database, second, first, gone, document("x", ONE, collection="other"))
    assert store.latest_documents(["c"]) == [second, gone]


def test_texts_of_retired_documents_keep_their_most_protected_split(database: Database):
    old = document("a", ONE, split="test")
    gone = replace(old, revision=2, retired=True)
    store = stored(database, ONE, TWO, QUERY, old, gone, document("b", ONE), document("c", TWO))
    known = store.known_texts()
    assert {text.text for text in known.texts} == {"one", "two"}
    assert known.splits == {ONE.text_hash: "test", TWO.text_hash: "train"}


def test_texts_are_tied_by_nearness_parent_and_revision(database: Database):
    names = [Text.of(f"text {i}") for i in range(6)]
    near = NearDuplicate(*sorted(text.text_hash for text in names[:2]), 0.9)
    parts = [document(f"p{i}", names[i], parent="whole") for i in (2, 3)]
    revisions = [document("a", names[4]), document("a", names[5], revision=2)]
    edges = stored(database, near, *parts, *revisions).known_texts().edges
    pairs = [names[0:2], names[2:4], names[4:6]]
    assert sorted(edges) == sorted(tuple(sorted(t.text_hash for t in pair)) for pair in pairs)


def test_an_unknown_task_is_none(database: Database):
    assert DocumentStore(database).task("faq") is None
