"""The files of a shard set and of an export, as an export reads and writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.engines.readers.shard_rows import read_blocks, survey_rows
from kalm_data.engines.writers.line_files import JsonLines, ParquetLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kalm_data.core.exports.forms import Form, LineFile
    from kalm_data.core.exports.rows import ShardRow, Survey


class ShardRowFiles:
    """Satisfies `stages.export.RowFiles`."""

    def __init__(self, count_rows: Callable[[Path], int]) -> None:
        self._count_rows = count_rows

    def count_rows(self, file: Path) -> int:
        return self._count_rows(file)

    def survey(self, files: Sequence[Path]) -> Survey:
        return survey_rows(files)

    def read(self, file: Path) -> Iterator[list[ShardRow]]:
        return read_blocks(file)

    def create(self, file: Path, form: Form) -> LineFile:
        return JsonLines(file) if form.is_json else ParquetLines(file, form.columns)
