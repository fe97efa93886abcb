from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.records import Document, NearDuplicate, Record, Text
from kalm_data.core.tasks import Task
from kalm_data.workspace.pools import PoolStore
from kalm_data.workspace.runs import running
from kalm_data.workspace.sparing import sparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.pool import Pool
    from kalm_data.core.records import Split
    from kalm_data.workspace.database import Database

TASK = Task(name="t", collections=("docs", "more"))


def document(
    doc_id: str, text: str, *, collection: str = "docs", revision: int = 1, title: str = "",
    parent: str = "", split: Split = "train", retired: bool = False,
) -> list[Record]:  # fmt: skip
    known = Text.of(text)
    return [
        known,
        Document(
            collection, doc_id, revision, known.text_hash, title, ("h",), parent, 0, "", "en", "",
            "", "{}", split, retired, "r",
        ),
    ]  # fmt: skip


def pool(database: Database, *rows: Sequence[Record]) -> Pool:
    with running(database, "import", "{}") as run:
        run.append([row for part in rows for row in part])
    return PoolStore(database).pool(TASK)


def test_a_pool_is_the_distinct_texts_of_current_revisions(database: Database) -> None:
    made = pool(
        database,
        document("a", "old"),
        document("a", "new", revision=2),
        document("b", "same"),
        document("c", "same", collection="more"),
        document("d", "gone"),
        document("d", "gone", revision=2, retired=True),
        document("e", "of another collection", collection="else"),
    )
    assert sorted(each.text for each in made.documents()) == ["new", "same"]


def test_the_first_document_titles_a_text_and_the_most_protected_split_wins(
    database: Database,
) -> None:
    made = pool(
        database,
        document("b", "same", title="second", parent="y", split="test"),
        document("a", "same", title="first", parent="x"),
        document("c", "same", collection="more", parent="x"),
    )
    (only,) = made.documents()
    assert (only.title, only.headings, only.split) == ("first", ("h",), "test")
    assert len(only.parents) == 3  # a parent is a parent within its collection


def test_same_documents_and_stored_pairs_are_alike(database: Database) -> None:
    texts = ["One  Text", "one text", "another", "other"]
    hashes = [Text.of(text).text_hash for text in texts]
    first, second = sorted(hashes[2:])
    made = pool(
        database,
        *(document(str(i), text) for i, text in enumerate(texts[:3])),
        [Text.of("other"), NearDuplicate(first, second, 0.9)],
    )
    index = made.index()
    assert made.alike == {
        hashes[0]: (index[hashes[1]],),
        hashes[1]: (index[hashes[0]],),
        hashes[3]: (index[hashes[2]],),
    }


def test_a_task_without_documents_has_an_empty_pool(database: Database) -> None:
    assert len(PoolStore(database).pool(TASK)) == 0


def test_texts_are_read_in_the_order_that_is_asked_for_and_little_is_kept(
    database: Database,
) -> None:
    texts = [f"text {number}" for number in range(50)]
    made = pool(database, *(document(text, text) for text in texts))
    asked = [Text.of(text).text_hash for text in reversed(texts)]

    def limit() -> str:
        with database.read() as connection:
            found = connection.execute("SELECT current_setting('memory_limit')").fetchall()
        return str(found[0][0])

    with database.kept_open():
        before = limit()
        for _ in range(3):
            assert made.read(asked) == list(reversed(texts))
            assert limit() == before
        with database.read() as connection, sparing(connection):
            assert limit() == "256.0 MiB"


def test_texts_so_long_that_few_of_them_need_much_are_read(database: Database) -> None:
    long = [document(f"d{i}", f"{i} " + "\u6f22" * 70_000) for i in range(1_000)]
    texts = [each.text for each in pool(database, *long).documents()]
    assert sorted(int(text.split()[0]) for text in texts) == list(range(1_000))
