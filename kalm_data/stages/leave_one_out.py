"""Leave one out: what each task brings, told by models that are trained without it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.folders import refuse_foreign
from kalm_data.core.trained import RECORD, LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.protocols import Run


class Fit(Protocol):
    """Trains on a manifest's tasks and saves to a folder, unless it holds just that already."""

    def __call__(
        self, manifest: Manifest, output: Path, config: TrainConfig, watcher: Forwarded
    ) -> object: ...


class Judge(Protocol):
    """nDCG@10 of a saved model on the dev rows of each task that has some."""

    def __call__(self, model: Path) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Reduced:
    """The training that leaves a task out: its set, its settings, and where its model lies."""

    task: str
    manifest: Manifest
    config: TrainConfig
    output: Path


class Forwarded:
    """Hands on what a training without a task tells."""

    def __init__(self, run: Run, task: str) -> None:
        self._run = run
        self._task = task

    def leave_out(self, reason: str, example_ids: Sequence[str]) -> None:
        """The examples are accounted for by the training on all tasks."""

    def step(self, done: int, steps: int, loss: float) -> None:
        self._run.tell(f"without {self._task}: step {done} of {steps}, loss {loss:.4f}")

    def warn(self, line: str) -> None:
        self._run.warn(f"without {self._task}: {line}")


def reduced_trainings(
    shards: Path, manifest: Manifest, output: Path, config: TrainConfig
) -> tuple[Reduced, ...]:
    """The training without each task.

    Raises InputError where nothing can be left out, nothing tells the difference, or one of the
    trainings would be refused.
    """
    if len(manifest.tasks) < 2:
        message = f"{shards}: --leave-one-out needs a set of two tasks or more"
        raise InputError(message)
    if not any(task.dev for task in manifest.tasks):
        message = f"{shards}: --leave-one-out needs dev rows: build-shards --dev-fraction 0.05"
        raise InputError(message)
    found = [_without(entry.task.name, manifest, output, config) for entry in manifest.tasks]
    for one in found:
        refuse_foreign(one.output, RECORD)
        if config.patience and not any(task.dev for task in one.manifest.tasks):
            message = f"{shards}: only task {one.task} has dev rows, so --patience cannot stop the"
            message += " training without it. Leave out --patience, or give other tasks dev rows."
            raise InputError(message)
    return tuple(found)


def leave_one_out(
    run: Run, fit: Fit, judge: Judge, reduced: Sequence[Reduced], output: Path
) -> tuple[LeftOut, ...]:
    """Train without each task in turn and compare with the model in `output`, which saw them all.

    The models are kept until all is told, so that the same command goes on after a kill.
    """
    whole = judge(output)
    found = []
    for one in reduced:
        run.tell(f"training without {one.task}")
        fit(one.manifest, one.output, one.config, Forwarded(run, one.task))
        found.append(_compare(one.task, whole, judge(one.output)))
    for one in reduced:
        shutil.rmtree(one.output)
    return tuple(found)


def _without(task: str, manifest: Manifest, output: Path, config: TrainConfig) -> Reduced:
    """As if the set had never had the task."""
    rest = tuple(entry for entry in manifest.tasks if entry.task.name != task)
    rows = sum(one.rows for one in rest)
    weights = tuple(one for one in config.task_weight if one.partition("=")[0] != task)
    return Reduced(
        task,
        manifest.model_copy(update={"tasks": rest, "rows": rows}),
        config.model_copy(update={"task_weight": weights}),
        output.with_name(f"{output.name}.without-{task}"),
    )


def _compare(task: str, whole: Mapping[str, float], rest: Mapping[str, float]) -> LeftOut:
    brought = {name: whole[name] - rest[name] for name in whole}
    others = [value for name, value in brought.items() if name != task]
    return LeftOut(
        task=task,
        itself=brought.get(task),
        others=fsum(others) / len(others) if others else None,
        tasks=brought,
    )
