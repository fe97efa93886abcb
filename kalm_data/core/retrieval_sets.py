"""A set of judged queries with its pool, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """`name` is that of the user, `task` says how texts are written; queries in order of id."""

    name: str
    task: Task
    queries: Sequence[EvalQuery]
    pool: Pool
