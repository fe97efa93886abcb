"""The next command to type, told from real runs."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from mined_world import MINE, TASK, WORLD, dig, document, example, sift

from kalm_data.api.status import status
from kalm_data.cli.app import run as run_command
from kalm_data.core.config.mine import MineConfig
from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.next_steps import DoneRun, TaskProgress, next_steps
from kalm_data.core.records import LabelledText, TaskRow, Text
from kalm_data.core.tasks import Task
from kalm_data.workspace.overview import read_overview
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from kalm_data.workspace.database import Database

DECLARED = [TaskRow("t", 1, TASK.model_dump_json(), "0001-import")]
DOCUMENTS = [document(i) for i in range(12)]


def of_run(database: Database, rows: list, command: str) -> None:
    """As `fill`, with the id of the run in every record, as imports write it."""
    with running(database, command, "{}") as run:
        run.append([_made_by(record, run.run_id) for part in rows for record in part])


def _made_by(record: object, run_id: str) -> object:
    told = {name: getattr(record, name) for name in record.__slots__}
    return type(record)(**(told | ({"run_id": run_id} if "run_id" in told else {})))


def commands(database: Database) -> list[str]:
    return [step.command for step in read_overview(database).next]


def test_from_nothing_to_the_evaluation_each_step_names_the_next(database: Database) -> None:
    assert commands(database) == ["kalm-data import documents FOLDER --task NAME"]
    of_run(database, [DECLARED, *DOCUMENTS], "import")
    assert commands(database) == ["kalm-data synth --task t"]
    of_run(database, WORLD, "import")
    assert commands(database)[0] == "kalm-data mine --task t"
    dig(database)
    assert commands(database)[0] == "kalm-data filter --task t"
    sift(database, top_k=10)
    assert commands(database) == ["kalm-data build-shards shards/"]
    record(database, "build-shards", {"out": "my set", "tasks": ["t"]})
    assert commands(database) == [
        "kalm-data train 'my set' --model sentence-transformers/all-MiniLM-L6-v2 --output model"
    ]
    record(database, "train", {"output": "model", "settings": {"model": "base"}})
    assert commands(database) == ["kalm-data eval model --against base --task t"]
    record(database, "eval", {})
    assert commands(database) == []


def record(database: Database, command: str, configuration: dict[str, object]) -> None:
    with running(database, command, json.dumps(configuration)):
        pass


def test_new_queries_make_ranks_rules_and_sets_old(database: Database) -> None:
    of_run(database, [DECLARED, *WORLD], "import")
    sift(dig(database), top_k=10)
    record(database, "build-shards", {"out": "set", "tasks": []})
    of_run(database, [example("number 11 bread", [11])], "import")
    mine, filter_, built = commands(database)
    assert mine.startswith("kalm-data mine --task t --ranker") and "--ranks 1-12" in mine
    assert filter_.startswith("kalm-data filter --task t") and "--top-k 10" in filter_
    assert built == "kalm-data build-shards set"
    sift(dig(database), top_k=10)
    assert commands(database) == ["kalm-data build-shards set"]


def test_an_older_pool_of_a_rule_is_told(database: Database) -> None:
    of_run(database, [DECLARED, *WORLD], "import")
    sift(dig(database), top_k=10)
    of_run(database, [document(40)], "import")
    assert ["mine" in commands(database)[0], "filter" in commands(database)[1]] == [True, True]


def test_an_interrupted_run_is_to_be_run_again_with_its_options() -> None:
    def run(sequence: int, status: str) -> DoneRun:
        told = json.dumps({"tasks": ["a b"], "settings": MINE.model_dump(mode="json")})
        return DoneRun(sequence, f"000{sequence}-mine", "mine", status, told)

    task = TASK.name
    progress = [_progress(task)]
    (step, *_) = next_steps(progress, [run(1, "interrupted")])
    assert step.why == "run 0001-mine was interrupted"
    words = shlex.split(step.command)
    assert words[:4] == ["kalm-data", "mine", "--task", "a b"]
    given = dict(zip(words[4::2], words[5::2], strict=True))
    read = MineConfig(ranks=given["--ranks"], negatives=int(given["--negatives"]),
                      depth=int(given["--depth"]))  # fmt: skip
    assert read == MINE.model_copy(update={"max_score_ratio": read.max_score_ratio})
    assert not any(
        "interrupted" in one.why
        for one in next_steps(progress, [run(1, "interrupted"), run(2, "ok")])
    )


def test_options_of_an_interrupted_synth_are_those_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SynthConfig(engine="openai", model="m", per_doc=5, facets=("title",), steps=1)
    model = {"base_url": "http://127.0.0.1:9/v1", "retries": 0, "max_failures": 1}
    told = {"tasks": ["t"], "settings": config.model_dump(mode="json"), "model": model}
    run = DoneRun(1, "0001-synth", "synth", "interrupted", json.dumps(told))
    (step, *_) = next_steps([_progress("t")], [run])
    words = [*shlex.split(step.command)[1:], "-w", str(tmp_path / "none")]
    assert run_command(words) == 1  # no usage error: there is no workspace
    assert "no workspace" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_with_the_devices_that_it_named() -> None:
    settings = MINE.model_dump(mode="json")
    told = json.dumps({"tasks": ["t"], "settings": settings, "devices": ["cuda:0", "cuda:1"]})
    run = DoneRun(1, "0001-mine", "mine", "interrupted", told)
    (step, *_) = next_steps([_progress("t")], [run])
    assert step.command.endswith("--devices cuda:0 --devices cuda:1")


def _progress(task: str) -> TaskProgress:
    return TaskProgress(task, True, 10, 10, 0, 1, 0, "", "", ())


def test_commands_name_the_workspace_where_it_is_not_the_default(database: Database) -> None:
    (step,) = status(database.folder).next
    assert step.command.endswith(f" --workspace {database.folder}")


def test_nothing_is_to_be_done_while_a_command_is_at_work(database: Database) -> None:
    with running(database, "mine", "{}") as run:
        run.plan(1)
        assert read_overview(database).next == ()
        run.keep()


def test_a_task_of_labels_is_built_without_queries_or_ranks(database: Database) -> None:
    task = Task(name="c", type="classification")
    known = Text.of("a text of a class")
    labelled = LabelledText("c", known.text_hash, "x", "en", "train", "l.csv", 1, "r")
    declared = TaskRow("c", 1, task.model_dump_json(), "r")
    of_run(database, [[declared, known, labelled]], "import")
    assert commands(database) == ["kalm-data build-shards shards/"]
