"""Python and numpy values as Arrow columns, and back, through buffers alone.

`pa.array` and `to_numpy` import pandas where it is installed, `flatten` imports `pyarrow.compute`:
that takes longer than most of what a command does with them.
"""

from __future__ import annotations

from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    from numpy.typing import NDArray

_NUMBERS = {pa.int64(): np.int64, pa.uint64(): np.uint64, pa.float64(): np.float64}


def to_column(values: Any, kind: pa.DataType) -> pa.Array:  # noqa: ANN401
    """A column of (N,) large strings, numbers or booleans, or of lists of these; none is null.

    values: a sequence or an array.
    """
    if pa.types.is_list(kind):
        return _lists(values, kind)
    if pa.types.is_large_string(kind):
        return _strings(values)
    if pa.types.is_boolean(kind):
        packed = np.packbits(np.asarray(values, bool), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(packed)])
    numbers = np.ascontiguousarray(values, _NUMBERS[kind])
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])


def coded(values: Sequence[str], numbers: NDArray[np.int64]) -> pa.DictionaryArray:
    """A column of (N,) strings by their numbers in `values`."""
    return pa.DictionaryArray.from_arrays(to_column(numbers, pa.int64()), _strings(values))


def repeated(value: str | float | bool, kind: pa.DataType, count: int) -> pa.Array:
    """A column that has one value in all rows."""
    if pa.types.is_large_string(kind):
        encoded = str(value).encode()
        return _string_column(len(encoded) * np.arange(count + 1), encoded * count)
    return to_column(np.full(count, value), kind)


def to_lists(column: pa.ListArray) -> list[NDArray[Any]]:
    """(N,) the numbers of each list of a column without nulls, not copied."""
    ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset :][: len(column) + 1]
    values = to_numpy(column.values)
    return [values[first:end] for first, end in pairwise(ends.tolist())]


def to_numpy(numbers: pa.Array) -> NDArray[Any]:
    """(N,) numbers of a column without nulls, not copied."""
    made = np.frombuffer(numbers.buffers()[1], _NUMBERS[numbers.type])
    return made[numbers.offset : numbers.offset + len(numbers)]


def _strings(values: Sequence[str]) -> pa.Array:
    data, ends = "".join(values).encode(), _ends(values)
    if len(data) > ends[-1]:  # letters of several bytes
        ends = _ends([value.encode() for value in values])
    return _string_column(ends, data)


def _string_column(ends: NDArray[np.int64], data: bytes) -> pa.Array:
    """ends: (N + 1,) where each string ends in `data`, after a 0."""
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(data))


def _lists(values: Sequence[Sequence[Any] | NDArray[Any]], kind: pa.ListType) -> pa.Array:
    is_array = len(values) > 0 and isinstance(values[0], np.ndarray)
    joined = np.concatenate(values) if is_array else list(chain.from_iterable(values))
    ends = _ends(values).astype(np.int32)
    offsets = pa.Array.from_buffers(pa.int32(), len(ends), [None, pa.py_buffer(ends)])
    return pa.ListArray.from_arrays(offsets, to_column(joined, kind.value_type), type=kind)


def _ends(values: Sequence[Sized]) -> NDArray[np.int64]:
    """(N + 1,) where each value ends if they stand one after another, after a 0."""
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), out=ends[1:])
    return ends
