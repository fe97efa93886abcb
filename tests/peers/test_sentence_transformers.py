"""sentence-transformers takes a step on each export that bears one of its names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from datasets import Dataset, disable_progress_bars, load_dataset
from tiny_cross_encoder import save_cross_encoder
from tiny_encoder import save_encoder

from kalm_data.core.exports.forms import Form

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

    from kalm_data.core.config.export import RowFormat

WORDS = ["river", "stone", "bread", "paper", "glass", "wind"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    folder = save_encoder(tmp_path_factory.mktemp("tiny"), WORDS)
    return SentenceTransformer(str(folder), device="cpu")


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disable_progress_bars()
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def rows_of(out: Path) -> Dataset:
    return load_dataset(str(out), "told", split="train")


@pytest.mark.parametrize(
    ("format_", "loss"),
    [
        ("pairs", "MultipleNegativesRankingLoss"),
        ("triplet", "MultipleNegativesRankingLoss"),
        ("triplet", "TripletLoss"),
        ("n-tuple", "MultipleNegativesRankingLoss"),
        ("labeled-pair", "ContrastiveLoss"),
    ],
)
def test_the_trainer_takes_a_step(
    exported: Callable[[str], Path],
    encoder: SentenceTransformer,
    tmp_path: Path,
    format_: RowFormat,
    loss: str,
):
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses

    arguments = SentenceTransformerTrainingArguments(
        str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=4, report_to="none",
        use_cpu=True, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=encoder, args=arguments, train_dataset=rows_of(exported(format_)),
        loss=getattr(losses, loss)(encoder),
    )  # fmt: skip
    assert trainer.train().global_step == 1


@pytest.mark.parametrize(
    ("format_", "loss"),
    [("labeled-pair", "BinaryCrossEntropyLoss"), ("labeled-list", "LambdaLoss"),
     ("labeled-list", "ListNetLoss")],
)  # fmt: skip
def test_the_trainer_of_cross_encoders_takes_a_step(
    exported: Callable[[str], Path], tmp_path: Path, format_: RowFormat, loss: str
):
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import (
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
        losses,
    )

    model = CrossEncoder(str(save_cross_encoder(tmp_path / "tiny")), device="cpu")
    arguments = CrossEncoderTrainingArguments(
        str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=4, report_to="none",
        use_cpu=True, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = CrossEncoderTrainer(
        model=model, args=arguments, train_dataset=rows_of(exported(format_)),
        loss=getattr(losses, loss)(model),
    )  # fmt: skip
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("format_", ["triplet", "n-tuple", "labeled-pair", "labeled-list"])
def test_columns_are_those_of_its_own_miner(encoder: SentenceTransformer, format_: RowFormat):
    """By order, type and what is a label; the miner names a document as its input did."""
    from sentence_transformers.util import mine_hard_negatives

    pairs = Dataset.from_dict({"anchor": WORDS, "positive": [f"{word} paper" for word in WORDS]})
    mined = mine_hard_negatives(
        pairs, encoder, num_negatives=2, output_format=format_, verbose=False
    )
    columns = Form(format_, negatives=2 if format_ == "n-tuple" else 0).columns
    assert len(mined.column_names) == len(columns)
    for name, kind, theirs in zip(columns, columns.values(), mined.column_names, strict=True):
        value = mined[0][theirs]
        assert name == theirs or (theirs == "positive" and name in ("document", "documents"))
        assert isinstance(value, list) == (kind in ("texts", "labels"))
        assert isinstance(value[0] if isinstance(value, list) else value, int) == (
            kind in ("label", "labels")
        )
