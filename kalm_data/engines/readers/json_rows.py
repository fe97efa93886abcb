"""JSON lines, and JSON arrays of objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import RawRow, bad_row
from kalm_data.engines.readers.streams import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kalm_data.core.rows import BadRow
    from kalm_data.engines.readers.streams import ByteSource

_BOM = b"\xef\xbb\xbf"
_REMEDY = "Mend or remove the line."


def read_json_lines(file: ByteSource, split: str = "") -> Iterator[RawRow | BadRow]:
    """One object a line; blank lines are skipped, a NUL within a string is allowed."""
    with file.open() as stream, readable(file.name):
        for line, content in enumerate(stream, start=1):
            stripped = content.removeprefix(_BOM).strip() if line == 1 else content.strip()
            if stripped:
                yield _row(file.name, line, stripped, split)


def read_json_array(file: ByteSource) -> Iterator[RawRow | BadRow]:
    """The objects of one array; `line` is the place in the array, 1-based."""
    with file.open() as stream, readable(file.name):
        content = stream.read()
    try:
        array = json.loads(content.decode("utf-8-sig"), strict=False)
    except (ValueError, RecursionError) as error:
        message = f"{file.name}: no valid JSON: {error}. Mend it, or convert it to JSON lines."
        raise InputError(message) from error
    if not isinstance(array, list):
        message = f"{file.name}: no array of objects. Write one object a line (JSON lines)."
        raise InputError(message)
    for place, value in enumerate(array, start=1):
        yield _checked(file.name, place, value, "", str(value))


def _row(source: str, line: int, content: bytes, split: str) -> RawRow | BadRow:
    shown = content[:2000].decode("utf-8", "replace")
    try:
        value = json.loads(content.decode(), strict=False)
    except UnicodeDecodeError as error:
        problem = f"byte {content[error.start]:#04x} is not UTF-8. Convert the file to UTF-8."
        return bad_row(source, line, "invalid_utf8", problem, shown)
    except (ValueError, RecursionError) as error:
        return bad_row(source, line, "invalid_json", f"no valid JSON: {error}. {_REMEDY}", shown)
    return _checked(source, line, value, split, shown)


def _checked(source: str, line: int, value: object, split: str, shown: str) -> RawRow | BadRow:
    if isinstance(value, dict):
        return RawRow(source, line, value, split)
    problem = f"{type(value).__name__} instead of an object with named fields. {_REMEDY}"
    return bad_row(source, line, "not_an_object", problem, shown)
