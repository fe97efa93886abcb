"""What the rows of a shard set are made from, beside the texts that the workspace holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task


OTHER_LANGUAGE = "language"
"""Reason word of a query in a language that its task does not take."""

RowKind = Literal["train", "dev"]
"""Rows to train on, and rows to evaluate on while training."""


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query that is a text of a task of labels or scores, not an example of the workspace.

    `label` is its class, empty where it has none.
    """

    text_hash: str
    text: str
    language: str
    source: str
    line: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class TaskRows:
    """What all rows of one task share.

    `ranker` and `basis` name the rankings that give the positives their scores; empty where
    nothing was ranked. `groups` has the group (DESIGN terms) of each text that is not alone in
    its own, by hash. `queries` has the query of each example, by its id, of a task that has neither
    examples nor a pool; else None. `has_negatives` says whether rows are meant to have any.
    """

    task: Task
    ranker: str
    basis: str
    pool: Pool
    groups: Mapping[str, str]
    queries: Mapping[str, QueryText] | None = None
    has_negatives: bool = True
