from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.api.build_shards import build_shards
from kalm_data.api.execution import execute
from kalm_data.core.config.settings import Settings
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.errors import InputError
from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from pathlib import Path


def test_a_mistyped_workspace_is_said_and_not_made(tmp_path: Path):
    with pytest.raises(InputError, match="typo: no workspace is there"):
        build_shards(tmp_path / "typo", tmp_path / "out", [], ShardsConfig())
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_creates_makes_the_workspace(tmp_path: Path):
    execute(tmp_path / "w", "import", Settings(), {}, lambda _database, _run: None, creates=True)
    assert Database(tmp_path / "w").file.exists()
