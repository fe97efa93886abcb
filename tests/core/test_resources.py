from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.resources import resource_folder


def test_this_checkout_finds_its_prompts_and_personas():
    assert list(resource_folder("prompts").glob("*.md"))
    assert list(resource_folder("personas").glob("*.jsonl"))


def test_a_folder_inside_the_package_is_taken_before_one_beside_it(tmp_path: Path):
    package = tmp_path / "kalm_data"
    (package / "prompts").mkdir(parents=True)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert resource_folder("prompts", package) == package / "prompts"


def test_a_folder_of_another_package_beside_ours_is_not_taken(tmp_path: Path):
    (tmp_path / "prompts").mkdir()
    with pytest.raises(InputError, match="Install kalm-data again"):
        resource_folder("prompts", tmp_path / "kalm_data")
