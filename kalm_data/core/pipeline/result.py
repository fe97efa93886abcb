"""How a pipeline went, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from kalm_data.core.summary import RunSummary

Action = Literal["ran", "unchanged", "would run", "may run", "failed"]


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What the command of a step came to. `run` is None where it is no run of the workspace."""

    run: RunSummary | None
    result: object
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepReport:
    """What was done with a step, or would be, and why.

    `run` has the counts and `result` the figures of the command, where it ran; one that is no run
    has no counts. `missed` are its gates that were missed.
    """

    name: str
    command: str
    action: Action
    why: tuple[str, ...] = ()
    run: RunSummary | None = None
    result: object = None
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The steps in the order of the file."""

    file: str
    steps: tuple[StepReport, ...]
