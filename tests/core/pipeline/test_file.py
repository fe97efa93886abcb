from __future__ import annotations

from pathlib import Path

import pytest

from kalm_data.core.config.eval import RegressSettings
from kalm_data.core.config.filter import FilterConfig
from kalm_data.core.config.imports import ImportPairsConfig
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.errors import InputError
from kalm_data.core.pipeline.commands import (
    SetArguments,
    SourceArguments,
    TaskArguments,
    TrainArguments,
)
from kalm_data.core.pipeline.file import Pipeline, read_pipeline
from kalm_data.core.pipeline.step import Step

FIRST = '[[step]]\ncommand = "mine"\n'


def read(folder: Path, text: str) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(text, encoding="utf-8")
    return read_pipeline(file)


def first(folder: Path, text: str) -> Step:
    return read(folder, text).steps[0]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("workspce = 'w'\n" + FIRST, 1, "workspce: unknown key; is workspace meant?"),
        ("\nseed = -1\n" + FIRST, 2, "seed: not a number of 0 or more (given: -1)"),
        ("seed = true\n" + FIRST, 1, "seed: not a number"),
        ("workspace = 3\n" + FIRST, 1, "workspace: not a folder (given: 3)"),
        (FIRST + "negativs = 3\n", 3, "mine: negativs: unknown key; is negatives meant?"),
        (FIRST + "negatives = 0\n", 3, "mine: negatives: must be from 1 to 1000 (given: 0)"),
        (FIRST + '[[step]]\ncommand = "filter"\nnegatives = 1\n', 5, "filter: negatives: unknown"),
        (FIRST + FIRST + "negatives = 0\n", 5, "mine: negatives: "),
        (FIRST + "max-score = 1\nmax_score = 2\n", 3, "mine: max_score stands there twice"),
        ('[[step]]\ntask = "t"\n', 1, "command is missing. Add one of: import documents"),
        ('[[step]]\ncommand = "mien"\n', 2, "command: no step (given: 'mien'); known: import"),
        ('[[step]]\ncommand = "demo"\n', 2, "command: no step"),
        ('[[step]]\ncommand = "synth"\npreview = 3\n', 3, "synth: preview writes nothing"),
        ('[[step]]\ncommand = "train"\nshards = "s"\nmodel = "m"\n[[step]]\noutput = "o"\n', 1,
         "train: output: is missing. Add it."),
        ('[[step]]\ncommand = "train"\nshards = "s"\noutput = "o"\n', 1,
         "train: model: is missing. Add it."),
        ('[[step]]\ncommand = "train"\nshards = "s"\noutput = "o"\nmodel = "m"\nlr = 0\n', 6,
         "train: lr: must be more than 0"),
        ('[[step]]\ncommand = "train"\nshards = "s"\noutput = "o"\nmodel = "m"\nunset = "lrr"\n', 6,
         "train: unset: unknown setting lrr. Is lr meant?"),
        ('[[step]]\ncommand = "import documents"\ntask = "t"\nsources = "-"\n', 4,
         "import documents: sources: standard input cannot be read again: name a file"),
        (FIRST + 'name = "a"\n' + FIRST + 'name = "a"\n', 6, "name: two steps are named a"),
        (FIRST + "name = 3\n", 3, "name: no name of a step (given: 3)"),
        ('[[step]]\ncommand = "synth"\nmin_words = 9\nmax_words = 8\n', 1, "synth: min_words 9"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_the_remedy(
    tmp_path: Path, text: str, line: int, told: str
) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'p.toml'}:{line}: {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no step. Write [[step]]"), ("step = 3", "no step"), ("a = ", "no valid TOML")],
)
def test_a_file_without_steps_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=r"p\.toml: ") as error:
        read(tmp_path, text)
    assert told in str(error.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        read_pipeline(tmp_path / "none.toml")


def test_keys_are_settings_or_options_as_they_are_typed(tmp_path: Path) -> None:
    typed = read(
        tmp_path,
        '[[step]]\ncommand = "filter"\ntop-k = 7\ntask = "t"\n'
        '[[step]]\ncommand = "filter"\ntop_k = 7\ntask = ["t"]\n'
        '[[step]]\ncommand = "import pairs"\nsources = "f"\ntask = "t"\nas = "test"\n'
        '[[step]]\ncommand = "build-shards"\nout = "s"\nlicense = "MIT"\n',
    ).steps
    assert typed[0].settings == typed[1].settings
    assert typed[0].of(FilterConfig).top_k == 7 and typed[0].of(TaskArguments).task == ("t",)
    assert typed[2].of(ImportPairsConfig).as_split == "test"
    assert typed[3].of(ShardsConfig).licences == ("MIT",)


def test_steps_without_a_name_are_named_by_their_command(tmp_path: Path) -> None:
    steps = read(tmp_path, FIRST + FIRST + FIRST + 'name = "third"\n').steps
    assert [step.name for step in steps] == ["mine", "mine-2", "third"]
    assert [step.line for step in steps] == [1, 3, 5]


def test_the_seed_is_that_of_every_step_that_gives_none(tmp_path: Path) -> None:
    steps = read(tmp_path, "seed = 5\n" + FIRST + FIRST + "seed = 6\n").steps
    assert [step.of(MineConfig).seed for step in steps] == [5, 6]


def test_paths_are_relative_to_the_file_and_names_stay_names(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    pipeline = read(
        tmp_path,
        '[[step]]\ncommand = "import documents"\nsources = ["d", "hf:n"]\ntask = "t"\ntext = "d"\n'
        '[[step]]\ncommand = "mine"\n'
        'ranker = ["bm25:en", "dense:local", "dense:org/model", "run:r.trec", "hybrid:made"]\n'
        'denoise = "./x"\n'
        '[[step]]\ncommand = "train"\nshards = "s"\nmodel = "org/model"\noutput = "made"\n'
        'teacher = "local"\n',
    )
    imported, mined, trained = (step.located(pipeline.places) for step in pipeline.steps)
    here = str(tmp_path) + "/"
    assert imported.of(SourceArguments).sources == (here + "d", "hf:n")
    assert mined.of(MineConfig).ranker == (
        "bm25:en", f"dense:{here}local", "dense:org/model", f"run:{here}r.trec",
        f"hybrid:{here}made",
    )  # fmt: skip
    assert mined.of(MineConfig).denoise == here + "x"
    assert pipeline.steps[1].inputs(pipeline.places) == ("local", "r.trec", "made", "./x")
    assert pipeline.steps[2].inputs(pipeline.places) == ("s", "local")
    assert trained.given.values == {"model": "org/model", "teacher": here + "local"}
    assert trained.output == tmp_path / "made"


def test_a_file_named_from_its_own_folder_leaves_paths_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what a command records of its arguments is what it records when it is typed."""
    read(tmp_path, '[[step]]\ncommand = "build-shards"\nout = "s"\n')
    monkeypatch.chdir(tmp_path)
    pipeline = read_pipeline(Path("p.toml"))
    assert pipeline.steps[0].located(pipeline.places).of(SetArguments).out == Path("s")


def test_a_text_that_looks_like_a_step_is_none(tmp_path: Path) -> None:
    text = '[[step]]\ncommand = "mine"\ntask = """\n[[step]]\n"""\nnegativs = 1\n'
    with pytest.raises(InputError, match=r"p\.toml:6: "):
        read(tmp_path, text)


TRAIN = '[[step]]\ncommand = "train"\nshards = "s"\noutput = "o"\n'


def test_the_file_of_settings_may_name_the_model(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('recipe = "adapt"\nmodel = "m"\n')
    step = first(tmp_path, TRAIN + 'config = "t.toml"\nepochs = 2\nunset = ["base-shares"]\n')
    assert step.given.values == {"epochs": 2}
    assert step.of(TrainArguments).unset == ("base_shares",)


def test_a_wrong_file_of_settings_is_told_before_any_step_runs(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text("epochs = 2\n")
    with pytest.raises(InputError, match=r"p\.toml:1: train: model: is missing\. Add it\."):
        read(tmp_path, TRAIN + 'config = "t.toml"\n')
    (tmp_path / "t.toml").write_text("epochs = 0\n")
    with pytest.raises(InputError, match=r"t\.toml:1: epochs: "):
        read(tmp_path, TRAIN + 'config = "t.toml"\n')


@pytest.mark.parametrize(
    ("regress", "reads"),
    [("", False), ("regress = ['task']", True), ("regress = ['./beir', 'beir/x']", False),
     ("regress = ['./beir', 'task']", True)],
)  # fmt: skip
def test_train_reads_the_workspace_where_it_may_judge_by_a_task_of_it(
    tmp_path: Path, regress: str, reads: bool
) -> None:
    assert first(tmp_path, TRAIN + f'model = "m"\n{regress}\n').reads is reads


def test_a_folder_that_is_told_from_a_name_by_its_dot_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, TRAIN + 'model = "./m"\nregress = ["./beir"]\n')
    monkeypatch.chdir(tmp_path)
    pipeline = read_pipeline(Path("p.toml"))
    step = pipeline.steps[0].located(pipeline.places)
    assert step.given.values["model"] == "./m"
    assert step.of(RegressSettings).regress == ("./beir",)
