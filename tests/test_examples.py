"""The script of `examples/` drives the stages, and gives what the file gives."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest
from mined_world import bytes_of

from kalm_data.api.run import RunConfig, run_pipeline

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_script_and_file_give_the_same_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(EXAMPLES / "pipeline.py"))
    built = script["make_set"](tmp_path / "script")
    assert built.result.rows > 20 and "positives stay" in capsys.readouterr().out
    (tmp_path / "file").mkdir()
    for name in ("pipeline.toml", "documents.jsonl"):
        shutil.copy(EXAMPLES / name, tmp_path / "file")
    run_pipeline(tmp_path / "file" / "pipeline.toml", RunConfig(until="build-shards"))
    assert bytes_of(tmp_path / "script" / "shards") == bytes_of(tmp_path / "file" / "shards")


@pytest.mark.slow
def test_script_trains_and_judges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / "pipeline.py"))["main"](tmp_path / "script")
    told = capsys.readouterr().out
    assert "after 4 steps" in told and "trained+bm25: nDCG@10 " in told
