"""Rows on their way into the database: durable at once or held, merged every few seconds.

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
from kalm_data.core.record_columns import Coded
from kalm_data.workspace.arrow_columns import coded, repeated, to_column, to_numpy
from kalm_data.workspace.schema import TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import duckdb
    from numpy.typing import NDArray

    from kalm_data.core.record_columns import RecordColumns
    from kalm_data.core.records import Record

_PARTIAL = ".partial"


class Segments:
    """The segments of one run, in the order in which they were appended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = len(self.pending())
        self._held: list[tuple[Table, pa.Table]] = []

    def pending(self) -> list[Path]:
        """Whole segments that no merge has taken yet, oldest first."""
        return sorted(p for p in self._folder.glob("segment-*") if not p.name.endswith(_PARTIAL))

    def append(self, rows: Sequence[Record]) -> None:
        """Write one segment; on return it survives a kill and a power cut."""
        grouped: dict[Table, list[Record]] = defaultdict(list)
        for row in rows:
            grouped[TABLES[type(row)]].append(row)
        self._write({table: _from_records(table, records) for table, records in grouped.items()})

    def hold(self, rows: RecordColumns) -> None:
        """Keep rows of one table in memory, for the next merge."""
        table = TABLES[rows.record]
        self._held.append((table, _from_columns(table, rows)))

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
        """Insert what is pending or held, within the caller's transaction; returns the segments
        that were merged, to be forgotten when it is committed.

        Rows of other tables than those named are left behind.
        """
        merged = self.pending()
        for table in tables:
            files = [s / f"{table.name}.parquet" for s in merged]
            stored = [_read(file) for file in files if file.exists()]
            for parts in (stored, [rows for of, rows in self._held if of is table]):
                if parts:
                    _insert(connection, table, pa.concat_tables(parts))
        return merged

    def forget(self, merged: Sequence[Path]) -> None:
        """These segments and all that is held were merged and committed."""
        self._held = []
        for segment in merged:
            shutil.rmtree(segment)


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
    new = _new(connection, table, rows)
    if len(new) < rows.num_rows:
        rows = rows.take(to_column(new, pa.int64()))
    connection.register("staged", rows)
    connection.execute(f"INSERT INTO {table.name} SELECT {table.names} FROM staged")
    connection.unregister("staged")


def _new(connection: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> NDArray[np.int64]:
    """(N,) places of the rows whose key the table lacks, ascending; of equal ones the first."""
    key = [f"{part} AS k{number}" for number, part in enumerate(table.key)]
    known = [f"SELECT {', '.join(key)} FROM {table.name} WHERE {some}" for some in table.rivals]
    places = to_column(np.arange(rows.num_rows), pa.int64())
    connection.register("staged", rows.append_column("staged_place", places))
    found = connection.sql(
        f"""
        WITH firsts AS (
            SELECT {", ".join(key)}, min(staged_place) AS place
            FROM staged GROUP BY {", ".join(table.key)}
        ),
        known AS ({" UNION ALL ".join(known)})
        SELECT place FROM firsts WHERE NOT EXISTS (
            SELECT 1 FROM known WHERE {" AND ".join(_equal(i) for i in range(len(key)))}
        )
        """  # names come from our own records, never from a user
    ).to_arrow_table()
    connection.unregister("staged")
    return np.sort(to_numpy(found["place"].combine_chunks()))


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
    return pa.Table.from_arrays([_column(rows, field) for field in schema], schema.names)


def _column(rows: RecordColumns, field: pa.Field) -> pa.Array:
    if field.name in rows.same:
        return repeated(rows.same[field.name], field.type, rows.count)
    values = rows.differing[field.name]
    if isinstance(values, Coded):
        return coded(values.values, values.numbers)
    return to_column(values, field.type)


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
