from collections import Counter
from typing import get_args

import pytest

from kalm_data.core.config.synth import WrittenType
from kalm_data.core.drawn import ATTRIBUTES, draw_attributes
from kalm_data.core.prompts import read_prompt
from kalm_data.core.resources import resource_folder

TYPES: tuple[WrittenType, ...] = get_args(WrittenType)
KEYS = [f"persona-{number}:0" for number in range(600)]
GIVEN = {"instruction", "language", "source_language", "target_language", "count"}
"""Variables that are not drawn: the first step wrote them, or the user says so."""


def test_every_type_has_its_attributes():
    assert set(ATTRIBUTES) == set(TYPES)


@pytest.mark.parametrize("task_type", TYPES)
def test_all_that_a_prompt_of_the_type_needs_is_drawn(task_type: WrittenType):
    for file in resource_folder("prompts").glob(f"{task_type}-*.md"):
        assert set(read_prompt(file).variables) <= GIVEN | set(ATTRIBUTES[task_type])


@pytest.mark.parametrize("task_type", TYPES)
def test_every_value_is_drawn_about_equally_often(task_type: WrittenType):
    drawn = [draw_attributes(task_type, 7, key) for key in KEYS]
    for name, values in ATTRIBUTES[task_type].items():
        counts = Counter(attributes[name] for attributes in drawn)
        assert set(counts) == set(values)
        assert min(counts.values()) > len(KEYS) / len(values) / 2


def test_attributes_are_drawn_independently_of_one_another():
    drawn = [draw_attributes("short-long", 7, key) for key in KEYS]
    pairs = {(attributes["clarity"], attributes["difficulty"]) for attributes in drawn}
    assert len(pairs) == 9


def test_a_draw_depends_on_seed_and_key_alone():
    assert draw_attributes("sts", 1, "a") == draw_attributes("sts", 1, "a")
    by_seed = [[draw_attributes("sts", seed, key) for key in KEYS[:20]] for seed in (1, 2)]
    assert by_seed[0] != by_seed[1]
    assert len({str(draw) for draw in by_seed[0]}) > 10
