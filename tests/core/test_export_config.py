import re

import pytest
from pydantic import ValidationError

from kalm_data.core.config.export import ExportConfig


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"format": "beir", "shards": "s"}, "leave out --shards"),
        ({"format": "beir", "titles": True}, "leave out --titles"),
        ({"format": "triplet"}, "name one with --shards"),
        ({"format": "triplet", "shards": "s", "split": ("test",)}, "leave out --split"),
        ({"format": "triplet", "shards": "s", "negatives": 3}, "leave out --negatives"),
        ({"format": "beir", "negatives": 3}, "leave out --negatives"),
    ],
)
def test_options_that_do_not_fit_together_are_refused_with_the_remedy(given: dict, remedy: str):
    with pytest.raises(ValidationError, match=re.escape(remedy)):
        ExportConfig.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        {"format": "beir", "split": ("dev", "test")},
        {"format": "n-tuple", "shards": "s", "negatives": 3, "titles": True},
    ],
)
def test_options_that_fit_are_taken(given: dict):
    ExportConfig.model_validate(given)
