"""Small text files, read line by line: what cannot be read is said with file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def numbered_lines(file: Path, what: str) -> Iterator[tuple[str, str]]:
    """(`FILE:LINE`, line) of each line that is not blank; a byte-order mark is no part of one.

    what: what the file should be, for the InputError where it cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{file}:{number}", line
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: not a readable {what}: {reason(error)}"
        raise InputError(message) from error


def read_json(line: str, place: str) -> object:
    """What a line holds. InputError where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        message = f"{place}: no JSON: {error}"
        raise InputError(message) from error
