from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from kalm_data.core.config.filter import FilterConfig, filter_command
from kalm_data.core.config.mine import MineConfig


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"exclude_cosine": 0.9}, "name them with --exclude"),
        ({"dedup": "exact", "labels": Path("l.jsonl")}, "give --top-k too"),
        ({"top_k": 5, "reset": ("top-k",)}, "reset top-k: that rule is to judge"),
        ({"min_score": float("nan")}, "finite number"),
        ({"min_gap": float("-inf")}, "finite number"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], said: str):
    with pytest.raises(ValidationError, match=said):
        FilterConfig(**settings)


@pytest.mark.parametrize("name", ["max_score", "min_score", "min_margin"])
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_limit_of_negatives_is_a_finite_number(name: str, number: str):
    with pytest.raises(ValidationError, match="finite number"):
        MineConfig(**{name: float(number)})


def test_the_command_names_every_task_and_what_is_not_the_default():
    options = {"dedup": "near", "agree": "all"}
    assert filter_command(["a b", "c"], options) == (
        "kalm-data filter --task 'a b' --task c --dedup near"
    )
