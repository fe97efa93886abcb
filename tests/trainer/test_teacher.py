"""A training that follows a saved model ends nearer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from sentence_transformers import SentenceTransformer
from tiny_encoder import save_encoder

from kalm_data.api.train import TrainConfig, train
from tests.trainer.conftest import WORDS

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tests.trainer.conftest import ShardRow, WriteSet


def cosines(model: Path, rows: list[ShardRow]) -> Tensor:
    """(Q, Q) of all queries and all positives."""
    loaded = SentenceTransformer(str(model), device="cpu")
    queries, documents = (
        loaded.encode(texts, convert_to_tensor=True, normalize_embeddings=True)
        for texts in ([row["query"] for row in rows], [row["pos"][0] for row in rows])
    )
    return queries @ documents.T


def test_a_student_comes_nearer_to_its_teacher(
    write_set: WriteSet, toy_rows: list[ShardRow], tiny_model: Path, tmp_path: Path
) -> None:
    teacher = save_encoder(tmp_path / "teacher", [*WORDS, "query", "title"], seed=7)
    shards = write_set(toy_rows)
    given = {"model": str(tiny_model), "lr": 5e-3, "epochs": 10, "batch_size": 10, "evaluations": 0}
    for name, more in (("alone", {}), ("taught", {"teacher": str(teacher), "distill_weight": 50})):
        config = TrainConfig.model_validate({**given, **more, "distill_temperature": 0.1})
        outcome = train(tmp_path / "w", shards, tmp_path / name, config)
        assert outcome.result.untaught == 0
    aim = cosines(teacher, toy_rows)
    alone, taught = (cosines(tmp_path / name, toy_rows) for name in ("alone", "taught"))
    centred = [one - one.mean(1, keepdim=True) for one in (aim, alone, taught)]
    assert (centred[2] - centred[0]).norm() < 0.7 * (centred[1] - centred[0]).norm()


def test_a_teacher_without_weight_is_refused() -> None:
    with pytest.raises(ValidationError, match="teacher has no weight"):
        TrainConfig(model="m", teacher="t")
