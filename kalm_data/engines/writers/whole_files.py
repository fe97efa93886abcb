"""Files that appear whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason
from kalm_data.engines.writers.text_files import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import IO


def refuse_no_place(file: Path) -> None:
    """InputError where no file can come to be: before the work, not after it."""
    if file.is_dir():
        raise InputError(f"{file}: a folder. Name a file.")
    if not file.parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}. Make it, or name another.")


def write_whole(target: Path | IO[str], lines: Iterable[Mapping[str, object]]) -> None:
    """JSON lines, to a file that appears whole; to a stream at once."""
    text = map(to_json, lines)
    if isinstance(target, Path):
        write_text(target, text)
        return
    target.write("".join(text))
    target.flush()


def write_text(target: Path, text: Iterable[str]) -> None:
    """To a file beside `target` that takes its place when it is on disk."""
    partial = target.with_name(f"{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        message = f"{target}: cannot be written: {reason(error)}. Name another file."
        raise InputError(message) from error
