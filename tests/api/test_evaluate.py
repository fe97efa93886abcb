from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.evaluate import evaluate, regression
from kalm_data.core.config.eval import EvalConfig
from kalm_data.core.errors import InputError
from kalm_data.core.records import (
    Document,
    Example,
    Judgement,
    Record,
    TaskRow,
    Text,
    example_id,
    text_hash,
)
from kalm_data.core.tasks import Task
from kalm_data.core.trained import RECORD
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from kalm_data.workspace.database import Database

PAIRS = {
    "What keeps food cold in a kitchen?": "A refrigerator removes heat from its inside.",
    "Which animal barks at strangers?": "Dogs have guarded houses for thousands of years.",
    "How are mountains made?": "Tectonic plates collide and push rock upwards.",
    "Who repairs leaking pipes?": "A plumber mends taps, drains and boilers.",
    "What do bees produce?": "Honey is stored by insects in combs of wax.",
    "How do ships float?": "Buoyancy lifts a hull that pushes water aside.",
}
CONFIG = EvalConfig(resamples=200)


def write_beir(folder: Path) -> Path:
    """The same questions in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{i}", "text": text} for i, text in enumerate(PAIRS.values())]
    queries = [{"_id": f"q{i}", "text": text} for i, text in enumerate(PAIRS)]
    for name, lines in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(len(PAIRS)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return folder


def rows() -> list[Record]:
    fillers = [f"Form {i} lists the fees of office number {i}." for i in range(24)]
    made: list[Record] = [TaskRow("t", 1, Task(name="t").model_dump_json(), "r")]
    for text in [*PAIRS.values(), *fillers]:
        made += [Text.of(text), as_document(text)]
    for query, answer in PAIRS.items():
        made += [Text.of(query), as_example(query), as_positive(query, answer)]
    return made


def as_document(text: str) -> Document:
    hash_ = text_hash(text)
    return Document("t", hash_, 1, hash_, "", (), "", 0, "", "en", "", "", "{}", "test", False, "r")


def as_example(query: str) -> Example:
    hash_ = text_hash(query)
    return Example(example_id("t", query), "t", hash_, "", "en", "test", "import", "", "q", 1, "r")


def as_positive(query: str, answer: str) -> Judgement:
    return Judgement(example_id("t", query), text_hash(answer), "positive", "import", "r")


@pytest.fixture
def workspace(database: Database) -> Path:
    with running(database, "import", "{}") as run:
        run.append(rows())
    return database.folder


def trained_here(model: Path, folder: Path, query: str) -> Path:
    """The model as if it had been trained here, with a template of its own."""
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).symlink_to(file)
    written = {"query": query, "document": "{title}\n{text}", "untitled": "{text}"}
    record = {"shards": "f00", "templates": {"t": written | {"instruction": ""}}}
    (folder / RECORD).write_text(json.dumps(record))
    return folder


def test_a_real_encoder_is_judged_beside_its_base_and_bm25(
    workspace: Path, minilm: str, tmp_path: Path
) -> None:
    trained = trained_here(Path(minilm), tmp_path / "trained", "Bees, ships, dogs: {query}")
    outcome = evaluate(workspace, "t", str(trained), CONFIG, against=minilm)
    again = evaluate(workspace, "t", str(trained), CONFIG, against=minilm)
    assert (outcome.run.planned, outcome.run.kept, outcome.missed) == (6, 6, ())
    assert again.result == outcome.result
    systems = {name: means["ndcg@10"] for name, means in outcome.result.systems.items()}
    assert systems["base"] > 0.9 > systems["bm25"]
    assert systems["trained"] != systems["base"]  # it was read by the template of its training
    printed = json.loads(json.dumps(asdict(outcome.result)))
    assert printed["against"]["difference"]["ndcg@10"]["p"] <= 1
    assert printed["slices"]["documents"]["unseen"]["queries"] == 6


def test_a_missed_gate_is_told_beside_the_figures(workspace: Path, minilm: str) -> None:
    config = EvalConfig(resamples=200, min_ndcg=0.5, min_gain=0.1)
    outcome = evaluate(workspace, "t", minilm, config, against=minilm)
    assert outcome.result.metrics["queries"] == 6
    assert outcome.missed == ("gain +0.0000 nDCG@10, --min-gain 0.1",)


def test_an_unknown_task_is_said_with_the_known_ones(workspace: Path, minilm: str) -> None:
    with pytest.raises(InputError, match=r"u: no such task.*Known: t\."):
        evaluate(workspace, "u", minilm, CONFIG)


def test_shards_that_are_none_are_refused(workspace: Path, minilm: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a shard set"):
        evaluate(workspace, "t", minilm, CONFIG, shards=tmp_path)


def test_without_a_task_all_with_test_queries_are_judged(workspace: Path, minilm: str) -> None:
    outcome = evaluate(workspace, [], minilm, CONFIG)
    assert list(outcome.result.tasks) == ["t"]


def test_dims_encode_nothing_twice(workspace: Path, minilm: str) -> None:
    found = evaluate(workspace, "t", minilm, EvalConfig(resamples=200, dim=(64, 384)))
    segments = list((workspace / "vectors").rglob("*.npy"))
    assert list(found.result.dims) == ["384", "64"]
    assert found.result.dims["384"].metrics == found.result.metrics
    evaluate(workspace, "t", minilm, EvalConfig(resamples=200, dim=(32,)))
    assert list((workspace / "vectors").rglob("*.npy")) == segments


def test_a_dim_larger_than_the_vectors_is_one_line(workspace: Path, minilm: str) -> None:
    with pytest.raises(InputError, match=r"--dim 512: .* have 384 numbers"):
        evaluate(workspace, "t", minilm, EvalConfig(dim=(512,)))


def test_the_answers_to_each_query_are_written(
    workspace: Path, minilm: str, tmp_path: Path
) -> None:
    file = tmp_path / "answers.jsonl"
    evaluate(workspace, "t", minilm, CONFIG, queries=file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["example_id"] for line in lines] == sorted(example_id("t", q) for q in PAIRS)
    first = next(line for line in lines if line["query"].startswith("How do ships"))
    assert first["relevant"] == [text_hash(PAIRS[first["query"]])]
    assert first["systems"]["model"]["top"][0]["id"] == first["relevant"][0]
    assert (first["task"], first["split"], first["origin"]) == ("t", "test", "import")


def test_a_base_regresses_on_nothing_against_itself(
    workspace: Path, minilm: str, tmp_path: Path
) -> None:
    folder = str(write_beir(tmp_path / "far"))
    config = EvalConfig(resamples=200, regress=("t", folder), max_drop=0.0)
    outcome = evaluate(workspace, "t", minilm, config, against=minilm)
    assert list(outcome.result.regress) == ["t", folder]
    assert outcome.missed == ()
    assert outcome.result.regress[folder].queries == len(PAIRS)


def test_a_model_that_dropped_misses_the_gate(workspace: Path, minilm: str, tmp_path: Path) -> None:
    trained = trained_here(Path(minilm), tmp_path / "trained", "bread")  # reads every query alike
    outcome = regression(workspace, str(trained), minilm, ["t"], 0.01)
    assert outcome.result.regress["t"].dropped
    assert outcome.missed[0].startswith("t: nDCG@10 -")
    assert (outcome.run.planned, outcome.run.kept) == (6, 6)


def test_a_set_that_is_neither_task_nor_folder_is_refused(workspace: Path, minilm: str) -> None:
    config = EvalConfig(regress=("nowhere",))
    with pytest.raises(InputError, match=r"--regress nowhere: neither a task .* corpus.jsonl"):
        evaluate(workspace, "t", minilm, config, against=minilm)


def test_regress_needs_a_base(workspace: Path, minilm: str) -> None:
    with pytest.raises(InputError, match="--against"):
        evaluate(workspace, "t", minilm, EvalConfig(regress=("t",)))
