from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from tiny_encoder import save_encoder

from kalm_data.api.merge import MergeSettings, merge

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"merge": ("a",)}, "one model alone"),
        ({"merge": ("a", "b"), "merge_weights": (1.0,)}, "1 for 2 models"),
        ({"merge": ("a", "b"), "merge_weights": (1.0, -1.0)}, "below 0"),
        ({"merge": ("a", "b"), "merge_weights": (0.0, 0.0)}, "sum is 0"),
    ],
)
def test_weights_that_make_no_mean_are_refused(given: dict[str, object], told: str):
    with pytest.raises(ValidationError, match=told):
        MergeSettings.model_validate(given)


def test_weights_are_shares_of_their_sum():
    assert MergeSettings(merge=("a", "b"), merge_weights=(3.0, 1.0)).shares == (0.75, 0.25)


def test_a_merge_is_a_run_of_train_and_counts_its_models(tmp_path: Path):
    model = str(save_encoder(tmp_path, ["red"]))
    settings = MergeSettings(merge=(model, model))
    outcome = merge(tmp_path / "w", tmp_path / "out", settings)
    assert (outcome.run.command, outcome.run.planned, outcome.run.kept) == ("train", 2, 2)
    assert outcome.result.shares == (0.5, 0.5)
