from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kalm_data.cli.app import load_command, run
from kalm_data.core.pipeline.commands import COMMANDS, MERGE

EXAMPLES = Path(__file__).parents[2] / "examples"


def copy_example(folder: Path) -> None:
    """Without what a run in the checkout may have left."""
    folder.mkdir()
    for name in ("pipeline.toml", "documents.jsonl"):
        shutil.copy(EXAMPLES / name, folder)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != MERGE])
def test_a_step_takes_what_its_command_takes(name: str) -> None:
    first, *words = name.split()
    command = load_command(first)
    for word in words:
        command = command.commands[word]
    typed = {parameter.name for parameter in command.params} - {
        "workspace",
        "json",
        "help",
        "print_config",
    }
    kinds = [name, MERGE] if name == "train" else [name]
    taken = {
        field for kind in kinds for part in COMMANDS[kind].settings for field in part.model_fields
    }
    assert taken == typed


def test_the_plan_of_the_example_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy_example(tmp_path / "e")
    file = str(tmp_path / "e" / "pipeline.toml")
    assert run(["run", file, "--dry-run"]) == 0
    assert "has not run yet" in capsys.readouterr().out
    assert run(["run", file, "--dry-run", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [step["action"] for step in answer["steps"]] == ["would run"] * 9
    assert not (tmp_path / "e" / "workspace").exists()


def test_the_example_runs_and_then_has_nothing_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy_example(tmp_path / "e")
    arguments = ["run", str(tmp_path / "e" / "pipeline.toml"), "--until", "build-shards", "--json"]
    assert run(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["kept"] == first["planned"] == 6
    assert first["steps"][-1]["result"]["rows"] > 20
    assert run(arguments) == 0
    again = json.loads(capsys.readouterr().out)
    assert {step["action"] for step in again["steps"]} == {"unchanged"}
    assert run([*arguments[:2], "-w", str(tmp_path / "other"), "--until", "synth"]) == 0
    assert (tmp_path / "other" / "workspace.duckdb").exists()
