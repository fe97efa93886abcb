from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.templates import Templates
from kalm_data.core.trained import RECORD, read_trained

TEMPLATES = Templates("query: {query}", "{title}\n{text}", "{text}", "")


def test_the_templates_of_training_are_read_back(tmp_path: Path) -> None:
    record = {"shards": "f00", "templates": {"t": asdict(TEMPLATES)}, "steps": 3}
    (tmp_path / RECORD).write_text(json.dumps(record))
    found = read_trained(tmp_path)
    assert found is not None
    assert (found.shards, found.folder, found.templates) == ("f00", "", {"t": TEMPLATES})


def test_a_model_from_elsewhere_has_no_record(tmp_path: Path) -> None:
    assert read_trained(tmp_path) is None
    assert read_trained(tmp_path / "sentence-transformers" / "all-MiniLM-L6-v2") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"templates": {"t": {"x": 1}}}', "\xff"])
def test_a_broken_record_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="not a training record"):
        read_trained(tmp_path)
