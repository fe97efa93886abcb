"""How often Python looks for objects that refer to one another in a ring."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW_OBJECTS = 1_000_000


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look after so many new objects (Python: 700). For work that makes records by the hundred
    thousand, none of which is in a ring: to look at them all again and again takes longer than much
    of the work.
    """
    first, *others = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)
