"""What earlier runs of a pipeline did: a file in the workspace, written after every step."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.full_disk import naming
from kalm_data.core.pipeline.fingerprint import Ingredients

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Done:
    """A step that succeeded: from what, in which run of the workspace, and what it wrote."""

    made_from: Ingredients
    sequence: int
    output: str


@dataclass(frozen=True, slots=True)
class Record:
    """`runs` are the sequence numbers of all runs that the pipeline ever made.

    `begun` is the last sequence number before the step that was begun last, and the commands that
    it runs: what a kill left behind is told by them from the work of others.
    """

    steps: Mapping[str, Done] = field(default_factory=dict)
    runs: tuple[int, ...] = ()
    begun: tuple[int, str] | None = None

    def with_done(self, name: str, done: Done) -> Record:
        return replace(self, steps={**self.steps, name: done}, begun=None)


def record_file(workspace: Path, pipeline: Path) -> Path:
    """Where a pipeline of that file keeps its record."""
    return workspace / "pipelines" / f"{pipeline.stem}.json"


def read_record(file: Path) -> Record:
    """An empty one where nothing was run yet, or by another kalm-data."""
    if not file.is_file():
        return Record()
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        if stored["version"] != _VERSION:
            return Record()
        steps = {
            name: Done(Ingredients(**done["made_from"]), done["sequence"], done["output"])
            for name, done in stored["steps"].items()
        }
        begun = (stored["begun"][0], stored["begun"][1]) if stored["begun"] else None
        return Record(steps, tuple(stored["runs"]), begun)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{file}: not the record of a pipeline. Take it away: then all steps run again."
        raise InputError(message) from error


def write_record(file: Path, record: Record) -> None:
    """The file appears whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    with naming(partial):
        partial.write_text(json.dumps({"version": _VERSION, **asdict(record)}), encoding="utf-8")
        partial.replace(file)
