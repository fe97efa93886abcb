"""Many rows of one table by column, where a record for each would be made for nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from numpy import bool_, float64, int64
    from numpy.typing import NDArray

    from kalm_data.core.records import Record

    Column: TypeAlias = "Sequence[str] | Coded | NDArray[int64] | NDArray[float64] | NDArray[bool_]"


@dataclass(frozen=True, slots=True)
class Coded:
    """(N,) strings of which many are alike: their numbers in a list of all."""

    values: Sequence[str]
    numbers: NDArray[int64]


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """`count` rows of the record's table. Of its fields some differ from row to row, (N,) each, and
    the others are the `same` in all.
    """

    record: type[Record]
    count: int
    differing: Mapping[str, Column]
    same: Mapping[str, str | int | float | bool]

    @classmethod
    def of(cls, record: Record) -> RecordColumns:
        """One row."""
        return cls(type(record), 1, {}, asdict(record))
