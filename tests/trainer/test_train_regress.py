"""train --regress: the trained model beside its base on a set it was not trained for."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from kalm_data.api.train import RegressSettings, TrainConfig, train
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainer.conftest import ShardRow, WriteSet


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    """Four queries about four documents."""
    folder = tmp_path / "other"
    (folder / "qrels").mkdir(parents=True)
    texts = ["red fish", "blue bird", "green tree", "stone house"]
    for name, pattern in (("corpus", "{} river"), ("queries", "{}")):
        lines = [
            {"_id": f"{name[0]}{i}", "title": "", "text": pattern.format(text)}
            for i, text in enumerate(texts)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    judged = "".join(f"q{i}\tc{i}\t1\n" for i in range(4))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return folder


@pytest.mark.parametrize(("lr", "drops"), [(1e-12, False), (1.0, True)])
def test_a_model_that_lost_what_its_base_could_misses_the_gate(
    write_set: WriteSet, toy_rows: list[ShardRow], tiny_model: Path, beir: Path, tmp_path: Path,
    lr: float, drops: bool,
) -> None:  # fmt: skip
    config = TrainConfig(model=str(tiny_model), lr=lr, batch_size=8, evaluations=0)
    outcome = train(
        tmp_path / "w", write_set(toy_rows), tmp_path / "out", config,
        regress=RegressSettings(regress=(str(beir),), max_drop=0.0),
    )  # fmt: skip
    (found,) = outcome.result.regress.values()
    assert (found.queries, found.dropped) == (4, drops)
    assert len(outcome.missed) == drops
    assert outcome.run.kept == outcome.run.planned == 20


@pytest.mark.parametrize("leave_one_out", [False, True])
def test_a_model_that_takes_the_place_of_its_base_cannot_be_compared_with_it(
    write_set: WriteSet, toy_rows: list[ShardRow], tiny_model: Path, beir: Path, tmp_path: Path,
    leave_one_out: bool,
) -> None:  # fmt: skip
    model = shutil.copytree(tiny_model, tmp_path / "model")
    before = (model / "model.safetensors").read_bytes()
    regress = None if leave_one_out else RegressSettings(regress=(str(beir),))
    option = "--leave-one-out" if leave_one_out else "--regress"
    with pytest.raises(InputError, match=f"is the base, which {option} needs") as caught:
        train(
            tmp_path / "w", write_set(toy_rows), tmp_path / "x" / ".." / "model",
            TrainConfig(model=str(model)), regress=regress, leave_one_out=leave_one_out,
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert (model / "model.safetensors").read_bytes() == before


def test_a_set_that_is_not_there_is_told_before_anything_is_trained(
    write_set: WriteSet, toy_rows: list[ShardRow], tiny_model: Path, tmp_path: Path
) -> None:
    config = TrainConfig(model=str(tiny_model))
    with pytest.raises(InputError, match="--regress nowhere: neither a task"):
        train(
            tmp_path / "w", write_set(toy_rows), tmp_path / "out", config,
            regress=RegressSettings(regress=("nowhere",)),
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
