"""Reading texts without keeping them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = "256MiB"


@contextmanager
def sparing(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """DuckDB keeps what it reads of a file, up to most of the memory there is; here little of it.

    For reads that pass by all texts and need few of them at a time. The limit is that of the whole
    process, so nothing that needs more may be asked at the same time by another thread.
    """
    (told,) = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0]
    number, unit = told.split()
    before = f"{float(number) + 0.05:.2f}{unit}"  # it is told with one decimal, cut off
    try:
        connection.execute(f"SET memory_limit TO '{_KEPT}'")
    except duckdb.OutOfMemoryException:  # something else is at work that needs more
        yield
        return
    try:
        yield
    finally:
        connection.execute(f"SET memory_limit TO '{before}'")
