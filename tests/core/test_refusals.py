from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from kalm_data.core.config.refusals import refusal
from kalm_data.core.config.settings import Settings


class Given(Settings):
    whole: int = 1
    share: float = Field(0.5, gt=0, le=1)
    count: int | None = Field(None, ge=1, le=20)
    least: int = Field(1, ge=1)
    kind: Literal["a", "b", "c"] = "a"
    words: tuple[str, ...] = Field(("x",), min_length=1)
    is_on: bool = True


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"whole": "many"}, "must be a whole number"),
        ({"whole": 1.5}, "must be a whole number"),
        ({"share": "half"}, "must be a number"),
        ({"share": 0}, "must be more than 0 and at most 1"),
        ({"count": 21}, "must be from 1 to 20"),
        ({"least": 0}, "must be at least 1"),
        ({"kind": "d"}, "must be a, b or c"),
        ({"words": ()}, "must have at least 1"),
        ({"words": 3}, "must be a list"),
        ({"is_on": "perhaps"}, "must be true or false"),
        ({"unknown": 1}, "is unknown"),
    ],
)
def test_a_value_is_refused_in_words_for_people(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Given.model_validate(values)
    assert refusal(caught.value.errors()[0], Given) == told


def test_without_the_model_the_bound_that_is_broken_is_told() -> None:
    with pytest.raises(ValidationError) as caught:
        Given.model_validate({"count": 0})
    assert refusal(caught.value.errors()[0]) == "must be at least 1"
