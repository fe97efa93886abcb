"""How commands end where stdout takes no letters, or nothing at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = f"{sys.executable} -m kalm_data"
full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {COMMAND} {line}"], capture_output=True, text=True,
        check=False, env=os.environ | environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reporting")
    (folder / "d.jsonl").write_text('{"id": "1", "text": "some words"}\n')
    line = f"import documents {folder}/d.jsonl --task t --collection größe -w {folder}/w"
    done = shell(line)
    assert done.returncode == 0, done.stderr
    return folder / "w"


def test_ascii_output_is_escaped_json_and_tables_with_escapes(workspace: Path):
    as_json = shell(f"status -w {workspace} --json", PYTHONIOENCODING="ascii")
    assert as_json.returncode == 0
    assert json.loads(as_json.stdout)["documents"] == {"größe": 1}
    table = shell(f"status -w {workspace}", PYTHONIOENCODING="ascii")
    assert table.returncode == 0, table.stderr
    assert r"gr\xf6\xdfe" in table.stdout


@full_device
@pytest.mark.parametrize("option", ["", "--json", "--json --no-such-option"])
def test_a_full_stdout_is_one_line_and_status_1(workspace: Path, option: str):
    done = shell(f"status -w {workspace} {option} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        "kalm-data: standard output: No space left on device. Send it where there is room.\n"
    )


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_closed_stdout_is_one_line_and_status_1(workspace: Path, option: str):
    done = shell(f"status -w {workspace} {option} >&-")
    assert done.returncode == 1
    assert done.stderr == ("kalm-data: standard output is closed. Send it to a file or a pipe.\n")


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_reader_that_went_away_is_no_error_to_speak_of(workspace: Path, option: str):
    done = shell(f"status -w {workspace} {option} | true")
    assert (done.returncode, done.stderr) == (1, "")
