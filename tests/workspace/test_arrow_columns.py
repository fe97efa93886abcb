from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalm_data.workspace.arrow_columns import repeated, to_column, to_numpy

int64 = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)  # the first `pa.array` imports pandas
@given(st.lists(texts), st.lists(int64), st.lists(st.booleans()), st.lists(st.lists(texts)))
def test_columns_are_those_that_arrow_makes(
    strings: list[str], numbers: list[int], flags: list[bool], lists: list[list[str]]
) -> None:
    for values, kind in (
        (strings, pa.large_string()),
        (numbers, pa.int64()),
        (flags, pa.bool_()),
        (lists, pa.list_(pa.large_string())),
    ):
        made = to_column(values, kind)
        made.validate(full=True)
        assert made == pa.array(values, kind)


def test_lists_of_arrays_and_their_numbers_come_back() -> None:
    arrays = [np.array([2**64 - 1, 0], np.uint64), np.array([], np.uint64)]
    made = to_column(arrays, pa.list_(pa.uint64()))
    assert made.to_pylist() == [[2**64 - 1, 0], []]
    assert to_numpy(made.flatten()).tolist() == [2**64 - 1, 0]
    assert to_numpy(to_column([1.5, 2.5, 3.5], pa.float64())[1:]).tolist() == [2.5, 3.5]


@pytest.mark.parametrize(
    ("value", "kind"),
    [("Ä", pa.large_string()), ("", pa.large_string()), (7, pa.int64()), (True, pa.bool_())],
)
def test_a_repeated_value_is_in_all_rows(value: str | int | bool, kind: pa.DataType) -> None:
    assert repeated(value, kind, 3).to_pylist() == [value] * 3
    assert len(repeated(value, kind, 0)) == 0


def test_nobody_imports_pandas_for_it() -> None:
    code = (
        "import sys, pyarrow as pa\n"
        "from kalm_data.workspace.arrow_columns import to_column, to_numpy\n"
        "to_numpy(to_column([1], pa.int64())); to_column(['a'], pa.large_string())\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
