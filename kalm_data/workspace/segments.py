"""Rows on their way into the database: durable at once, merged every few seconds.

A segment is a folder with one Parquet file a table, written beside and renamed, so that a kill
leaves it whole or not at all. Merging is harmless to repeat: rows whose key the table holds are
left out, so a kill between the merge and the removal of the segment changes nothing.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.full_disk import naming
from kalm_data.workspace.arrow_columns import repeated, to_column
from kalm_data.workspace.schema import TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from kalm_data.core.record_columns import RecordColumns
    from kalm_data.core.records import Record

_PARTIAL = ".partial"


class Segments:
    """The segments of one run, in the order in which they were appended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = len(self.pending())

    def pending(self) -> list[Path]:
        """Whole segments that no merge has taken yet, oldest first."""
        return sorted(p for p in self._folder.glob("segment-*") if not p.name.endswith(_PARTIAL))

    def append(self, rows: Sequence[Record]) -> None:
        """Write one segment; on return it survives a kill and a power cut."""
        grouped: dict[Table, list[Record]] = defaultdict(list)
        for row in rows:
            grouped[TABLES[type(row)]].append(row)
        self._write({table: _from_records(table, records) for table, records in grouped.items()})

    def append_columns(self, rows: RecordColumns) -> None:
        """The same, for rows of one table that are held by column."""
        table = TABLES[rows.record]
        self._write({table: _from_columns(table, rows)})

    def _write(self, parts: Mapping[Table, pa.Table]) -> None:
        self._count += 1
        final = self._folder / f"segment-{self._count:08d}"
        partial = final.with_name(final.name + _PARTIAL)
        with naming(partial):
            partial.mkdir(parents=True)
            for table, rows in parts.items():
                _write(partial / f"{table.name}.parquet", rows)
            partial.rename(final)
            _sync(self._folder)

    def merge(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Collection[Table] = tuple(TABLES.values()),
    ) -> list[Path]:
        """Insert what is pending, within the caller's transaction; returns what was merged.

        Rows of other tables than those named are left behind.
        """
        merged = self.pending()
        for table in tables:
            files = [s / f"{table.name}.parquet" for s in merged]
            parts = [_read(file) for file in files if file.exists()]
            if parts:
                _insert(connection, table, pa.concat_tables(parts))
        return merged


def remove(segments: Sequence[Path]) -> None:
    """Forget segments that were merged and committed."""
    for segment in segments:
        shutil.rmtree(segment)


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
    names = ", ".join(f'"{name}"' for name in table.columns)
    key = ", ".join(table.key)
    places = to_column(np.arange(rows.num_rows), pa.int64())
    connection.register("staged", rows.append_column("staged_place", places))
    connection.execute(
        f"""
        INSERT INTO {table.name}
        WITH firsts AS (
            SELECT {", ".join(f"{part} AS k{i}" for i, part in enumerate(table.key))},
                   min(staged_place) AS place
            FROM staged GROUP BY {key}
        ),
        known AS (SELECT {", ".join(f"{part} AS k{i}" for i, part in enumerate(table.key))}
                  FROM {table.name} WHERE {table.rivals}),
        new AS (
            SELECT place FROM firsts WHERE NOT EXISTS (
                SELECT 1 FROM known
                WHERE {" AND ".join(_equal(i) for i in range(len(table.key)))}
            )
        )
        SELECT {names} FROM staged WHERE staged_place IN (SELECT place FROM new)
        ORDER BY staged_place
        """  # names come from our own records, never from a user
    )
    connection.unregister("staged")


def _equal(index: int) -> str:
    return f"known.k{index} IS NOT DISTINCT FROM firsts.k{index}"


def _from_records(table: Table, rows: Sequence[Record]) -> pa.Table:
    schema = table.arrow_schema
    columns = [
        to_column([getattr(row, field.name) for row in rows], field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _from_columns(table: Table, rows: RecordColumns) -> pa.Table:
    schema = table.arrow_schema
    columns = [
        repeated(rows.same[field.name], field.type, rows.count)
        if field.name in rows.same
        else to_column(rows.differing[field.name], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _write(file: Path, rows: pa.Table) -> None:
    pq.write_table(rows, file, compression="zstd", write_page_checksum=True)
    _sync(file)


def _read(file: Path) -> pa.Table:
    with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
        return parquet.read()  # as `read_table`, which imports pandas


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
