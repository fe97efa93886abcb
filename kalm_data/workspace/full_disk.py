"""A full disk, as DuckDB reports it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kalm_data.core.full_disk import FULL, no_room

if TYPE_CHECKING:
    import duckdb

_FILE = re.compile(r'file \\?"([^"\\]+)\\?": (' + "|".join(map(re.escape, FULL)) + ")")
"""Somewhere in several lines, or in JSON within them."""


def told_full(error: duckdb.Error) -> str | None:
    """What the user is told; None where the error is another one."""
    found = _FILE.search(str(error))
    return no_room(*found.groups()) if found else None
