"""Plain text and Markdown files, one by one or by the folder."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import BadRow, RawFile, bad_row
from kalm_data.core.text import storable
from kalm_data.engines.readers.formats import format_by_name
from kalm_data.engines.readers.streams import ByteSource, readable, refuse_binary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def walk(folder: Path) -> list[Path]:
    """All files below, hidden ones left out, in order of their path."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        found += [path for path in paths if path.is_file()]  # no broken links
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def read_text_file(file: ByteSource, *, markdown: bool) -> Iterator[RawFile]:
    """The one file that was named; InputError where it is no text."""
    refuse_binary(file.name, file.head())
    found = _read(file, storable(file.path.name), markdown=markdown)
    if isinstance(found, BadRow):
        raise InputError(str(found.error)) from found.error
    yield found


def read_text_folder(folder: Path, files: Sequence[Path]) -> Iterator[RawFile | BadRow]:
    """The files in order; one that is empty, binary or no UTF-8 is a bad row."""
    for path in files:
        file = ByteSource.of(str(path))
        try:
            refuse_binary(file.name, file.head())
        except InputError as error:
            problem = str(error).removeprefix(f"{file.name}: ")
            reason = "empty_text" if path.stat().st_size == 0 else "unreadable_file"
            yield bad_row(file.name, 0, reason, problem)
        else:
            markdown = format_by_name(path) == "markdown"
            below = storable(path.relative_to(folder).as_posix())
            yield _read(file, below, markdown=markdown)


def skipped_note(folder: Path, skipped: Sequence[Path], remedy: str) -> tuple[str, ...]:
    """What of a folder was not read, by suffix, the commonest first; maybe what reads some."""
    if not skipped:
        return ()
    counts = Counter(path.suffix.lower() or "no suffix" for path in skipped)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kinds = ", ".join(f"{suffix} {count}" for suffix, count in ordered)
    one = len(skipped) == 1
    what = "1 file of another kind was" if one else f"{len(skipped)} files of other kinds were"
    line = f"{folder}: {what} left aside ({kinds})"
    return (f"{line}. {remedy}" if remedy else line,)


def _read(file: ByteSource, path: str, *, markdown: bool) -> RawFile | BadRow:
    with file.open() as stream, readable(file.name):
        content = stream.read()
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#04x} is not UTF-8. Convert the file to UTF-8."
        return bad_row(file.name, line, "invalid_utf8", problem)
    return RawFile(file.name, path, text, markdown)
