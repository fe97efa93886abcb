from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kalm_data.cli.app import run

HEAVY = ("torch", "transformers", "vllm", "datasets", "duckdb", "numpy", "pyarrow")


def test_help_imports_nothing_heavy() -> None:
    script = f"""
import contextlib, io, sys
from kalm_data.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    assert run(["--help"]) == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_usage_error_ends_with_status_2_and_one_json_object(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["status", "--no-such-option", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "failed"
    assert "--no-such-option" in answer["error"]


def test_an_error_of_the_user_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "-w", str(tmp_path / "none"), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["run_id"] is None
    assert printed.err.count("\n") == 1


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("kalm-data ")
