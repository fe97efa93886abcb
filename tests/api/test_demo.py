"""What the demo refuses before it writes; the demo itself is in tests/test_demo.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.api.demo import DemoConfig, DemoFolder, _refuse_another, prepare
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = DemoConfig().model_dump_json(include={"seed", "per_doc", "negatives"})


def refuse(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        prepare(DemoFolder(folder), DemoConfig(), lambda _: None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_of_a_folder_that_is_no_demo_are_never_overwritten(tmp_path: Path):
    (tmp_path / "documents.jsonl").write_text("mine")
    assert "not ours (no recipe.json in it)" in refuse(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["documents.jsonl"]
    assert (tmp_path / "documents.jsonl").read_text() == "mine"


def test_a_recipe_that_is_a_folder_or_no_text_is_one_line(tmp_path: Path):
    (tmp_path / "recipe.json").mkdir()
    assert "recipe.json: not the recipe of a demo (Is a directory)" in refuse(tmp_path)
    (tmp_path / "recipe.json").rmdir()
    (tmp_path / "recipe.json").write_bytes(b"\xff")
    assert "not the recipe of a demo (not UTF-8)" in refuse(tmp_path)


def test_documents_that_are_a_folder_are_one_line(tmp_path: Path):
    (tmp_path / "recipe.json").write_text(RECIPE)
    (tmp_path / "documents.jsonl").mkdir()
    assert "documents.jsonl: cannot be written: Is a directory" in refuse(tmp_path)


def test_a_demo_killed_before_its_recipe_was_there_goes_on(tmp_path: Path):
    (tmp_path / "recipe.partial").write_text("half")
    (tmp_path / "recipe.json").symlink_to("/nowhere/recipe.json")
    assert "not ours" in refuse(tmp_path)  # beside another file it is not a killed demo's
    (tmp_path / "recipe.json").unlink()
    _refuse_another(DemoFolder(tmp_path), DemoConfig())
    assert (tmp_path / "recipe.json").read_text() == RECIPE + "\n"
