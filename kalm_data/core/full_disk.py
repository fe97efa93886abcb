"""A full disk, told with the file that found no room and with the remedy."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
FULL = tuple(os.strerror(number) for number in _FULL)
"""The reasons that the system gives."""


def no_room(file: Path | str, reason: str) -> str:
    return f"{file}: cannot be written: {reason}. Make room there, then run the same command again."


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Raise InputError where the disk is full: the system's error names no file in most places."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(no_room(error.filename or file, os.strerror(error.errno))) from error
