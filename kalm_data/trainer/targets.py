"""What the loss is told of a batch: which vector is whose, and who learns from whom.

Letters: N vectors, n of them of this process, Q queries, P distinct documents, U distinct queries,
K hard negatives a query at most, B scored pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor

from kalm_data.trainer.devices import Share

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Layout:
    """How the vectors of the parts become the N that all else counts by.

    order: (n,) for each text of this process, which of its encoded ones it is.
    """

    order: Tensor
    share: Share = Share()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class SameTower:
    """Texts of a query's own kind that it, or its positive, is told from.

    queries: (U,) vectors. peers: (Q, U) which of them are a query's negatives. others: (Q, P)
    which documents are negatives of its positive.
    """

    queries: Tensor
    peers: Tensor
    others: Tensor


@dataclass(frozen=True, slots=True)
class TeacherTexts:
    """The queries (Q,) and the distinct documents (P,), as the teacher has them written."""

    queries: list[str]
    documents: list[str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """queries: (Q,) and documents: (P,) vectors. positives: (Q,) columns of the documents.

    counted: (Q, P) whether a document takes part in the softmax of a query. negatives: (Q, K)
    columns of a query's own hard negatives that count, -1 where it has fewer.
    taught: (Q, 1 + K) a teacher's scores of the positive and of those, NaN where there is none.
    seed: what mixtures are drawn from. weight: of this loss among those of all processes.
    """

    queries: Tensor
    documents: Tensor
    positives: Tensor
    counted: Tensor
    negatives: Tensor
    taught: Tensor
    seed: int = 0
    weight: float = 1.0
    same_tower: SameTower | None = None
    teacher_texts: TeacherTexts | None = None


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """first and second: (B,) vectors. scores: (B,). tasks: (B,) a number each."""

    first: Tensor
    second: Tensor
    scores: Tensor
    tasks: Tensor


@dataclass(frozen=True, slots=True)
class Targets:
    """Of a batch of one kind. The loop moves it to the device as it moves a tensor."""

    layout: Layout
    of: Contrast | ScoredPairs

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Targets:
        return _each(self, lambda one: one.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Targets:
        return _each(self, lambda one: one.pin_memory())


def _each(value: T, move: Callable[[Tensor], Tensor]) -> T:
    """`value` with every tensor in it moved."""
    moved: dict[str, Any] = {}
    for field in fields(value):  # type: ignore[arg-type]
        held = getattr(value, field.name)
        if isinstance(held, Tensor):
            moved[field.name] = move(held)
        elif is_dataclass(held):
            moved[field.name] = _each(held, move)
    return replace(value, **moved)  # type: ignore[type-var]
