from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.config.imports import ImportDocumentsConfig, ImportPairsConfig
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.tasks import Task
from kalm_data.engines.readers.opening import open_source
from kalm_data.engines.tokenizer import ModelTokenizer
from kalm_data.stages.import_documents import import_documents
from kalm_data.stages.import_pairs import ImportPairsResult, import_pairs
from kalm_data.workspace.documents import DocumentStore
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.summary import RunSummary
    from kalm_data.workspace.database import Database

ALL_TABLES = (
    "texts",
    "documents",
    "tasks",
    "examples",
    "judgements",
    "near_duplicates",
    "rejects",
)
DATA = Path(__file__).parents[3] / "shared/data"
XQUAD = DATA / "xquad/en.jsonl.gz"
DEBIAN = DATA / "debian-packages"
TASK = Task(name="faq")


def run_import(
    database: Database, *sources: Path, task: Task = TASK, **settings: object
) -> tuple[ImportPairsResult, RunSummary]:
    config = ImportPairsConfig.model_validate(settings)
    with running(database, "import", "{}") as run:
        opened = [open_source(str(source), "pairs", config.format) for source in sources]
        result = import_pairs(DocumentStore(database), run, opened, task, config)
    return result, run.summary("ok")


def run_documents(database: Database, source: Path, **settings: object) -> None:
    config = ImportDocumentsConfig.model_validate(settings)
    with running(database, "import", "{}") as run:
        opened = [open_source(str(source), "documents")]
        tokenizer = ModelTokenizer(config.tokenizer)
        import_documents(DocumentStore(database), run, opened, TASK, config, tokenizer)


def write(file: Path, rows: Sequence[dict]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def table(database: Database, query: str) -> list[tuple]:
    with database.read() as connection:
        return connection.execute(query).fetchall()


def everything(database: Database) -> dict[str, list[tuple]]:
    return {name: table(database, f"FROM {name} ORDER BY ALL") for name in ALL_TABLES}


def judged(database: Database) -> set[tuple[str, str, str]]:
    """(query, text, label) of all judgements."""
    return set(
        table(
            database,
            "SELECT q.text, d.text, label FROM judgements JOIN examples USING (example_id) "
            "JOIN texts q ON q.text_hash = query_hash "
            "JOIN texts d ON d.text_hash = judgements.text_hash",
        )
    )


def test_importing_the_same_again_changes_nothing(database: Database, tmp_path: Path):
    rows = [{"query": f"q{i}", "pos": [f"p{i}", "p"], "neg": [f"n{i}"]} for i in range(5)]
    file = write(tmp_path / "a.jsonl", rows)
    result, summary = run_import(database, file)
    assert (result.new_examples, result.documents) == (5, 11)
    assert (result.positives, result.negatives, summary.kept) == (10, 5, 5)
    before = everything(database)
    result, summary = run_import(database, file)
    assert (result.new_examples, result.known_examples, result.documents) == (0, 5, 0)
    assert (result.positives, summary.kept) == (0, 5)
    assert everything(database) == before


def test_a_query_that_comes_twice_gathers_its_positives(database: Database, tmp_path: Path):
    rows = [{"query": "q", "pos": "one"}, {"query": "r", "pos": "r1"}, {"query": "q", "pos": "two"}]
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows))
    run_import(database, write(tmp_path / "b.jsonl", [{"query": "q", "pos": "three"}]))
    assert summary.kept == 3
    assert table(database, "SELECT count(*) FROM examples") == [(2,)]
    found = {text for query, text, _ in judged(database) if query == "q"}
    assert found == {"one", "two", "three"}


def test_a_positive_in_the_pool_is_not_added_again(database: Database, tmp_path: Path):
    run_documents(database, write(tmp_path / "d.jsonl", [{"id": "d1", "text": "one"}]))
    pairs = write(tmp_path / "a.jsonl", [{"query": "q", "pos": ["one", "two"]}])
    assert run_import(database, pairs)[0].documents == 1
    assert table(database, "SELECT count(*) FROM current_documents") == [(2,)]


def test_the_contradicting_negative_is_left_out_and_kept_as_a_reject(
    database: Database, tmp_path: Path
):
    rows = [{"query": "q", "pos": "p", "neg": ["p", "n"]}, {"query": "q", "pos": "p2", "neg": "p"}]
    result, summary = run_import(database, write(tmp_path / "a.jsonl", rows))
    assert (result.parts_rejected, summary.rejected) == ({"contradiction": 2}, {})
    assert judged(database) == {
        ("q", "p", "positive"),
        ("q", "p2", "positive"),
        ("q", "n", "negative"),
    }
    stored = table(database, "SELECT stage, reason, line FROM rejects ORDER BY line")
    assert stored == [("import-part", "contradiction", 1), ("import-part", "contradiction", 2)]


def test_a_contradiction_with_an_earlier_import_is_found(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p"}]))
    later = write(tmp_path / "b.jsonl", [{"query": "q", "pos": "p2", "neg": "p"}])
    assert run_import(database, later)[0].parts_rejected == {"contradiction": 1}
    assert ("q", "p", "negative") not in judged(database)


def test_a_query_equal_to_its_positive_is_kept(database: Database, tmp_path: Path):
    _, summary = run_import(database, write(tmp_path / "a.jsonl", [{"query": "q", "pos": "q"}]))
    assert summary.kept == 1


def test_the_name_of_a_file_means_its_only_chunk(database: Database, tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "bold.md").write_text("Letters that are bold.")
    (folder / "long.md").write_text("# One\n\n" + "word " * 300 + "\n\n# Two\n\n" + "more " * 300)
    run_documents(database, folder)
    rows = [{"query": "q", "docs": "bold.md"}, {"query": "r", "docs": "long.md"}]
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file, pos_id="docs")
    assert judged(database) == {("q", "Letters that are bold.", "positive")}
    assert summary.rejected == {"unknown_document": 1}
    with pytest.raises(RowError, match=r"cut into chunks\. Name the one .* long\.md#0, long\.md#1"):
        run_import(database, file, pos_id="docs", on_error="fail")


def test_positives_are_taken_by_id(database: Database, tmp_path: Path):
    documents = [{"id": i, "text": f"text {i}"} for i in range(3)]
    run_documents(database, write(tmp_path / "d.jsonl", documents))
    rows = [
        {"query": "q", "docs": [1, 9]},
        {"query": "r", "docs": [8]},
        {"query": "s", "docs": []},
    ]
    result, summary = run_import(database, write(tmp_path / "a.jsonl", rows), pos_id="docs")
    assert judged(database) == {("q", "text 1", "positive")}
    assert summary.rejected == {"no_positive": 1, "unknown_document": 1}
    assert result.parts_rejected == {"unknown_document": 1}
    assert result.documents == 0


def test_a_row_of_negatives_needs_a_positive_from_another_row(database: Database, tmp_path: Path):
    rows = [{"query": "q", "neg": "n"}, {"query": "q", "pos": "p"}, {"query": "r", "neg": "m"}]
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows))
    assert (summary.kept, summary.rejected) == (2, {"no_positive": 1})
    assert judged(database) == {("q", "p", "positive"), ("q", "n", "negative")}


def test_an_example_takes_the_split_of_its_documents(database: Database, tmp_path: Path):
    documents = [{"id": i, "text": f"text number {i}"} for i in range(40)]
    run_documents(database, write(tmp_path / "d.jsonl", documents), test_fraction=0.4)
    rows = [{"query": f"q{i}", "doc": [i, (i + 1) % 40][: 1 + i % 2]} for i in range(40)]
    run_import(database, write(tmp_path / "a.jsonl", rows), pos_id="doc", test_fraction=0)
    leaking = table(
        database,
        "SELECT count(*) FROM examples e JOIN judgements USING (example_id) "
        "JOIN documents d USING (text_hash) WHERE e.split = 'train' AND d.split <> 'train'",
    )
    assert leaking == [(0,)]


def test_the_positives_of_one_example_are_never_parted(database: Database, tmp_path: Path):
    rows = [{"query": f"q{i}", "pos": [f"p{i}", f"p{i} other"]} for i in range(40)]
    result, _ = run_import(database, write(tmp_path / "a.jsonl", rows), test_fraction=0.4)
    query = "SELECT count(DISTINCT d.split) FROM judgements JOIN documents d USING (text_hash) "
    assert set(table(database, query + "GROUP BY example_id")) == {(1,)}
    assert result.parted_examples == 0
    assert result.splits["test"] > 5


def test_given_splits_win_and_crossing_ones_are_told(database: Database, tmp_path: Path):
    rows = [
        {"query": "q", "pos": "p", "split": "train"},
        {"query": "r", "pos": "p", "split": "test"},
    ]
    file = write(tmp_path / "a.jsonl", rows)
    result, summary = run_import(database, file)
    assert result.splits == {"test": 1, "train": 1}
    assert result.parted_examples == 1
    assert "1 examples are in another split than a document" in summary.warnings[0]
    assert table(database, "SELECT split FROM documents") == [("test",)]


def test_how_many_train_examples_are_not_written_is_told(database: Database, tmp_path: Path):
    rows = [
        {"query": "q", "pos": "p", "split": "train"},
        {"query": "r", "pos": "p", "split": "test"},
        {"query": "s", "pos": ["p", "other"], "split": "train"},
    ]
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows))
    line = next(line for line in summary.warnings if "another split" in line)
    assert line.startswith("2 examples are in another split")
    assert "build-shards will not write 1 of them" in line
    assert line.endswith("In a new workspace, import the pairs alone, or with --as draw")


def test_a_source_that_gives_nothing_to_training_is_told(database: Database, tmp_path: Path):
    rows = [{"query": f"q{i}", "pos": f"p{i}", "split": "test"} for i in range(3)]
    file = write(tmp_path / "a.jsonl", rows)
    _, summary = run_import(database, file)
    assert summary.warnings == (
        "all 3 examples are in test by the source's split, none is for training. "
        "In a new workspace, --as draw draws train, dev and test",
    )
    assert run_import(database, file)[1].warnings == ()


def test_splits_that_the_user_asked_for_are_not_warned_of(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p", "split": "test"}])
    assert run_import(database, file, as_split="test")[1].warnings == ()


def test_as_overrides_the_source_and_never_what_the_workspace_holds(
    database: Database, tmp_path: Path
):
    file = write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p", "split": "test"}])
    assert run_import(database, file, as_split="train")[0].splits == {"train": 1}
    assert run_import(database, file)[0].splits == {}
    assert table(database, "SELECT split FROM examples") == [("train",)]


def test_a_test_query_that_training_has_already_is_turned_away(database: Database, tmp_path: Path):
    run_import(
        database, write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p"}]), as_split="train"
    )
    held_out = write(tmp_path / "b.jsonl", [{"query": "q", "pos": "other"}])
    _, summary = run_import(database, held_out, as_split="test")
    assert summary.rejected == {"in_training": 1}
    assert table(database, "SELECT split FROM examples") == [("train",)]
    assert table(database, "SELECT count(*) FROM judgements") == [(1,)]


def test_an_instruction_of_its_own_is_kept_with_the_example(database: Database, tmp_path: Path):
    task = Task(name="faq", instruction="Find it.")
    rows = [
        {"query": "Instruct: Find it. \n Query: a", "pos": "p"},
        {"query": "Instruct: Look. \n Query: b", "pos": "p"},
        {"query": "Instruct: See. \n Query: b", "pos": "p"},
    ]
    _, summary = run_import(database, write(tmp_path / "a.jsonl", rows), task=task)
    query = "SELECT text, instruction FROM examples JOIN texts ON text_hash = query_hash ORDER BY 1"
    assert table(database, query) == [("a", ""), ("b", "Look.")]
    assert summary.warnings == ("1 queries came with several instructions: the first one was kept",)


def test_a_beir_folder_brings_its_documents_along(database: Database, tmp_path: Path):
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", [{"_id": "d1", "text": "one"}, {"_id": "d2", "text": "two"}])
    write(folder / "queries.jsonl", [{"_id": "q1", "text": "why"}])
    qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n"
    (folder / "qrels" / "test.tsv").write_text(qrels)
    result, summary = run_import(database, folder)
    assert (result.documents, summary.kept, result.splits) == (2, 4, {"test": 1})
    assert judged(database) == {("why", "one", "positive"), ("why", "two", "negative")}
    before = everything(database)
    run_documents(database, folder)
    assert run_import(database, folder)[1].kept == 4
    assert everything(database) == before


def test_sync_of_documents_leaves_those_of_pairs(database: Database, tmp_path: Path):
    run_import(database, write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p"}]))
    run_documents(database, write(tmp_path / "d.jsonl", [{"text": "one"}]), sync=True)
    assert table(database, "SELECT count(*) FROM current_documents") == [(2,)]


def test_bilingual_documents_do_not_take_the_querys_language(database: Database, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", [{"query": "q", "pos": "p", "lang": "de"}])
    run_import(database, file, task=Task(name="faq", type="bitext"))
    assert table(database, "SELECT language FROM documents") == [("",)]
    assert table(database, "SELECT language FROM examples") == [("de",)]


def test_on_error_fail_also_ends_at_a_contradiction(database: Database, tmp_path: Path):
    rows = [{"query": "q", "pos": "p"}, {"query": "q", "pos": "r", "neg": "p"}]
    before = everything(database)
    with pytest.raises(RowError, match=r"a.jsonl:2: a negative is also a positive"):
        run_import(database, write(tmp_path / "a.jsonl", rows), on_error="fail")
    assert everything(database) == before


def test_a_folder_of_texts_is_no_source_of_pairs(database: Database, tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("text")
    with pytest.raises(InputError, match="holds no readable file of pairs"):
        run_import(database, tmp_path / "docs")


@pytest.mark.skipif(not XQUAD.exists(), reason="the XQuAD sample is not beside this checkout")
def test_xquad_gives_one_document_a_paragraph_and_leaks_nothing(database: Database):
    result, summary = run_import(database, XQUAD)
    assert (summary.planned, summary.kept) == (1190, 1190)
    assert (result.documents, result.parted_examples, result.cut_groups) == (240, 0, 0)
    assert 80 < result.splits["test"] < 200


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.exists(), reason="the Debian sample is not beside this checkout")
def test_debian_leaks_no_group_across_splits(database: Database):
    run_documents(database, DEBIAN, parent="source")
    result, summary = run_import(database, DEBIAN, as_split="draw")
    assert (summary.planned, summary.kept) == (61_332, 61_332)
    assert (result.documents, result.cut_groups) == (0, 0)
    crossing = table(
        database,
        'SELECT count(*) FROM near_duplicates n JOIN documents a ON a.text_hash = n."first" '
        'JOIN documents b ON b.text_hash = n."second" WHERE a.split <> b.split',
    )
    assert crossing == [(0,)]
    by_source = "SELECT parent FROM documents GROUP BY parent HAVING count(DISTINCT split) > 1"
    assert table(database, by_source) == []


def test_what_a_model_said_before_is_said_again_by_an_import(database: Database, tmp_path: Path):
    pairs = write(tmp_path / "p.jsonl", [{"query": "what is it", "pos": "an answer of words"}])
    run_import(database, pairs)
    generated = "UPDATE judgements SET origin = 'llm', origin_key = 'k'"
    with database.write() as connection:
        connection.execute(generated)
    run_import(database, pairs)
    with database.read() as connection:
        found = connection.execute(
            "SELECT origin, origin_key FROM judgements ORDER BY 1"
        ).fetchall()
    assert found == [("import", ""), ("llm", "k")]
