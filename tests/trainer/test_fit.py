from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import describe_file, read_manifest, write_manifest
from kalm_data.trainer import feed

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.templates import Templates
    from kalm_data.trainer.collate import Batch, Draw
    from kalm_data.trainer.rows import Row
    from tests.trainer.conftest import MakeRow, ShardRow, Train, Watched, WriteSet


@pytest.fixture
def toy_set(write_set: WriteSet, toy_rows: list[ShardRow]) -> Path:
    return write_set(toy_rows)


def test_training_lowers_the_loss_and_the_model_loads_without_this_package(
    toy_set: Path, train: Train, watched: Watched, tmp_path: Path
):
    fitted = train(toy_set, tmp_path / "out", epochs=20, watcher=watched)
    assert watched.steps == [(i + 1, 60) for i in range(60)]
    assert fitted.steps == 60
    assert fitted.last_loss < fitted.loss / 2
    model = SentenceTransformer(str(tmp_path / "out"))
    assert model.encode_query(["red fish"]).shape == (1, 32)


def test_two_trainings_with_one_seed_give_the_same_weights_and_another_seed_others(
    toy_set: Path, train: Train, tmp_path: Path
):
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        train(toy_set, tmp_path / name, seed=seed)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_a_saved_model_writes_queries_as_training_did(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, tmp_path: Path
):
    template = {"query_template": "query: {instruction} {query}", "instruction": "find fish"}
    train(write_set(toy_rows, **template), tmp_path / "out")
    model = SentenceTransformer(str(tmp_path / "out"))
    assert model.prompts["query"] == model.prompts["t"] == "query: find fish "
    written = model.encode(["query: find fish red"], prompt="")
    assert np.array_equal(model.encode_query(["red"]), written)


def test_what_max_steps_leaves_out_and_what_teaches_nothing_is_named(
    toy_rows: list[ShardRow], make_row: MakeRow, write_set: WriteSet, train: Train,
    watched: Watched, tmp_path: Path,
):  # fmt: skip
    lonely = make_row("sun", ["moon"], [], in_batch=False)
    shards = write_set([*toy_rows, lonely])
    assert train(shards, tmp_path / "out", max_steps=1, watcher=watched).steps == 1
    assert watched.left_out["no_negatives"] == [lonely["example_id"]]
    beyond = watched.left_out["max_steps"]
    assert len(set(beyond)) == len(beyond) and len(beyond) in (12, 16)


def test_texts_longer_than_the_model_reads_are_counted_once(
    write_set: WriteSet, toy_rows: list[ShardRow], make_row: MakeRow, train: Train, tmp_path: Path
):
    fits, cut = "red " * 30, "red " * 31
    rows = [make_row("fish", [cut], []), make_row("bird", [fits], [cut]), *toy_rows]
    assert train(write_set(rows), tmp_path / "out").cut == 1


def test_a_model_trained_on_short_texts_reads_as_far_as_its_base(
    toy_set: Path, train: Train, tmp_path: Path
):
    assert train(toy_set, tmp_path / "out", max_length=8).cut == 0
    assert SentenceTransformer(str(tmp_path / "out")).max_seq_length == 32


def test_bfloat16_trains_and_saves_float32(toy_set: Path, train: Train, tmp_path: Path):
    assert np.isfinite(train(toy_set, tmp_path / "out", precision="bfloat16").loss)
    assert next(SentenceTransformer(str(tmp_path / "out")).parameters()).dtype.itemsize == 4


def test_a_foreign_output_folder_is_refused_and_left_as_it_is(
    toy_set: Path, train: Train, tmp_path: Path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not ours"):
        train(toy_set, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_loss_that_is_no_number_leaves_the_old_model(toy_set: Path, train: Train, tmp_path: Path):
    train(toy_set, tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    with pytest.raises(InputError, match="lower --lr"):
        train(toy_set, tmp_path / "out", lr=1e38)
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    assert not (tmp_path / "out.partial").exists()


def test_the_record_names_the_set_and_the_templates(toy_set: Path, train: Train, tmp_path: Path):
    train(toy_set, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "kalm-data.json").read_text())
    assert record["shards"] == read_manifest(toy_set).fingerprint
    assert record["templates"]["t"]["query"] == "{query}"
    assert "| t | retrieval | 20 |" in (tmp_path / "out" / "README.md").read_text()


def test_a_folder_without_a_model_is_one_clear_line(toy_set: Path, train: Train, tmp_path: Path):
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        train(toy_set, tmp_path / "out", model=toy_set)
    assert "\n" not in str(caught.value)


def test_every_epoch_trains_on_each_example_once_in_an_order_of_its_own(
    toy_set: Path, train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    met: list[str] = []
    compose = feed.compose_batch

    def note(rows: list[Row], draws: list[Draw], templates: dict[str, Templates]) -> Batch:
        met.extend(row.query for row in rows)
        return compose(rows, draws, templates)

    monkeypatch.setattr(feed, "compose_batch", note)
    train(toy_set, tmp_path / "out", epochs=2)
    first, second = met[:20], met[20:]
    assert sorted(first) == sorted(second) == sorted(set(met))
    assert first != second


def test_training_leaves_stdout_to_data(
    toy_set: Path, train: Train, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    train(toy_set, tmp_path / "out")
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "%|" not in printed.err


@pytest.mark.parametrize("kept", [0, 1000])
def test_weights_that_were_cut_short_are_one_line(
    toy_set: Path, train: Train, tiny_model: Path, tmp_path: Path, kept: int
):
    weights = shutil.copytree(tiny_model, tmp_path / "cut") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(InputError, match="cut: cannot be loaded as a model") as caught:
        train(toy_set, tmp_path / "out", model=tmp_path / "cut")
    assert "\n" not in str(caught.value)


def test_a_model_without_a_tokenizer_is_refused(
    toy_set: Path, train: Train, tiny_model: Path, tmp_path: Path
):
    model = shutil.copytree(tiny_model, tmp_path / "mute")
    for file in [*model.glob("tokenizer*"), *model.glob("vocab*")]:
        file.unlink()
    with pytest.raises(InputError, match="mute: no tokenizer is there"):
        train(toy_set, tmp_path / "out", model=model)


def test_scored_pairs_are_trained_on_in_batches_of_their_own(
    toy_set: Path, toy_rows: list[ShardRow], train: Train, watched: Watched, tmp_path: Path
):
    pairs = [
        {"task": "t", "language": "", "sentence1": f"red {i}", "sentence2": "fish", "score": i / 9}
        for i in range(10)
    ]
    pq.write_table(pa.Table.from_pylist(pairs), toy_set / "t" / "scored-00000.parquet")
    manifest = read_manifest(toy_set)
    scored = (describe_file(toy_set, "t/scored-00000.parquet", 10),)
    task = manifest.tasks[0].model_copy(update={"scored": scored})
    write_manifest(toy_set, manifest.model_copy(update={"tasks": (task,)}))
    fitted = train(toy_set, tmp_path / "with", epochs=1, max_steps=4)
    assert train(toy_set, tmp_path / "without", epochs=1, scored_weight=0).steps == 3
    assert fitted.steps == 4
    train(toy_set, tmp_path / "one", epochs=1, max_steps=1, watcher=watched)
    examples = {row["example_id"] for row in toy_rows}
    left_out = watched.left_out["max_steps"]  # of three batches of examples two, or all; no pair
    assert len(left_out) in (12, 16, 20) and examples.issuperset(left_out)


def test_rows_without_scores_are_counted_where_a_teacher_is_asked_for(
    write_set: WriteSet, toy_rows: list[ShardRow], train: Train, tmp_path: Path
):
    rows = [
        row | {"pos_scores": [0.9], "neg_scores": [0.1, None]} if i < 4 else row
        for i, row in enumerate(toy_rows)
    ]
    shards = write_set(rows)
    fitted = train(shards, tmp_path / "taught", epochs=1, distill_weight=1.0)
    plain = train(shards, tmp_path / "plain", epochs=1)
    assert (fitted.untaught, plain.untaught) == (16, 0)
    assert fitted.loss > plain.loss


def test_a_teacher_without_a_score_in_the_set_is_refused(
    toy_set: Path, train: Train, tmp_path: Path
):
    with pytest.raises(InputError, match="--distill-weight wants scores"):
        train(toy_set, tmp_path / "out", distill_weight=0.5)
