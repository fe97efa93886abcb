"""What is exported comes back, through the functions of the commands."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shard_sets import shard_row, write_shards

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.export import ExportConfig, export
from kalm_data.api.imports import (
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    NamedLabelTask,
    NamedTask,
    import_documents,
    import_labels,
    import_pairs,
)
from kalm_data.api.mine import MineConfig, mine
from kalm_data.core.config.export import RowFormat
from kalm_data.core.errors import InputError
from kalm_data.core.eval_queries import Barred, select_queries
from kalm_data.core.templates import BARE
from kalm_data.core.text import words
from kalm_data.engines.readers.shard_rows import read_blocks
from kalm_data.measures.systems import written
from kalm_data.workspace.database import Database
from kalm_data.workspace.evaluation import EvaluationStore
from kalm_data.workspace.tasks import read_tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.exports.rows import ShardRow

Row = dict[str, Any]
Known = dict[str, tuple[str, frozenset[str], frozenset[str]]]
"""Query → instruction, positives, negatives."""

HOSTILE = "\0\t\n\r\u0085\u2028\u202e\u200f\"'\\{}|,;\ufeff\U0001f642 é北אx"
TEXTS = st.text(st.sampled_from(HOSTILE), max_size=8).map(lambda text: f"{text}w{text}".strip())
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "query": TEXTS,
            "pos": st.lists(TEXTS, min_size=1, max_size=3),
            "neg": st.lists(TEXTS, min_size=0, max_size=3),
            "instruction": st.sampled_from(["", 'Find "it".', "find\n\u2028 it", "找"]),
            "title": st.sampled_from(["", "Title", "a\ttitle > \0"]),
            "language": st.sampled_from(["", "en"]),
        }
    ),
    min_size=2,
    max_size=6,
    unique_by=lambda row: row["query"],
)
TRICKY: list[Row] = [
    {"query": "why\0 \u2028?", "pos": ["because\n\"so\"", "\u202eright to left"], "neg": ["no\t1"],
     "instruction": "Find it.", "title": "T", "language": "en"},
    {"query": "wo?", "pos": ["dört, \"dort\"\r\nund da"], "neg": ["no\t1", "nein, 北京"],
     "instruction": "", "title": "", "language": ""},
]  # fmt: skip


def fill(workspace: Path, rows: Sequence[Row], **given: object) -> Path:
    file = workspace.with_suffix(".jsonl")
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    config = ImportPairsConfig.model_validate({"title": "title", "as_split": "train", **given})
    import_pairs(workspace, [str(file)], NamedTask(task="t"), config)
    return workspace


def take_back(source: Path, workspace: Path, **given: object) -> Path:
    """Import an exported folder into a workspace of its own."""
    config = ImportPairsConfig.model_validate({"as_split": "train", **given})
    import_pairs(workspace, [str(source)], NamedTask(task="t"), config)
    return workspace


def fetch(workspace: Path, query: str) -> list[tuple]:
    with Database(workspace).read() as connection:
        return connection.execute(query).fetchall()


def known(workspace: Path) -> Known:
    rows = fetch(
        workspace,
        "SELECT q.text, e.instruction, d.text, j.label FROM examples e "
        "JOIN texts q ON q.text_hash = e.query_hash JOIN judgements j USING (example_id) "
        "JOIN texts d ON d.text_hash = j.text_hash WHERE j.origin <> 'miner'",
    )
    found: dict[str, tuple[str, set[str], set[str]]] = {}
    for query, instruction, text, label in rows:
        _, yes, no = found.setdefault(query, (instruction, set(), set()))
        (yes if label == "positive" else no).add(text)
    return {query: (told, frozenset(yes), frozenset(no))
            for query, (told, yes, no) in found.items()}  # fmt: skip


def titles(workspace: Path) -> dict[str, str]:
    """Text → title, where there is one."""
    return dict(
        fetch(
            workspace,
            "SELECT text, title FROM current_documents JOIN texts USING (text_hash) "
            "WHERE title <> ''",
        )
    )


def shards_of(folder: Path, rows: Sequence[Row]) -> tuple[Path, list[ShardRow]]:
    """A set of the rows, in which a text has one title and is no negative of its own query."""
    named: dict[str, str] = {}
    made = []
    for row in rows:
        pos = list(dict.fromkeys(row["pos"]))
        neg = [text for text in dict.fromkeys(row["neg"]) if text not in pos]
        for text in pos:
            named.setdefault(text, row["title"])
        of_row = {name: row[name] for name in ("instruction", "language")}
        made.append((row["query"], pos, neg, of_row))
    found = [
        shard_row(
            query, pos, neg, **told, pos_titles=[named.get(text, "") for text in pos],
            neg_titles=[named.get(text, "") for text in neg],
        )
        for query, pos, neg, told in made
    ]  # fmt: skip
    return write_shards(folder, {"t": found}, rows_per_shard=3), found


def expected(rows: Sequence[ShardRow], format_: RowFormat) -> Known:
    """What a format gives back of the rows that it has room for."""
    counts = Counter(len(row.neg) for row in rows if row.neg)
    width = max(counts, key=lambda number: (counts[number], number), default=1)
    found: Known = {}
    for row in rows:
        neg = row.neg
        if format_ == "n-tuple":
            neg = neg[:width] if len(neg) >= width else []
        if format_ in ("triplet", "n-tuple", "kalm") and not neg:
            continue
        told = row.instruction if format_ in ("kalm", "flagembedding") else ""
        lost = format_ == "pairs"
        found[row.query] = (told, frozenset(row.pos), frozenset(() if lost else neg))
    return found


def check(
    folder: Path, shards: Path, rows: Sequence[ShardRow], formats: Sequence[RowFormat]
) -> None:
    for format_ in formats:
        wanted = expected(rows, format_)
        config = ExportConfig(format=format_, shards=shards)
        if not wanted:
            with pytest.raises(InputError, match="no row is left"):
                export(folder / "none", folder / format_, [], config)
            continue
        exported = export(folder / "none", folder / format_, [], config)
        assert exported.run.kept == len(wanted)
        again = take_back(folder / format_, folder / f"w-{format_}")
        assert known(again) == wanted, format_
        if format_ in ("flagembedding", "kalm"):
            texts = [
                one
                for row in rows
                if row.query in wanted
                for one in zip((*row.pos, *row.neg), (*row.pos_titles, *row.neg_titles),
                               strict=True)
            ]  # fmt: skip
            assert titles(again) == {text: title for text, title in texts if title}


@settings(max_examples=8, deadline=None)
@given(ROWS, st.sampled_from(get_args(RowFormat)))
def test_rows_come_back(rows: list[Row], format_: RowFormat) -> None:
    with TemporaryDirectory() as name:
        check(Path(name), *shards_of(Path(name) / "set", rows), [format_])


def test_rows_of_a_built_set_come_back_from_every_format(tmp_path: Path) -> None:
    workspace, shards = fill(tmp_path / "w", TRICKY), tmp_path / "shards"
    build_shards(workspace, shards, [], ShardsConfig())
    rows = [row for file in sorted(shards.glob("t/part-*")) for block in read_blocks(file)
            for row in block]  # fmt: skip
    assert {row.query for row in rows} == {row["query"] for row in TRICKY}
    check(tmp_path, shards, rows, get_args(RowFormat))


@settings(max_examples=3, deadline=None)
@example(TRICKY)
@given(ROWS)
def test_a_task_comes_back_from_beir_with_its_ids_titles_and_splits(rows: list[Row]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = fill(folder / "w", rows, as_split=None, dev_fraction=0.3, test_fraction=0.3)
        exported = export(first, folder / "out", [], ExportConfig(format="beir"))
        assert exported.run.kept == exported.run.planned == len(known(first))
        second = take_back(folder / "out", folder / "again", as_split=None)
        assert known(second) == known(first)
        query = "SELECT example_id, language, split FROM examples ORDER BY 1"
        assert fetch(second, query) == fetch(first, query)
        query = "SELECT doc_id, text_hash, title FROM current_documents ORDER BY ALL"
        assert fetch(second, query) == fetch(first, query)
        config = ImportDocumentsConfig(as_split="train")
        import_documents(folder / "docs", [str(folder / "out")], NamedTask(task="t"), config)
        assert fetch(folder / "docs", query) == fetch(first, query)


def words_run(out: Path, file: Path) -> Path:
    """A run of all documents for each query, by shared words, as any other system would make it."""
    corpus, queries = (
        [json.loads(line) for line in (out / name).read_text("utf-8").split("\n") if line]
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    lines = []
    for query in queries:
        asked = {*words(query["text"])}
        scored = sorted((-len(asked & {*words(one["text"])}), one["_id"]) for one in corpus)
        lines += [f"{query['_id']} Q0 {id_} {place} {-score} words\n"
                  for place, (score, id_) in enumerate(scored, start=1)]  # fmt: skip
    file.write_text("".join(lines), encoding="utf-8")
    return file


def test_a_run_over_an_exported_task_is_mined_with(tmp_path: Path) -> None:
    documents = [
        {
            "_id": f"doc {i}" if i % 2 else f"d\u00e9{i}",
            "text": f"thing{i} by the river",
            "title": "",
        }
        for i in range(12)
    ]  # every other id is none that a run can hold
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(f"{json.dumps(row)}\n" for row in documents))
    workspace = tmp_path / "w"
    train = ImportDocumentsConfig(as_split="train")
    import_documents(workspace, [str(corpus)], NamedTask(task="t"), train)
    fill(workspace, [{"query": f"where is thing{i}", "pos": f"thing{i} by the river", "title": ""}
                     for i in range(12)])  # fmt: skip
    exported = export(workspace, tmp_path / "out", ["t"], ExportConfig(format="beir"))
    assert any("6 documents are named by the hash" in line for line in exported.run.warnings)
    run = words_run(tmp_path / "out", tmp_path / "other.trec")
    config = MineConfig(ranker=(f"run:{run}",), ranks="2-12", negatives=3, max_score_ratio=None)
    mined = mine(workspace, ["t"], config)
    assert (mined.run.kept, mined.result.negatives) == (12, 36)
    assert fetch(workspace, "SELECT DISTINCT rank FROM rankings") == [(1,)]


def test_filtered_positives_and_other_splits_are_in_no_qrels(tmp_path: Path) -> None:
    from kalm_data.api.filter import FilterConfig, filter_positives

    rows = [{"query": f"where is thing{i}", "pos": [f"thing{i} by the river", f"far {i}"],
             "title": ""} for i in range(8)]  # fmt: skip
    workspace = fill(tmp_path / "w", rows)
    mine(workspace, ["t"], MineConfig(ranker=("bm25",), ranks="2-10"))
    filter_positives(workspace, ["t"], FilterConfig(top_k=1))
    export(workspace, tmp_path / "out", [], ExportConfig(format="beir", split=("train",)))
    qrels = (tmp_path / "out/qrels/train.tsv").read_text().splitlines()
    dropped = fetch(workspace, "SELECT count(*) FROM current_drops")[0][0]
    assert dropped > 0
    assert len(qrels) - 1 == 16 - dropped
    with pytest.raises(InputError, match="no query to write"):
        export(workspace, tmp_path / "test", [], ExportConfig(format="beir", split=("test",)))


def test_several_tasks_stand_in_a_folder_each_and_labels_in_none(tmp_path: Path) -> None:
    workspace = fill(tmp_path / "w", TRICKY)
    import_pairs(workspace, [str(tmp_path / "w.jsonl")], NamedTask(task="u"), ImportPairsConfig())
    labels = tmp_path / "labels.jsonl"
    rows = ({"text": f"text {i}", "label": i % 2} for i in range(8))
    labels.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    config = ImportLabelsConfig(as_split="train")
    import_labels(workspace, [str(labels)], NamedLabelTask(task="classes"), config)
    result = export(workspace, tmp_path / "out", [], ExportConfig(format="beir")).result
    assert [one.task for one in result.tasks] == ["t", "u"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "export.manifest", "t", "u",
    ]  # fmt: skip
    only_test = ExportConfig(format="beir", split=("test",))
    held = {"as_split": "test", "dev_fraction": 0, "test_fraction": 0}
    fill(tmp_path / "held", TRICKY, **held)
    import_pairs(
        tmp_path / "held", [str(tmp_path / "w.jsonl")], NamedTask(task="u"),
        ImportPairsConfig(as_split="train", title="title", collection="u"),
    )  # fmt: skip
    left = export(tmp_path / "held", tmp_path / "held-out", [], only_test)
    assert [one.task for one in left.result.tasks] == ["t"]
    assert any("task u: no query to write" in line for line in left.run.warnings)
    with pytest.raises(InputError, match="it has labels"):
        export(workspace, tmp_path / "other", ["classes"], ExportConfig(format="beir"))
    shards = tmp_path / "shards"
    build_shards(workspace, shards, [], ShardsConfig())
    exported = export(
        tmp_path / "none", tmp_path / "flag", [],
        ExportConfig(format="flagembedding", shards=shards),
    )  # fmt: skip
    assert exported.result.not_carried["in_batch_folder"] == 8
    assert sorted(path.name for path in (tmp_path / "flag").rglob("*.jsonl")) == [
        "classes.jsonl", "t.jsonl", "u.jsonl",
    ]  # fmt: skip


def test_eval_and_export_agree_on_queries_whose_documents_changed(tmp_path: Path) -> None:
    about = "the ferry to island {0} leaves at noon from pier {0} and takes forty cars and a bus"
    corpus, asked = tmp_path / "corpus.jsonl", tmp_path / "asked.jsonl"
    texts = [about.format(i) for i in range(4)]

    def bring() -> None:
        rows = ({"id": f"d{i}", "text": text} for i, text in enumerate(texts))
        corpus.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        config = ImportDocumentsConfig(as_split="test")
        import_documents(workspace, [str(corpus)], NamedTask(task="t"), config)

    workspace = tmp_path / "w"
    bring()
    asked.write_text("".join(f'{{"query": "boat {i}?", "id": "d{i}"}}\n' for i in range(4)))
    pairs = ImportPairsConfig(as_split="test", pos_id="id")
    import_pairs(workspace, [str(asked)], NamedTask(task="t"), pairs)
    texts[1] += " now"  # nearly the same
    texts[2] = "nothing of what stood here before is left in this document any more today"
    bring()
    database = Database(workspace)
    store, task = EvaluationStore(database), read_tasks(database)[0]
    pool = store.pool(task)
    fit, away = select_queries(
        store.test_queries("t"), pool, written(pool, BARE), Barred(frozenset()), 99
    )
    assert [one.reason for one in away] == ["gold_not_in_pool"]
    exported = export(workspace, tmp_path / "out", [], ExportConfig(format="beir"))
    lines = (tmp_path / "out" / "queries.jsonl").read_text().splitlines()
    assert {json.loads(line)["_id"] for line in lines} == {one.query.example_id for one in fit}
    judged = (tmp_path / "out/qrels/test.tsv").read_text().splitlines()[1:]
    assert {line.split("\t")[1] for line in judged} == {"d0", "d1", "d3"}
    assert any("1 queries have no positive in the pool" in line for line in exported.run.warnings)
