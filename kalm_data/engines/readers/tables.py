"""CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import RawRow, bad_row
from kalm_data.core.text import without_surrogates
from kalm_data.engines.readers.streams import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kalm_data.core.rows import BadRow
    from kalm_data.engines.readers.streams import ByteSource

_DELIMITERS = ",;\t|"
_BATCH_ROWS = 1000

csv.field_size_limit(sys.maxsize)  # texts of megabytes are no mistake


def read_csv(file: ByteSource, delimiter: str = "") -> Iterator[RawRow | BadRow]:
    """Rows below a line of column names; the delimiter is the commonest of `,;|` and tab there."""
    with file.open() as stream, readable(file.name):
        # what is not UTF-8 becomes a lone surrogate, so that one bad row does not end the file
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        first = text.readline()
        delimiter = delimiter or max(_DELIMITERS, key=first.count)
        header = _header(file.name, next(csv.reader([first], delimiter=delimiter)))
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        line = 2
        while (row := _next(rows, file.name, line)) is not None:
            if isinstance(row, list):
                yield from _named(file.name, line, header, row)
            else:
                yield row
            line = rows.line_num + 2


def read_parquet(file: ByteSource) -> Iterator[RawRow]:
    """Rows in order; `line` is the number of the row, 1-based."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with file.open() as stream, readable(file.name):
        seekable = stream if stream.seekable() else io.BytesIO(stream.read())
        try:
            number = 0
            for batch in pq.ParquetFile(seekable).iter_batches(batch_size=_BATCH_ROWS):
                for fields in batch.to_pylist():
                    number += 1
                    yield RawRow(file.name, number, fields)
        except (pa.ArrowException, UnicodeDecodeError) as error:
            message = f"{file.name}: no readable Parquet file ({error}). Fetch or write it again."
            raise InputError(message) from error


def _header(source: str, names: list[str]) -> list[str]:
    names = [name.strip() for name in names]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        message = f'{source}:1: column "{twice[0]}" comes twice. Give each column its own name.'
        raise InputError(message)
    return names


def _next(rows: Iterator[list[str]], source: str, line: int) -> list[str] | BadRow | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        problem = f"quotes do not match ({error}). Double each quote within a quoted field."
        return bad_row(source, line, "invalid_csv", problem)


def _named(source: str, line: int, header: list[str], row: list[str]) -> Iterator[RawRow | BadRow]:
    shown = ",".join(row)
    if not row:
        return
    if len(row) != len(header):
        problem = f"{len(row)} fields under {len(header)} column names. Quote fields with commas."
        yield bad_row(source, line, "ragged_row", problem, shown)
    elif not without_surrogates(shown):
        problem = "bytes that are not UTF-8. Convert the file to UTF-8."
        yield bad_row(source, line, "invalid_utf8", problem, shown)
    else:
        yield RawRow(source, line, dict(zip(header, row, strict=True)))
