"""Files of records, one a row, in the format that their name tells."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason
from kalm_data.engines.writers.text_files import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    Row = Mapping[str, str | int]
    Blocks = Iterable[Sequence[Row]]

_AS_JSON = (".jsonl", ".ndjson")
_AS_TABLE = (".csv", ".tsv")


def refuse_unknown_format(file: Path) -> None:
    """InputError where the name of a file tells no format."""
    if file.suffix.lower() not in (*_AS_JSON, *_AS_TABLE, ".parquet"):
        message = f"{file}: its name tells no format. Write .jsonl, .csv, .tsv or .parquet."
        raise InputError(message)


def write_records(file: Path, columns: Mapping[str, type], blocks: Blocks) -> int:
    """How many rows were written; the file appears whole, in the place of an older one.

    columns: names and types (str, int) in order. Raises InputError where it cannot be written.
    """
    refuse_unknown_format(file)
    partial = file.with_name(f"{file.name}.partial")
    suffix = file.suffix.lower()
    write: Callable[[Path, Mapping[str, type], Blocks], int] = _write_parquet
    if suffix in _AS_JSON:
        write = _write_json
    elif suffix in _AS_TABLE:
        write = _write_table
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        count = write(partial, columns, blocks)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{file}: cannot be written: {reason(error)}") from error
    return count


def _write_json(file: Path, columns: Mapping[str, type], blocks: Blocks) -> int:
    count = 0
    with file.open("w", encoding="utf-8", newline="") as stream:
        for rows in blocks:
            stream.writelines(to_json({name: row[name] for name in columns}) for row in rows)
            count += len(rows)
    return count


def _write_table(file: Path, columns: Mapping[str, type], blocks: Blocks) -> int:
    count = 0
    delimiter = "\t" if file.name.lower().endswith(".tsv.partial") else ","
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(columns)
        for rows in blocks:
            writer.writerows([row[name] for name in columns] for row in rows)
            count += len(rows)
    return count


def _write_parquet(file: Path, columns: Mapping[str, type], blocks: Blocks) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {str: pa.string(), int: pa.int64()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in blocks:
            writer.write_table(pa.Table.from_pylist(list(rows), schema))
            count += len(rows)
    return count
