from __future__ import annotations

from pathlib import Path

import pytest

from kalm_data.core.pipeline.file import Pipeline, read_pipeline
from kalm_data.core.pipeline.named_within import named_within

TEACH = 'model = "m"\nteacher = "t"\ndistill_weight = 1\n'
STEP = """\
[[step]]
command = "train"
shards = "s"
output = "o"
config = "c/t.toml"
"""


def pipeline_of(folder: Path, more: str, settings: str) -> Pipeline:
    for name in ("m", "t", "c"):
        (folder / name).mkdir(parents=True)
    (folder / "c" / "t.toml").write_text(settings)
    (folder / "p.toml").write_text(STEP + more)
    return read_pipeline(folder / "p.toml")


def within(pipeline: Pipeline, place: int = 0) -> list[str]:
    return list(named_within(pipeline.steps[place], pipeline.places))


@pytest.mark.parametrize(
    ("settings", "more", "found"),
    [
        (TEACH, "", ["m", "t"]),
        (TEACH, 'model = "org/other"\n', ["t"]),
        (TEACH, 'unset = ["teacher", "distill_weight"]\n', ["m"]),
        ('model = "org/model"\ntemplates = "paper"\n', "", []),
        ('model = "./gone"\n', "", ["gone"]),
    ],
)
def test_models_that_a_file_of_settings_names_are_inputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, more: str, found: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert within(pipeline_of(tmp_path, more, settings)) == found


def test_they_are_relative_to_where_the_command_runs_as_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline = pipeline_of(tmp_path / "p", "", 'model = "p/m"\n')
    assert within(pipeline) == ["m"]
    assert within(pipeline_of(tmp_path / "q", "", 'model = "m"\n')) == []


def test_a_model_that_an_earlier_step_makes_is_one_before_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = '[[step]]\ncommand = "train"\nshards = "s"\noutput = "made"\nmodel = "m"\n'
    pipeline_of(tmp_path / "p", "", 'model = "p/made"\n')
    file = tmp_path / "p" / "p.toml"
    file.write_text(first + STEP)
    assert within(read_pipeline(file), 1) == ["made"]
    assert within(read_pipeline(Path("p/p.toml")), 1) == ["made"]
