from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.records import (
    Document,
    Example,
    Generation,
    Judgement,
    LabelledText,
    Text,
    example_id,
)
from kalm_data.core.synthesis import AnsweredQuery, Past, Reply
from kalm_data.core.tasks import Task
from kalm_data.workspace.generations import GenerationStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from kalm_data.core.records import Record, Split
    from kalm_data.workspace.database import Database

TASK = Task(name="docs", collections=("a", "b"))


def document(
    collection: str, doc_id: str, text: str, split: Split = "train", **more: object
) -> list[Record]:
    values = {
        "collection": collection, "doc_id": doc_id, "revision": 1, "title": f"title {doc_id}",
        "headings": (), "parent": "", "position": 0, "date": "", "language": "en", "licence": "",
        "source": "", "metadata": "{}", "split": split, "retired": False, "run_id": "r",
        "text_hash": Text.of(text).text_hash, **more,
    }  # fmt: skip
    return [Text.of(text), Document(**values)]  # type: ignore[arg-type]


def query(text: str, answered_by: str, split: Split = "train", task: str = "docs") -> list[Record]:
    identity = example_id(task, text)
    return [
        Text.of(text),
        Example(identity, task, Text.of(text).text_hash, "", "", split, "import", "", "", 0, "r"),
        Judgement(identity, Text.of(answered_by).text_hash, "positive", "import", "r"),
    ]  # fmt: skip


def generation(key: str, attempt: int, failure: str, task: str = "docs") -> Generation:
    return Generation(key, attempt, task, "e-1", "title", "", "", "", "", "", 0, "h", 0, "plan",
                      f"say {key}", 1, 2, 0.5, "stop", failure, "r")  # fmt: skip


def store(database: Database, *rows: list[Record]) -> GenerationStore:
    with running(database, "import", "{}") as run:
        run.append([row for group in rows for row in group])
    return GenerationStore(database)


def hashes(*texts: str) -> list[str]:
    return sorted(Text.of(text).text_hash for text in texts)


def test_sources_are_the_distinct_current_texts_of_the_pool_sorted(database: Database):
    found = store(
        database,
        document("a", "1", "old one"),
        document("a", "1", "new one", revision=2),
        document("b", "2", "new one"),
        document("b", "3", "gone"),
        document("b", "3", "gone", revision=2, retired=True),
        document("c", "4", "of another pool"),
    )
    assert found.sources(TASK, "train") == hashes("new one")


def test_a_text_that_any_collection_protects_is_no_source_for_training(database: Database):
    found = store(
        database,
        document("a", "1", "plain"),
        document("a", "2", "mixed"),
        document("c", "3", "mixed", "test"),
        document("a", "4", "checked", "dev"),
    )
    assert found.sources(TASK, "train") == hashes("plain")
    assert found.sources(TASK, "dev") == hashes("checked")
    assert found.sources(TASK, "test") == hashes("mixed")


def test_a_document_has_the_title_of_its_first_occurrence_in_the_pool(database: Database):
    found = store(
        database,
        document("b", "1", "body", title="of b"),
        document("a", "9", "body", title="of a", language="de"),
        document("0", "0", "body", title="of another pool"),
    ).documents(TASK, hashes("body", "absent"))
    (only,) = found.values()
    assert (only.title, only.text, only.language) == ("of a", "body", "de")


def test_the_journal_gives_the_latest_attempt_for_whatever_task_it_was(database: Database):
    rows = [
        generation("k1", 0, "length"),
        generation("k1", 1, ""),
        generation("k2", 0, "server"),
        generation("k3", 0, "", task="other"),
    ]
    found = store(database, rows).journal(["k1", "k2", "k3", "k4"])
    assert {key: (one.attempt, one.reply.failure) for key, one in found.items()} == {
        "k1": (1, ""),
        "k2": (0, "server"),
        "k3": (0, ""),
    }
    assert found["k1"].reply == Reply("k1", "say k1", "", "stop", 1, 2, 0.5)


def test_queries_are_those_of_the_task_that_a_document_answers(database: Database):
    found = store(
        database, query("How Now", "body"), query("elsewhere", "body", task="other")
    ).queries("docs", hashes("body", "absent"))
    asked = Text.of("How Now")
    assert found == {
        hashes("body")[0]: [AnsweredQuery(asked.text_hash, Text.of("how now").norm_hash, "")]
    }


def test_queries_of_every_other_split_are_protected(database: Database):
    rows = [
        query("one", "body"),
        query("Two", "body", "dev"),
        query("three", "body", "test", "other"),
    ]
    found = store(database, *rows)
    assert found.protected_queries("train") == {
        Text.of(text).norm_hash for text in ("two", "three")
    }
    assert found.protected_queries("test") == {Text.of(text).norm_hash for text in ("one", "two")}


def test_labelled_texts_of_every_other_split_are_protected_too(database: Database):
    held = Text.of("Held Out")
    label = LabelledText("intents", held.text_hash, "x", "", "test", "", 0, "r")
    found = store(database, [held, label])
    assert found.protected_queries("train") == {held.norm_hash}
    assert found.protected_queries("test") == set()


def test_the_queries_of_other_plans_are_those_of_all_splits_and_of_imports(database: Database):
    mine = query("made by this plan", "body")
    made = replace(mine[1], origin_key="k1", origin="llm")
    rows = [[mine[0], made, mine[2]], query("imported", "body", "test"), [generation("k1", 0, "")]]
    found = store(database, *rows)
    assert list(found.other_queries("docs", "plan")) == ["imported"]
    assert sorted(found.other_queries("docs", "another")) == ["imported", "made by this plan"]


def test_the_past_of_an_engine_is_the_mean_of_its_good_replies(database: Database):
    rows = [generation("k1", 0, ""), generation("k2", 0, ""), generation("k3", 0, "length")]
    assert store(database, rows).past("e-1") == Past(2, 2.0, 0.5)
    assert store(database).past("e-2") == Past(0, 0.0, 0.0)
