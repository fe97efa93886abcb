import json

import pytest

from kalm_data.core.chunks import Budget
from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.document_rows import DocumentRow, read_documents
from kalm_data.core.errors import InputError
from kalm_data.core.records import text_hash
from kalm_data.core.rows import BadRow, Raw, RawFile, RawRow


class Words:
    def count(self, text: str) -> int:
        return len(text.split())


BUDGET = Budget(Words(), 16)


def read(*rows: Raw, **settings: str) -> list[DocumentRow | BadRow]:
    return list(read_documents(rows, ImportDocumentsConfig(**settings), BUDGET))


def row(line: int = 1, **fields: object) -> RawRow:
    return RawRow("a.jsonl", line, fields)


def test_the_usual_columns_are_known_and_the_others_are_metadata():
    (document,) = read(
        row(_id=7, title="T", text=" text ", lang="de", license="MIT", date="2020", b=[1], a=None)
    )
    assert (document.doc_id, document.title, document.text.text) == ("7", "T", "text")
    assert (document.language, document.licence, document.date) == ("de", "MIT", "2020")
    assert json.loads(document.metadata) == {"a": None, "b": [1]}


def test_a_document_without_an_id_is_named_by_its_text():
    (document,) = read(row(text="text"))
    assert document.doc_id == text_hash("text")


def test_named_columns_and_defaults():
    (document,) = read(
        row(head="a", body="b", key="k", whole="w"),
        text="{head}: {body}", id="key", parent="whole", language="en", licence="MIT",
    )  # fmt: skip
    assert (document.text.text, document.doc_id, document.parent) == ("a: b", "k", "w")
    assert (document.language, document.licence) == ("en", "MIT")
    assert document.metadata == "{}"


def test_a_file_is_cut_into_numbered_parts_of_one_parent():
    text = "# Guide\n" + "one two three four five six seven eight nine ten.\n\n" * 2
    first, second = read(RawFile("docs/a.md", "a.md", text, True), language="en")
    assert (first.doc_id, second.doc_id) == ("a.md#0", "a.md#1")
    assert (second.parent, second.position, second.source) == ("a.md", 1, "docs/a.md")
    assert (first.title, first.headings, first.language) == ("Guide", (), "en")


@pytest.mark.parametrize(("text", "reason"), [("", "empty_text"), ("---", "no_words")])
def test_a_file_without_words_is_turned_away(text: str, reason: str):
    (bad,) = read(RawFile("a.md", "a.md", text, True))
    assert bad.error.reason == reason
    assert str(bad.error).startswith("a.md: ")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": ""}, "empty_text"),
        ({"other": ""}, "missing_column"),
        ({"text": "!"}, "no_words"),
        ({"text": "x\udc00"}, "lone_surrogate"),
        ({"text": "x", "title": "\ud800"}, "lone_surrogate"),
        ({"text": 3.5}, "not_text"),
        ({"text": "x", "split": "other"}, "unknown_split"),
    ],
)
def test_a_bad_row_is_named_by_one_word_file_and_line(fields: dict, reason: str):
    _, bad = read(row(_id="0", text="good", title="", split=""), row(2, _id="bad", **fields))
    assert (bad.error.reason, bad.key) == (reason, "bad")
    assert str(bad.error).startswith("a.jsonl:2: ")


def test_a_nul_and_a_text_of_megabytes_are_fine():
    first, second = read(row(text="a\x00b"), row(2, text="word " * 1_000_000))
    assert first.text.text == "a\x00b"
    assert len(second.text.text) == 4_999_999


def test_a_missing_column_is_an_error_of_the_file():
    with pytest.raises(InputError, match=r"a.jsonl: no column for --text \(columns: a, b\)"):
        read(row(a=1, b=2))
    with pytest.raises(InputError, match='no column "x" for --title'):
        read(row(text="t"), title="x")
