"""How two shard sets, two runs or two workspaces differ: rows, figures, settings, inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Kind = Literal["sets", "runs", "workspaces"]
Change = Literal["came", "went", "moved", "changed"]

_UNTOLD = ("saw", "tasks")
"""Bookkeeping of rules, which no user has set."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who let a row go, or kept it out, on the side that lacks it.

    `by` is a rule (`top-k`) or a stage, `numbers` the JSON of what decided, `run_id` the run that
    said so; empty where only settings tell.
    """

    by: str
    reason: str
    numbers: str = "{}"
    run_id: str = ""

    def __str__(self) -> str:
        numbers = ", ".join(
            f"{name} {round(value, 4) if isinstance(value, float) else value}"
            for name, value in json.loads(self.numbers).items()
        )
        told = f"{self.by}: {self.reason}" + (f" ({numbers})" if numbers else "")
        return told + (f", run {self.run_id}" if self.run_id else "")


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that the second side has and the first lacks (came), the other way round, or changed.

    One that moved was in the split `was` and is in `split` now. `parts` names what changed:
    positives, negatives, scores, … `positives_came` and `positives_went` are text hashes, of a row
    that came or went all of them.
    """

    change: Change
    task: str
    split: str
    key: str
    text: str
    parts: tuple[str, ...] = ()
    positives_came: tuple[str, ...] = ()
    positives_went: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    was: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one task and split; `parts` counts what changed in those that did.

    What moved counts in the split where it is now.
    """

    task: str
    split: str
    came: int
    went: int
    moved: int
    changed: int
    same: int
    parts: Mapping[str, int]

    @property
    def differ(self) -> int:
        return self.came + self.went + self.moved + self.changed


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure, setting or input of both sides; None where a side has none."""

    name: str
    a: str | float | None
    b: str | float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """`figures` of both sides, `settings` and `inputs` that differ, and some of the `rows`.

    `counts` tells of all rows; `rows` are the first ones, by task, split and key.
    """

    kind: Kind
    a: str
    b: str
    counts: tuple[Counts, ...]
    figures: tuple[Pair, ...]
    settings: tuple[Pair, ...]
    inputs: tuple[Pair, ...]
    rows: tuple[RowChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def differing_rows(self) -> int:
        return sum(each.differ for each in self.counts)


def side_by_side(a: Mapping[str, str | float], b: Mapping[str, str | float]) -> tuple[Pair, ...]:
    """What both have, in the order of the first, then what only the second has."""
    return tuple(Pair(name, a.get(name), b.get(name)) for name in {**a, **b})


def differing(a: Mapping[str, str | float], b: Mapping[str, str | float]) -> tuple[Pair, ...]:
    """Only what is not the same on both sides."""
    return tuple(pair for pair in side_by_side(a, b) if pair.a != pair.b)


def flat(settings: object, prefix: str = "") -> dict[str, str]:
    """Nested settings by their path, `model.base_url`; JSON texts within them are opened."""
    return dict(_flat(_opened(settings), prefix))


def _flat(value: object, prefix: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        yield prefix, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return
    for name in sorted(value):
        if name not in _UNTOLD or not prefix.startswith("rule "):
            yield from _flat(_opened(value[name]), f"{prefix}.{name}" if prefix else name)


def _opened(value: object) -> object:
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
