"""Leave one out: what each task brings, told by models that are trained without it."""

from __future__ import annotations

import shutil
from math import fsum
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.trained import LeftOut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from kalm_data.core.manifest import Manifest
    from kalm_data.core.protocols import Run


class Judge(Protocol):
    """nDCG@10 of a saved model on the dev rows of each task that has some."""

    def __call__(self, model: Path) -> Mapping[str, float]: ...


def refuse_without_tasks(shards: Path, manifest: Manifest) -> None:
    """Raise InputError where nothing can be left out, or nothing tells the difference."""
    if len(manifest.tasks) < 2:
        message = f"{shards}: --leave-one-out needs a set of two tasks or more"
        raise InputError(message)
    if not any(task.dev for task in manifest.tasks):
        message = f"{shards}: --leave-one-out needs dev rows: build-shards --dev-fraction 0.05"
        raise InputError(message)


def leave_one_out(
    run: Run,
    fit: Callable[[Manifest, Path], object],
    judge: Judge,
    manifest: Manifest,
    output: Path,
) -> tuple[LeftOut, ...]:
    """Train without each task in turn and compare with the model in `output`, which saw them all.

    fit: trains on a manifest's tasks and saves to a folder. The models are not kept.
    """
    whole = judge(output)
    found = []
    for entry in manifest.tasks:
        name = entry.task.name
        run.tell(f"training without {name}")
        place = output.with_name(f"{output.name}.without-{name}")
        fit(without(manifest, name), place)
        found.append(_compare(name, whole, judge(place)))
        shutil.rmtree(place)
    return tuple(found)


def without(manifest: Manifest, task: str) -> Manifest:
    """The set as if it had never had the task."""
    rest = tuple(entry for entry in manifest.tasks if entry.task.name != task)
    return manifest.model_copy(update={"tasks": rest, "rows": sum(one.rows for one in rest)})


def _compare(task: str, whole: Mapping[str, float], rest: Mapping[str, float]) -> LeftOut:
    brought = {name: whole[name] - rest[name] for name in whole}
    others = [value for name, value in brought.items() if name != task]
    return LeftOut(
        task=task,
        itself=brought.get(task),
        others=fsum(others) / len(others) if others else None,
        tasks=brought,
    )
