from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.cli.app import command_words, load_command, run

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves() -> Iterator[tuple[list[str], object]]:
    for name in command_words():
        command = load_command(name)
        for child, inner in getattr(command, "commands", {"": command}).items():
            yield [name, *filter(None, [child])], inner


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize(("typed", "command"), list(leaves()), ids=lambda one: str(one)[:30])
def test_help_names_every_option_whole_and_fits_the_terminal(
    typed: list[str],
    command: object,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert run([*typed, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    shown = "\n".join(lines)
    for parameter in command.params:  # type: ignore[attr-defined]
        if parameter.param_type_name == "argument":
            assert f"  {parameter.name.upper()}" in shown
            continue
        name = max(parameter.opts, key=len)
        switch = f"--[no-]{name.removeprefix('--')}"
        assert f"{switch if parameter.secondary_opts else name}" in shown
        words = (parameter.help or "").split()
        assert " ".join(words) in " ".join(shown.split())


def test_options_stand_under_what_their_settings_say_of_themselves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["synth", "--help"]) == 0
    shown = capsys.readouterr().out
    headings = [line for line in shown.splitlines() if line.endswith(":") and line[:1] != " "]
    assert headings == [
        "Options:",
        "Who is asked, and how its replies are drawn:",
        "Who writes queries, how many, and what a query must be:",
        "Where the model runs, and how it is asked:",
        "The devices of one run:",
        "Bounds on the counts of a run:",
        "As with all commands:",
    ]
    assert "\n  --estimate" not in shown and "  --[no-]estimate" in shown
    assert "\n  --seed N                  Seed of every choice. [default: 0]" in shown


@pytest.mark.parametrize("typed", [[], ["import"]])
def test_a_list_of_commands_tells_each_with_its_words(
    typed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*typed, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and "Options:" in lines
    names = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line[2:3] > " "]
    assert names == [one[-1] for one, _ in leaves() if one[:-1] == typed] or not typed
    assert typed or names == [*command_words()]
