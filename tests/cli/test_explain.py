from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from kalm_data.api.explain import explain
from kalm_data.api.imports import ImportPairsConfig, NamedTask, import_pairs
from kalm_data.cli.app import run
from kalm_data.cli.explain_tree import explanation_tree
from kalm_data.cli.visible import visible

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "[bold red]x[/] \x1b[2J\x1b]0;owned\x07 \u202eright\u2066 <script> 北京 " + "w" * 500


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    file = tmp_path / "pairs.jsonl"
    row = {"query": HOSTILE, "positive": f"{HOSTILE} is answered"}
    file.write_text(json.dumps(row) + "\n" + json.dumps({"query": "b c", "positive": "c d e"}))
    sources, config = [str(file)], ImportPairsConfig(as_split="train")
    import_pairs(tmp_path / "w", sources, NamedTask(task="t"), config)
    return tmp_path / "w"


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("full", [True, False])
def test_hostile_texts_show_as_text_and_fit(workspace: Path, width: int, full: bool) -> None:
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False)
    console.print(explanation_tree(explain(workspace, HOSTILE), full=full))
    shown = out.getvalue()
    assert "[bold red]x[/]" in shown and "\\x1b[2J" in shown and "\\u202eright" in shown
    assert not {"\x1b", "\x07", "\u202e", "\u2066"} & {*shown}
    assert max(map(len, shown.splitlines())) <= width


def test_what_steers_a_terminal_is_escaped_and_letters_are_not() -> None:
    assert (
        visible("a\x00\x9b\r\u2028\u200f\nb é 北 שלום ا")
        == "a\\x00\\x9b\\r\\u2028\\u200f\nb é 北 שלום ا"
    )


def test_json_is_one_object_with_all_that_is_known(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "b c", "-w", str(workspace), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["command"], told["status"], told["kind"]) == ("explain", "ok", "example")
    assert told["example"]["positives"][0]["document"]["text"] == "c d e"
    assert [one["run_id"] for one in told["runs"]] == ["0001-import-pairs"]


def test_an_ambiguous_id_lists_what_to_type_and_ends_with_1(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources, config = [str(workspace.parent / "pairs.jsonl")], ImportPairsConfig(as_split="train")
    import_pairs(workspace, sources, NamedTask(task="u"), config)
    assert run(["explain", "b c", "-w", str(workspace), "--json"]) == 1
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told["status"] == "failed" and len(told["candidates"]) == 2
    assert run(["explain", "b c", "-w", str(workspace)]) == 1
    listed = capsys.readouterr().err
    assert all(one["id"] in listed for one in told["candidates"])
