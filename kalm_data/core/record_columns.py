"""Many rows of one table by column, where a record for each would be made for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy import bool_, float64, int64
    from numpy.typing import NDArray

    from kalm_data.core.records import Record

    Column = Sequence[str] | NDArray[int64] | NDArray[float64] | NDArray[bool_]


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """`count` rows of the record's table. Of its fields some differ from row to row, (N,) each, and
    the others are the `same` in all.
    """

    record: type[Record]
    count: int
    differing: Mapping[str, Column]
    same: Mapping[str, str | int | float | bool]
