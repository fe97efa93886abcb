from __future__ import annotations

import pytest

from kalm_data.cli.app import run


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said of wrong usage, without the frame around it."""
    assert run(list(arguments)) == 2
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_options_that_contradict_one_another_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = wrong(capsys, "synth", "--task", "t", "--min-words", "9", "--max-words", "3")
    assert "--min-words 9 is more than --max-words 3" in said
    assert "Value error" not in said and "given" not in said


def test_a_ranker_of_another_form_is_told_how_to_write_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = wrong(capsys, "mine", "--ranker", "bm52")
    assert "--ranker" in said and "write bm25, dense:MODEL, hybrid:MODEL" in said
