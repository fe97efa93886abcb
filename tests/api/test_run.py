"""The bar of `run`: what was touched, and what depends on it, is done again, and nothing else."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mined_world import bytes_of
from tiny_encoder import save_encoder

from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.run import RunConfig, StepReport, plan_pipeline, run_pipeline
from kalm_data.cli.app import run as run_command
from kalm_data.core.errors import InputError
from kalm_data.core.resources import resource_folder
from kalm_data.engines.stand_in_server import StandInServer
from kalm_data.workspace.database import Database
from kalm_data.workspace.recovery import close_dead_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = 12
SET = "build-shards"
TOPICS = ["granite", "tides", "paper", "sourdough", "glass", "taxes", "cameras", "winds"]

PIPELINE = """
workspace = "w"
seed = 3

[[step]]
command = "import documents"
sources = ["docs.jsonl"]
task = "d"
as = "train"

[[step]]
command = "synth"
task = "d"
engine = "openai"
model = "stand-in"
base-url = "{url}"
steps = 1
per_doc = 1
prompts_dir = "prompts"

[[step]]
command = "mine"
task = "d"
ranker = ["dense:encoder"]
ranks = "2-8"
negatives = 2
max_score_ratio = 1.0

[[step]]
command = "filter"
task = "d"
top_k = 12

[[step]]
command = "build-shards"
out = "shards"
task = "d"

[[step]]
command = "train"
shards = "shards"
model = "encoder"
output = "model"
max_steps = 2
batch_size = 4
negatives = 2
"""


@dataclass
class Place:
    """A folder with a pipeline, and the server that its synth asks."""

    folder: Path
    server: StandInServer

    @property
    def file(self) -> Path:
        return self.folder / "pipeline.toml"

    def run(self, **config: object) -> dict[str, StepReport]:
        outcome = run_pipeline(self.file, RunConfig.model_validate(config))
        return {step.name: step for step in outcome.result.steps}

    def plan(self, **config: object) -> dict[str, str]:
        return {
            s.name: s.action
            for s in plan_pipeline(self.file, RunConfig.model_validate(config)).steps
        }

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"), [*TOPICS, "case", "is", "about"])


@pytest.fixture
def place(tmp_path: Path, encoder: Path) -> Iterator[Place]:
    with StandInServer() as server:
        yield fill(Place(tmp_path, server), encoder)


def fill(place: Place, encoder: Path, documents: int = DOCUMENTS) -> Place:
    place.folder.mkdir(exist_ok=True)
    shutil.copytree(encoder, place.folder / "encoder")
    shutil.copytree(resource_folder("prompts"), place.folder / "prompts")
    place.file.write_text(PIPELINE.replace("{url}", place.server.base_url))
    words = random.Random(1)
    rows = [
        {"id": f"d{i}", "title": f"Case {i}", "text": f"Case {i} is about {words.choice(TOPICS)} "
         f"and {words.choice(TOPICS)}: error {words.randrange(10**6)} comes before "
         f"{words.randrange(10**6)} in {words.randrange(10**6)} of them."}
        for i in range(documents)
    ]  # fmt: skip
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (place.folder / "docs.jsonl").write_text(lines)
    return place


def replies(workspace: Path) -> int:
    """Those that a killed run left behind."""
    close_dead_runs(Database(workspace))
    with Database(workspace).read() as connection:
        return int(connection.execute("SELECT count(*) FROM generations").fetchall()[0][0])


def actions(steps: dict[str, StepReport]) -> list[str]:
    return [name for name, step in steps.items() if step.action == "ran"]


def test_a_second_run_does_nothing(place: Place) -> None:
    first = place.run()
    assert actions(first) == [*first] and place.server.asked.total() == DOCUMENTS
    assert actions(place.run()) == []
    assert set(place.plan().values()) == {"unchanged"}
    assert place.server.asked.total() == DOCUMENTS


def test_one_document_that_changed_is_asked_for_and_encoded_alone(place: Place) -> None:
    before = place.run(until=SET)
    assert before["mine"].result.encoded == 2 * DOCUMENTS  # documents and their queries
    place.change("docs.jsonl", "Case 5 is about", "Case 5 was about")
    steps = place.run(until=SET)
    assert steps["import-documents"].why == ("docs.jsonl changed",)
    assert actions(steps) == [*steps]
    assert place.server.asked.total() == DOCUMENTS + 1
    assert steps["mine"].result.encoded == 2


def test_a_prompt_that_changed_is_sent_for_every_document_and_none_is_encoded_again(
    place: Place,
) -> None:
    place.run(until=SET)
    for prompt in (place.folder / "prompts").glob("*.md"):
        prompt.write_text(prompt.read_text() + "\nBe brief.\n")
    steps = place.run(until=SET)
    assert actions(steps) == ["synth", "mine", "filter", "build-shards"]
    assert steps["synth"].why == ("prompts/grounded-one-step.en.md changed",)
    assert place.server.asked.total() == 2 * DOCUMENTS
    new_queries = steps["synth"].result.accepted
    assert steps["mine"].result.encoded <= new_queries


def test_a_prompt_that_no_step_sends_changes_nothing_and_one_that_is_sent_all(
    place: Place,
) -> None:
    place.run(until=SET)
    prompts = place.folder / "prompts"
    for unused in ("grounded-2-write.en.md", "grounded-one-step.zh.md", "sts-1-write.en.md"):
        (prompts / unused).write_text((prompts / unused).read_text() + "\nBe brief.\n")
    assert actions(place.run(until=SET)) == []
    assert place.server.asked.total() == DOCUMENTS
    place.change("prompts/grounded-one-step.en.md", "Write one search", "Write one short search")
    steps = place.run(until=SET)
    assert actions(steps) == ["synth", "mine", "filter", "build-shards"]
    assert steps["synth"].why == ("prompts/grounded-one-step.en.md changed",)
    assert place.server.asked.total() == 2 * DOCUMENTS
    assert steps["mine"].result.encoded <= steps["synth"].result.accepted


@pytest.mark.parametrize(
    ("old", "new", "why", "ran"),
    [
        ("top_k = 12", "top_k = 3", "top_k: 12 → 3", ["filter", "build-shards", "train"]),
        ("max_steps = 2", "max_steps = 1", "max_steps: 2 → 1", ["train"]),
        ("seed = 3", "seed = 4", "seed: 3 → 4",
         ["import-documents", "synth", "mine", "filter", "build-shards", "train"]),
    ],
)  # fmt: skip
def test_a_setting_that_changed_asks_and_encodes_nothing_that_is_known(
    place: Place, old: str, new: str, why: str, ran: list[str]
) -> None:
    place.run()
    asked = place.server.asked.total()
    place.change("pipeline.toml", old, new)
    plan = place.plan()
    steps = place.run()
    assert actions(steps) == ran and why in steps[ran[0]].why
    # what might have run is planned as such, and nothing else is
    assert {name for name, action in plan.items() if action != "unchanged"} == {*ran}
    if "synth" not in ran:
        assert place.server.asked.total() == asked


def test_a_set_that_comes_out_the_same_is_not_trained_on_again(place: Place) -> None:
    place.change("pipeline.toml", "top_k = 12", 'min_score = -1.0\nranker = ["dense:encoder"]')
    place.run()
    place.change("pipeline.toml", "task = \"d\"\n\n[[step]]\ncommand = \"train\"",
                 "task = \"d\"\nmin_negatives = 2\n\n[[step]]\ncommand = \"train\"")  # fmt: skip
    assert place.plan()["train"] == "may run"
    assert actions(place.run()) == ["build-shards"]


SHOWN = """
[[step]]
command = "verify"
shards = "shards"

[[step]]
command = "diff"
a = "older"
b = "shards"
rows = "differing.jsonl"

[[step]]
command = "report"
out = "page.html"
shards = "shards"
"""


def test_what_only_looks_is_done_again_after_what_it_looks_at(place: Place) -> None:
    without_train = place.file.read_text().rpartition("[[step]]")[0]
    place.file.write_text(without_train + SHOWN)
    place.run(until=SET)
    shutil.copytree(place.folder / "shards", place.folder / "older")
    first = place.run()
    assert actions(first) == ["verify", "diff", "report"]
    assert first["verify"].result.rows and first["diff"].result.differing_rows == 0
    assert first["report"].result.bytes == (place.folder / "page.html").stat().st_size
    assert actions(place.run()) == [] and set(place.plan().values()) == {"unchanged"}
    place.change("pipeline.toml", "top_k = 12", "top_k = 3")
    planned = [name for name, action in place.plan().items() if action != "unchanged"]
    steps = place.run()
    assert actions(steps) == planned == ["filter", SET, "verify", "diff", "report"]
    assert steps["report"].why[-1] == f"shows filter, {SET}"
    assert (
        steps["diff"].result.differing_rows > 0 and (place.folder / "differing.jsonl").read_text()
    )
    (place.folder / "page.html").unlink()
    assert actions(place.run()) == ["report"]
    filter_positives(place.folder / "w", ["d"], FilterConfig(top_k=3))
    assert "report" in actions(place.run())


def test_what_is_gone_or_was_touched_is_made_again(place: Place) -> None:
    place.run()
    shutil.rmtree(place.folder / "shards")
    (place.folder / "model" / "extra").write_text("x")
    steps = place.run()
    assert actions(steps) == ["build-shards", "train"]
    assert steps["build-shards"].why == ("shards is missing",)
    assert steps["train"].why == ("model is not what the step wrote",)


def test_work_that_others_did_in_the_workspace_is_noticed(place: Place) -> None:
    place.run(until=SET)
    filter_positives(place.folder / "w", ["d"], FilterConfig(top_k=1))
    steps = place.run(until=SET)
    assert "changed the workspace since" in steps["filter"].why[0]
    assert steps["build-shards"].action == "ran"
    assert steps["mine"].result.encoded == 0
    assert place.server.asked.total() == DOCUMENTS
    assert actions(place.run(until=SET)) == []


def test_the_commands_and_the_file_give_the_same_bytes(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run()
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for name in ("docs.jsonl", "encoder", "prompts"):
        (by_hand / name).symlink_to(place.folder / name)
    monkeypatch.chdir(by_hand)
    seed = ["--seed", "3", "-w", "w"]
    for command in (
        ["import", "documents", "docs.jsonl", "--task", "d", "--as", "train"],
        ["synth", "--task", "d", "--engine", "openai", "--model", "stand-in", "--base-url",
         place.server.base_url, "--steps", "1", "--per-doc", "1", "--prompts-dir", "prompts"],
        ["mine", "--task", "d", "--ranker", "dense:encoder", "--ranks", "2-8", "--negatives", "2",
         "--max-score-ratio", "1.0"],
        ["filter", "--task", "d", "--top-k", "12"],
        ["build-shards", "shards", "--task", "d"],
        ["train", "shards", "--model", "encoder", "--output", "model", "--max-steps", "2",
         "--batch-size", "4", "--negatives", "2"],
    ):  # fmt: skip
        assert run_command([*command, *(seed if command[0] != "filter" else seed[2:])]) == 0
    assert bytes_of(by_hand / "shards") == bytes_of(place.folder / "shards")
    weights = "model.safetensors"
    assert (by_hand / "model" / weights).read_bytes() == (
        place.folder / "model" / weights
    ).read_bytes()


def test_a_kill_and_another_run_give_what_one_run_gives(tmp_path: Path, encoder: Path) -> None:
    with StandInServer(latency_s=0.1) as server:
        once = fill(Place(tmp_path / "once", server), encoder)
        once.run(until=SET)
        twice = fill(Place(tmp_path / "twice", server), encoder)
        twice.change("pipeline.toml", "steps = 1", "steps = 1\nconcurrency = 2")
        before = server.asked.total()
        command = [sys.executable, "-m", "kalm_data", "run", str(twice.file)]
        process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL)
        while process.poll() is None and server.asked.total() < before + 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        asked = server.asked.total()
        kept = replies(twice.folder / "w")
        steps = twice.run(until=SET)
    assert actions(steps) == ["synth", "mine", "filter", "build-shards"]
    assert server.asked.total() == asked + DOCUMENTS - kept
    assert bytes_of(once.folder / "shards") == bytes_of(twice.folder / "shards")
    assert actions(twice.run(until=SET)) == []


def test_a_missed_gate_ends_the_pipeline_and_is_looked_at_again(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.change("pipeline.toml", "per_doc = 1", "per_doc = 1\nmin_kept = 1000")
    for _ in range(2):
        assert run_command(["run", str(place.file), "--json"]) == 3
        answer = json.loads(capsys.readouterr().out)
        assert answer["missed"] == [f"step synth: kept {DOCUMENTS}, --min-kept 1000"]
        assert answer["rejected"] == {"gate_missed": 1, "not_reached": 4}
    assert place.server.asked.total() == DOCUMENTS


def test_an_error_names_the_step_and_its_line_and_keeps_what_was_done(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.change("pipeline.toml", "dense:encoder", "dense:./nowhere")
    assert run_command(["run", str(place.file), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    line = PIPELINE.splitlines().index('command = "mine"')
    assert answer["error"].startswith(f"step mine ({place.file}:{line}): ")
    assert answer["kept"] == 2 and answer["run_id"].endswith("-run")
    place.change("pipeline.toml", "dense:./nowhere", "dense:encoder")
    assert actions(place.run())[0] == "mine"


def test_parts_of_a_pipeline_can_be_run(place: Place) -> None:
    with pytest.raises(InputError, match="step import-documents has not run yet"):
        place.run(from_step="synth")
    assert [*place.run(until="synth")] == ["import-documents", "synth"]
    place.change("docs.jsonl", "Case 5 is about", "Case 5 was about")
    assert actions(place.run(from_step="synth", until="mine")) == ["mine"]
    with pytest.raises(InputError, match="no step minne"):
        place.run(until="minne")
    with pytest.raises(InputError, match="comes after"):
        place.run(from_step="mine", until="synth")


def test_the_resolved_file_is_stored_with_the_run(place: Place) -> None:
    place.run(until="import-documents")
    with Database(place.folder / "w").read() as connection:
        ((configuration,),) = connection.execute(
            "SELECT configuration FROM runs WHERE command = 'run'"
        ).fetchall()
    steps = {step["name"]: step for step in json.loads(configuration)["step"]}
    assert steps["mine"]["seed"] == 3 and steps["mine"]["depth"] == 200
    assert steps["build-shards"]["out"] == "shards"
