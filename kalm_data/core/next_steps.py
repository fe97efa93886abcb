"""What is left to do in a workspace, in order, with the command to type for each.

Told by which run made what: what is older than what it was made from is made again. Whether that
changes anything, the command itself finds out; `build-shards` refuses what is stale, exactly.
"""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.config.devices import DeviceSettings
from kalm_data.core.config.filter import RULES, filter_command
from kalm_data.core.config.language_model import ModelConfig
from kalm_data.core.config.mine import DrawSettings, MineConfig, mine_command
from kalm_data.core.config.synth import SynthConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kalm_data.core.config.settings import Settings

_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Step:
    """Why something is to be done, and the command, as one types it."""

    why: str
    command: str


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """`sequence` of the run that judged, basis and settings (JSON), as its head stores them."""

    name: str
    sequence: int
    basis: str
    settings: str


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """How far a task is. Sequences are those of runs, 0 for none: `changed` of the last one that
    added documents or training queries, `drawn` of the draw in force, whose settings are JSON.
    """

    task: str
    is_ranked: bool
    documents: int
    train: int
    test: int
    changed: int
    drawn: int
    draw_basis: str
    draw_settings: str
    rules: tuple[RuleInForce, ...]

    @property
    def decided(self) -> int:
        """The last run on which rows of a set depend."""
        return max(self.changed, self.drawn, *(rule.sequence for rule in self.rules), 0)


@dataclass(frozen=True, slots=True)
class DoneRun:
    """A run; `configuration` is the JSON that it was stored with."""

    sequence: int
    run_id: str
    command: str
    status: str
    configuration: str


def next_steps(tasks: Sequence[TaskProgress], runs: Sequence[DoneRun]) -> tuple[Step, ...]:
    """Runs by sequence. The first step is to be done now; later ones may depend on it."""
    if not tasks:
        return (Step("nothing is imported", "kalm-data import documents FOLDER --task NAME"),)
    steps = [
        *_resumed(runs),
        *_synth(tasks),
        *_mine(tasks),
        *_filter(tasks),
        *_build(tasks, runs),
    ]
    return tuple(steps) if steps else tuple(_train(runs) or _evaluate(tasks, runs))


def _resumed(runs: Sequence[DoneRun]) -> Iterator[Step]:
    """Interrupted runs that nobody ran again."""
    latest = {(run.command, run.configuration): run for run in runs}
    for run in latest.values():
        command = _again(run) if run.status == "interrupted" else ""
        if command:
            yield Step(f"run {run.run_id} was interrupted", command)


def _again(run: DoneRun) -> str:
    told = json.loads(run.configuration)
    named = [word for task in told.get("tasks", ()) for word in ("--task", task)]
    devices = _options(DeviceSettings(devices=told.get("devices", ())))
    if run.command == "mine":
        mining = MineConfig.model_validate(told["settings"])
        return shlex.join(["kalm-data", "mine", *named, *_options(mining), *devices])
    if run.command == "synth":
        config = SynthConfig.model_validate(told["settings"])
        model = ModelConfig.model_validate(told["model"])
        options = [*_options(config), *_options(model), *devices]
        return shlex.join(["kalm-data", "synth", *named, *options])
    return ""


def _options(settings: Settings) -> list[str]:
    """The options that differ from their defaults."""
    words = []
    for name, value in settings.model_dump(mode="json", exclude_defaults=True).items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
            continue
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{option}", str(one)]
    return words


def _synth(tasks: Sequence[TaskProgress]) -> Iterator[Step]:
    names = [one.task for one in tasks if one.is_ranked and one.documents and not one.train]
    if names:
        why = f"{_listed(names)}: documents and no training query"
        yield Step(why, _command("synth", names))


def _mine(tasks: Sequence[TaskProgress]) -> Iterator[Step]:
    ranked = [one for one in tasks if one.is_ranked and one.train]
    names = [one.task for one in ranked if not one.drawn]
    if names:
        yield Step(f"{_listed(names)}: queries and no ranks", _command("mine", names))
    for one in ranked:
        if 0 < one.drawn < one.changed:
            config = DrawSettings.from_json(one.draw_settings).config
            why = f"{one.task}: documents or queries are newer than its ranks"
            yield Step(why, mine_command(one.task, config))


def _filter(tasks: Sequence[TaskProgress]) -> Iterator[Step]:
    ranked = [one for one in tasks if one.is_ranked and one.train and one.drawn]
    names = [one.task for one in ranked if not any(rule.name in RULES for rule in one.rules)]
    if names:
        yield Step(f"{_listed(names)}: no rule decides", _command("filter", names))
    stale: defaultdict[str, list[str]] = defaultdict(list)
    for one in ranked:
        for rule in one.rules:
            if rule.name in RULES and (rule.sequence < one.changed or rule.basis != one.draw_basis):
                told = json.loads(rule.settings)
                command = filter_command(told.get("tasks", [one.task]), told["options"])
                stale[command].append(f"{one.task}: {rule.name}")
    for command, named in stale.items():
        yield Step(f"{_listed(named)} judged older documents or queries", command)


def _build(tasks: Sequence[TaskProgress], runs: Sequence[DoneRun]) -> Iterator[Step]:
    if not any(one.train for one in tasks):
        return
    built = _last(runs, "build-shards")
    if built is None:
        yield Step("no set is built", "kalm-data build-shards shards/")
        return
    told = json.loads(built.configuration)
    named = [one for one in tasks if not told["tasks"] or one.task in told["tasks"]]
    if any(one.decided > built.sequence for one in named):
        words = ["kalm-data", "build-shards", told["out"]]
        words += [word for task in told["tasks"] for word in ("--task", task)]
        yield Step(f"{told['out']} is older than what it is built from", shlex.join(words))


def _train(runs: Sequence[DoneRun]) -> list[Step]:
    built, trained = _last(runs, "build-shards"), _last(runs, "train")
    if built is None or (trained is not None and trained.sequence > built.sequence):
        return []
    out = json.loads(built.configuration)["out"]
    words = ["kalm-data", "train", out, "--model", _MODEL, "--output", "model"]
    return [Step("no model is trained on the set", shlex.join(words))]


def _evaluate(tasks: Sequence[TaskProgress], runs: Sequence[DoneRun]) -> list[Step]:
    trained, judged = _last(runs, "train"), _last(runs, "eval")
    asked = [one.task for one in tasks if one.test]
    if trained is None or not asked or (judged and judged.sequence > trained.sequence):
        return []
    told = json.loads(trained.configuration)
    words = ["kalm-data", "eval", told["output"], "--against", told["settings"]["model"]]
    words += ["--task", asked[0]]
    return [Step("the model is not evaluated", shlex.join(words))]


def _last(runs: Sequence[DoneRun], command: str) -> DoneRun | None:
    done = (run for run in reversed(runs) if run.command == command and run.status == "ok")
    return next(done, None)


def _command(command: str, tasks: Iterable[str]) -> str:
    named = [word for task in tasks for word in ("--task", task)]
    return shlex.join(["kalm-data", command, *named])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
