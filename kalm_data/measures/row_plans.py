"""What planning the rows of a task for a training set takes, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.records import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split, Text
    from kalm_data.core.scored import ScoredTexts, TextPair
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.shard_rows import RowKind, TaskRows


def no_row(
    run: Run, reason: str, example_id: str, source: str, line: int, query: str, numbers: str = "{}"
) -> Reject:
    """What a set turns away: a unit of `build-shards`; `numbers` is JSON."""
    return Reject(run.run_id, "build-shards", reason, example_id, numbers, source, line, query)


class TrainingStore(Protocol):
    """The training side of a workspace."""

    def without_positive(self, task: str) -> list[tuple[str, str, str, int]]:
        """(Example id, query, source, line) of train examples that nobody answered, by id."""
        ...

    def protected(self, task: str) -> set[str]:
        """Ids of train examples whose query, in normal form, is one of dev or test of any task."""
        ...

    def languages(self, task: str) -> Mapping[str, str]:
        """The language of each example of the task that has one told, by id."""
        ...

    def dev_examples(self, task: str) -> list[EvalQuery]:
        """The examples of the dev split with the positives that no rule drops, by id."""
        ...

    def labelled(self, task: str, split: Split = "train") -> ClassTexts | None:
        """The labelled texts of a split; None where the task has no labels."""
        ...

    def scored(self, task: str, split: Split = "train") -> ScoredTexts | None:
        """The scored pairs of a split; None where the task has none in any."""
        ...

    def in_force(self, kind: str, task: str) -> dict[str, str]:
        """The settings of the rules or draws ('rule', 'draw') of a task, by name."""
        ...

    def rules(self, task: str) -> list[tuple[str, str, int]]:
        """(Name, basis, positives it has not judged) of the rules in force that have a basis."""
        ...


class RowSink(Protocol):
    """Takes the rows of a set."""

    def add(self, rows: TaskRows, kind: RowKind, block: RowBlock) -> None:
        """Rows of a task; an example is added once."""
        ...

    def finish(self, rows: TaskRows) -> None:
        """All rows of the task are there."""
        ...


@dataclass(frozen=True, slots=True)
class Barred:
    """What training rows do without, by task: text hash → reason word. `dev` are the documents
    among them that are held for dev; `held_texts` these and those of dev and test, which tasks of
    labels or scores do without, too.
    """

    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dev: frozenset[str] = frozenset()
    held_texts: Sequence[Text] = ()


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """The rows of one task, all of them staged: how many, and what was left out of them.

    `parts_rejected` counts, by reason, single positives left out of rows that are kept. `sources`
    has the fingerprint of pool, labels or scores, and the settings of rules and draw in force.
    `scored` and `dev_scored` are pairs to train and to evaluate on.
    """

    rows: TaskRows
    train: int
    dev: int
    parts_rejected: Mapping[str, int]
    sources: Mapping[str, str]
    scored: Sequence[TextPair] = ()
    dev_scored: Sequence[TextPair] = ()
