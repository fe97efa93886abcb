from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.drawn_splits import Fractions
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.records import text_hash
from kalm_data.core.tasks import Task
from kalm_data.engines.readers.opening import open_source
from kalm_data.engines.tokenizer import ModelTokenizer
from kalm_data.stages.import_documents import ImportDocumentsResult, import_documents
from kalm_data.workspace.database import Database
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.summary import RunSummary

ALL_TABLES = ("texts", "documents", "tasks", "near_duplicates", "rejects")


def run_import(
    database: Database, *sources: Path, task: str = "faq", **settings: object
) -> tuple[ImportDocumentsResult, RunSummary]:
    config = ImportDocumentsConfig.model_validate(settings)
    store = DocumentStore(database)
    held = store.task(task)
    declared = Task.model_validate_json(held.definition) if held else Task(name=task)
    with running(database, "import", "{}") as run:
        opened = [open_source(str(source), "documents", config.format) for source in sources]
        tokenizer = ModelTokenizer(config.tokenizer)
        result = import_documents(store, run, opened, declared, config, tokenizer)
    return result, run.summary("ok")


def write(file: Path, rows: Sequence[dict]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def table(database: Database, query: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(query).fetchall()


def everything(database: Database) -> dict[str, list[tuple]]:
    return {name: table(database, f"FROM {name} ORDER BY ALL") for name in ALL_TABLES}


def current(database: Database) -> dict[str, str]:
    query = "SELECT doc_id, text FROM current_documents JOIN texts USING (text_hash) ORDER BY 1"
    return dict(table(database, query))


def test_importing_the_same_again_changes_nothing(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}, {"text": "two"}, {"text": "two"}])
    result, summary = run_import(database, file)
    assert (result.new, result.unchanged, summary.kept) == (2, 1, 3)
    before = everything(database)
    result, summary = run_import(database, file)
    assert (result.new, result.changed, result.unchanged) == (0, 0, 3)
    assert everything(database) == before


def test_a_changed_document_is_a_new_revision_with_the_split_it_had(
    database: Database, tmp_path: Path
):
    file = tmp_path / "a.jsonl"
    rows = [{"id": i, "text": f"text number {i}"} for i in range(30)]
    run_import(database, write(file, rows), test_fraction=0.5)
    splits = dict(table(database, "SELECT doc_id, split FROM documents"))
    changed = [{**row, "text": row["text"] + " and more"} for row in rows]
    result, _ = run_import(database, write(file, changed), test_fraction=0)
    assert (result.new, result.changed) == (0, 30)
    assert dict(table(database, "SELECT doc_id, split FROM current_documents")) == splits
    assert table(database, "SELECT count(*), max(revision) FROM documents") == [(60, 2)]


def test_sync_retires_what_vanished_and_a_return_revives_it(database: Database, tmp_path: Path):
    both = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]
    file = tmp_path / "a.jsonl"
    run_import(database, write(file, both))
    run_import(database, write(file, both[:1]))
    assert current(database) == {"a": "one", "b": "two"}
    result, _ = run_import(database, file, sync=True)
    assert result.retired == 1
    assert current(database) == {"a": "one"}
    assert run_import(database, file, sync=True)[0].retired == 0
    result, _ = run_import(database, write(file, both))
    assert (result.changed, current(database)) == (1, {"a": "one", "b": "two"})


def test_sync_leaves_what_a_bad_row_names_and_refuses_an_empty_source(
    database: Database, tmp_path: Path
):
    file = tmp_path / "a.jsonl"
    run_import(database, write(file, [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]))
    write(file, [{"id": "a", "text": "one"}, {"id": "b", "text": ""}])
    assert run_import(database, file, sync=True)[0].retired == 0
    with pytest.raises(InputError, match="would retire all of faq"):
        run_import(database, write(file, [{"id": "a", "text": ""}]), sync=True)


def test_one_id_with_two_contents_is_rejected_by_file_and_line(database: Database, tmp_path: Path):
    rows = [{"id": "a", "text": "one"}, {"id": "a", "text": "two"}, {"id": "a", "text": "one"}]
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file)
    assert (summary.kept, summary.rejected) == (2, {"duplicate_id": 1})
    stored = table(database, "SELECT stage, reason, key, source, line, text FROM rejects")
    assert stored == [("import", "duplicate_id", "a", str(file), 2, "two")]


def test_bad_rows_are_counted_and_kept_with_file_and_line(database: Database, tmp_path: Path):
    file = tmp_path / "a.jsonl"
    bad = ['{"text": ""}', '{"text": "?"}', '{"text": "\\ud800"}', "{", '{"id": 1}']
    file.write_text("\n".join(['{"text": "good"}', *bad, '{"text": "nul \\u0000"}']))
    _, summary = run_import(database, file)
    reasons = ["empty_text", "no_words", "lone_surrogate", "invalid_json", "missing_column"]
    assert (summary.planned, summary.kept) == (7, 2)
    assert summary.rejected == dict.fromkeys(sorted(reasons), 1)
    stored = table(database, "SELECT reason, line, source FROM rejects ORDER BY line")
    assert stored == [(reason, line, str(file)) for line, reason in enumerate(reasons, start=2)]


def test_on_error_fail_names_the_line_and_leaves_the_workspace_as_it_was(
    database: Database, tmp_path: Path
):
    file = write(tmp_path / "a.jsonl", [{"text": "one"}, {"text": ""}])
    before = everything(database)
    with pytest.raises(RowError, match=rf'{file}:2: "text" is empty\. Fill it'):
        run_import(database, file, on_error="fail")
    assert everything(database) == before


def test_a_source_without_rows_is_an_error(database: Database, tmp_path: Path):
    (tmp_path / "a.csv").write_text("id,text\n")
    with pytest.raises(InputError, match="no rows in it"):
        run_import(database, tmp_path / "a.csv")


def test_a_folder_of_markdown_becomes_chunks_with_parents(
    database: Database, tmp_path: Path, minilm: str
):
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "guide.md").write_text("# Guide\n\n" + "A sentence of six words, see. " * 40)
    (folder / "b.txt").write_text("plain text")
    run_import(database, folder, tokenizer=minilm, max_tokens=64)
    columns = "doc_id, parent, position, title, split"
    rows = table(database, f"SELECT {columns} FROM current_documents ORDER BY parent, position")
    assert rows[0][:4] == ("b.txt#0", "b.txt", 0, "")
    guide = rows[1:]
    assert [row[0] for row in guide] == [f"sub/guide.md#{i}" for i in range(len(guide))]
    assert {row[3] for row in guide} == {"Guide"}
    assert len({row[4] for row in guide}) == 1 < len(guide)
    count = ModelTokenizer(minilm).count
    assert all(count(f"Guide\n{text}") <= 64 for text in current(database).values())


def test_a_collection_joins_the_pool_of_its_task(database: Database, tmp_path: Path):
    def pool() -> list[str]:
        held = DocumentStore(database).task("faq")
        return list(Task.model_validate_json(held.definition).pool)

    file = write(tmp_path / "a.jsonl", [{"text": "one"}])
    run_import(database, file, collection="wiki")
    assert pool() == ["wiki"]
    run_import(database, file, collection="more")
    assert pool() == ["wiki", "more"]
    run_import(database, file, collection="wiki")
    assert table(database, "SELECT max(revision) FROM tasks") == [(2,)]


def test_near_duplicates_of_an_earlier_import_take_its_split(database: Database, tmp_path: Path):
    text = "a sentence of more than five words about number"
    first = [{"text": f"{text} {i} {i} {i} {i} {i}"} for i in range(20)]
    second = [{"text": row["text"] + " again"} for row in first]
    run_import(database, write(tmp_path / "a.jsonl", first), test_fraction=0.4)
    result, _ = run_import(database, write(tmp_path / "b.jsonl", second), as_split="draw")
    crossing = table(
        database,
        'SELECT count(*) FROM near_duplicates n JOIN documents a ON a.text_hash = n."first" '
        'JOIN documents b ON b.text_hash = n."second" WHERE a.split <> b.split',
    )
    assert crossing == [(0,)]
    assert result.near_duplicates >= 20


def test_given_splits_that_cut_a_group_are_counted_and_told(database: Database, tmp_path: Path):
    text = "one two three four five six seven eight"
    rows = [{"text": text, "split": "train"}, {"text": text + " nine", "split": "test"}]
    result, summary = run_import(database, write(tmp_path / "a.jsonl", rows))
    assert (result.cut_groups, result.splits) == (1, {"test": 1, "train": 1})
    assert "1 groups of near-duplicates or siblings" in summary.warnings[0]


def test_parts_of_one_parent_share_a_split(database: Database, tmp_path: Path):
    rows = [{"text": f"text number {i}", "book": i % 5} for i in range(50)]
    run_import(database, write(tmp_path / "a.jsonl", rows), parent="book", test_fraction=0.4)
    query = "SELECT parent, count(DISTINCT split) FROM documents GROUP BY 1"
    assert all(count == 1 for _, count in table(database, query))


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_file_of_half_the_texts_is_in_train_and_what_came_before_stays(
    database: Database, tmp_path: Path, split: str
):
    """Though chance gives it to another split; and no order of rows or later import changes it."""
    long = [{"id": f"long {i}", "text": f"part {i}", "book": "long"} for i in range(60)]
    short = [{"id": f"short {i}", "text": f"text number {i}"} for i in range(60)]
    name = min(text_hash(row["text"]) for row in long)
    seed = next(seed for seed in range(99) if Fractions(0.3, 0.3, seed).draw(name) == split)
    asked = {"parent": "book", "dev_fraction": 0.3, "test_fraction": 0.3, "seed": seed}
    run_import(database, write(tmp_path / "a.jsonl", [*short, *long]), **asked)
    query = "SELECT doc_id, split FROM current_documents WHERE parent <> 'later' ORDER BY 1"
    first = table(database, query)
    assert {found for name, found in first if name.startswith("long")} == {"train"}
    assert {found for name, found in first if name.startswith("short")} == {"train", "dev", "test"}
    turned = Database(tmp_path / "turned")
    turned.create()
    run_import(turned, write(tmp_path / "b.jsonl", [*short, *long][::-1]), **asked)
    assert table(turned, query) == first
    later = [{"id": f"later {i}", "text": f"later {i}", "book": "later"} for i in range(20)]
    run_import(turned, write(tmp_path / "c.jsonl", [*later, *long, *short]), **asked)
    assert table(turned, query) == first


def test_a_share_that_is_not_reached_is_told(database: Database, tmp_path: Path):
    rows = [{"text": f"part {i} of {book}", "book": book} for i in range(50) for book in "abcd"]
    asked = {"parent": "book", "dev_fraction": 0, "test_fraction": 0.1}
    result, summary = run_import(database, write(tmp_path / "a.jsonl", rows), **asked)
    assert result.splits == {"train": 200}
    (warning,) = summary.warnings
    assert warning.startswith(
        "0 of 200 texts whose split was drawn are in test, where --test-fraction is 0.1"
    )


def test_runs_record_the_fingerprints_of_their_inputs(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", [{"text": "one"}])
    run_import(database, file)
    ((inputs,),) = table(database, "SELECT inputs FROM runs")
    assert json.loads(inputs).keys() == {str(file)}


def test_a_damaged_file_keeps_the_rows_rejected_before_it(database: Database, tmp_path: Path):
    rows = [{"text": ""}, {"text": "one"}] * 3000
    whole = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), 0)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-2000])
    with pytest.raises(InputError, match=r"a\.jsonl\.gz"):
        run_import(database, tmp_path / "a.jsonl.gz")
    [(planned, kept, rejected)] = table(database, "SELECT planned, kept, rejected FROM runs")
    [(stored,)] = table(database, "SELECT count(*) FROM rejects")
    assert json.loads(rejected) == {"empty_text": stored}
    assert 2000 < stored < 3000 and stored <= planned and kept == 0
    assert table(database, "FROM documents") == []
