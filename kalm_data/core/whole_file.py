"""Single files that appear whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason
from kalm_data.core.full_disk import naming

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(file: Path, content: bytes) -> None:
    """Written beside and renamed. Raises InputError where the file cannot be written."""
    partial = file.with_name(file.name + ".partial")
    try:
        with naming(partial):
            file.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(file)
    except OSError as error:
        message = f"{file}: cannot be written: {reason(error)}. Name another file."
        raise InputError(message) from error
    finally:
        partial.unlink(missing_ok=True)
