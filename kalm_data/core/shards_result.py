"""What `build-shards` tells of a set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.lint import LintFound


@dataclass(frozen=True, slots=True)
class TaskBuilt:
    """Figures of one task. `negatives` counts those of all its training rows.

    `parts_rejected` counts, by reason, single positives left out of rows.
    """

    task: str
    rows: int
    dev_rows: int
    scored: int
    dev_scored: int
    negatives: int
    files: int
    parts_rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BuildResult:
    """Sums over the tasks; `lint` is what was found in the rows, `manifest` the path of the set's
    manifest, `reused` counts files that a killed run had finished, `pushed` is the address of the
    copy on the hub, if there is one.
    """

    rows: int
    dev_rows: int
    files: int
    reused: int
    manifest: str
    lint: tuple[LintFound, ...]
    tasks: tuple[TaskBuilt, ...]
    pushed: str = ""
