"""The format of a file, by its first bytes and its suffix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kalm_data.core.errors import InputError
from kalm_data.engines.readers.streams import ByteSource, refuse_binary

if TYPE_CHECKING:
    from kalm_data.core.config.imports import SourceFormat

Purpose = Literal["documents", "pairs", "labels", "scored pairs", "tests"]
"""`tests` are texts of test sets, in whatever format: lines of text too."""

IN_COLUMNS: tuple[Purpose, ...] = ("pairs", "labels", "scored pairs")
"""What no plain text holds."""

TEXT_FORMATS: tuple[SourceFormat, ...] = ("text", "markdown")

_BY_SUFFIX: dict[str, SourceFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
    ".rst": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
}
_PARQUET = b"PAR1"
_BOM = b"\xef\xbb\xbf"


def format_by_name(path: Path) -> SourceFormat | None:
    return _BY_SUFFIX.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def detect_format(file: ByteSource, purpose: Purpose) -> SourceFormat:
    """Parquet by its magic bytes, JSON by its first character, all else by the suffix."""
    head = file.head()
    if head.startswith(_PARQUET):
        return "parquet"
    refuse_binary(file.name, head)
    named = format_by_name(file.path)
    if named in (None, "json", "jsonl"):
        start = head.removeprefix(_BOM).lstrip()[:1]
        if start in (b"[", b"{"):
            return "json" if start == b"[" else "jsonl"
    if named is None and (purpose == "tests" or (purpose == "documents" and file.data is None)):
        return "text"
    if named is None or (named in TEXT_FORMATS and purpose in IN_COLUMNS):
        message = (
            f"{file.name}: no format of {purpose} is known by this name or content. "
            "Pass --format jsonl, csv, tsv or parquet."
        )
        raise InputError(message)
    return named
