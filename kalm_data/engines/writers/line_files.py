"""Files of lines, written block by block; each appears with its first line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.engines.writers.text_files import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

    from kalm_data.core.exports.forms import ColumnKind, Line


class JsonLines:
    """One object a line, in UTF-8."""

    def __init__(self, file: Path) -> None:
        self.lines = 0
        self._file = file

    def write(self, lines: Sequence[Line]) -> None:
        if lines:
            text = "".join(map(to_json, lines))
            self._file.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if self.lines else "w"
            with self._file.open(mode, encoding="utf-8", newline="") as stream:
                stream.write(text)
            self.lines += len(lines)

    def close(self) -> None:
        """Nothing is open."""


class ParquetLines:
    """A row group a block; columns are those given, in their order."""

    def __init__(self, file: Path, columns: Mapping[str, ColumnKind]) -> None:
        self.lines = 0
        self._file, self._schema = file, _schema(columns)
        self._writer: pq.ParquetWriter | None = None

    def write(self, lines: Sequence[Line]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if lines:
            if self._writer is None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
            self._writer.write_table(pa.Table.from_pylist(list(lines), self._schema))
            self.lines += len(lines)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _schema(columns: Mapping[str, ColumnKind]) -> pa.Schema:
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "label": pa.int64(),
        "labels": pa.list_(pa.int64()),
    }
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])
