from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kalm_data.cli.app import command_words, load_command, run

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


@pytest.mark.parametrize("name", command_words())
def test_the_list_says_of_a_command_what_its_own_help_says_first(name: str) -> None:
    first, *_ = load_command(name).help.split("\n\n")
    assert command_words()[name] == " ".join(first.split())


def test_the_list_imports_no_command() -> None:
    script = """
import contextlib, io, sys
from kalm_data.cli.app import run
with contextlib.redirect_stdout(io.StringIO()):
    assert run(["--help"]) == 0
print([name for name in sys.modules if name.startswith("kalm_data.core.config")])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_an_unknown_command_is_told_what_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fliter"]) == 2
    assert "Did you mean 'filter'?" in capsys.readouterr().err


def test_a_usage_error_ends_with_status_2_and_one_json_object(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["status", "--no-such-option", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer["status"] == "failed"
    assert "--no-such-option" in answer["error"]


def test_devices_of_two_kinds_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["mine", "--devices", "cuda:0,cpu", "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert "--devices" in answer["error"]
    assert "name devices of one kind (given: ['cuda:0,cpu'])" in answer["error"]


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


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("mine --negatives 0", "mine: --negatives: must be from 1 to 1000 (given: 0)."),
        ("mine --negatives x", "mine: --negatives: must be a whole number (given: 'x')."),
        ("mine --recipe foo", "mine: --recipe: 'foo' is not one of 'default', 'kalm', 'nv-ret"),
        ("mine --ranks 5", "mine: --ranks: ranks are written FIRST-LAST, counted from 1"),
        ("report", "report: OUT: is missing."),
        ("mien", "kalm-data: No such command 'mien'. Did you mean 'mine'? `kalm-data --help`"),
        ("synth --type sts", "synth: rows from personas need a language model: engine vllm or"),
        ("train s --model m --output o --lr 0", "train: --lr: must be more than 0 (given: 0.0)."),
    ],
)
def test_wrong_usage_is_one_line_that_names_option_value_and_bounds(
    typed: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert told in printed.err and "--help` tells more." in printed.err
