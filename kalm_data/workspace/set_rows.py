"""Finds single rows in the Parquet files of a shard set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from kalm_data.core.errors import InputError
from kalm_data.core.explanation import ExplainedRow, RowText
from kalm_data.core.manifest import SCORED
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_READ = """
SELECT * FROM read_parquet($files, filename = true, file_row_number = true)
WHERE {condition} ORDER BY filename, file_row_number
"""


def read_row(file: Path, row: int) -> ExplainedRow:
    """A row by its place, counted from 0. InputError where the file is no shard, or too short."""
    if SCORED in file.name:
        message = f"{file}: holds scored pairs. Explain one of their texts instead."
        raise InputError(message)
    if not file.is_file():
        raise InputError(f"{file}: no such file. Name a file of a shard set.")
    rows = count_rows(file)
    if row >= rows:
        message = f"{file}: row {row} of {rows}: rows are counted from 0 to {rows - 1}."
        raise InputError(message)
    return _read([file], "file_row_number = $row", {"row": row})[0]


def find_rows(files: Sequence[Path], example_id: str) -> tuple[ExplainedRow, ...]:
    """The rows of an example: none, one, or more where a set repeats it."""
    return _read(files, "example_id = $id", {"id": example_id}) if files else ()


def _read(
    files: Sequence[Path], condition: str, named: Mapping[str, str | int]
) -> tuple[ExplainedRow, ...]:
    query = _READ.format(condition=condition)
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            found = connection.execute(query, {"files": [*map(str, files)], **named})
            names = [column for column, *_ in found.description]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except duckdb.Error as error:
        message = f"{files[0].parent}: not readable: {str(error).splitlines()[0]}"
        raise InputError(f"{message}. Build the set again.") from error
    return tuple(_row(row) for row in rows)


def _row(told: Mapping[str, object]) -> ExplainedRow:
    return ExplainedRow(
        file=str(told["filename"]),
        row=int(str(told["file_row_number"])),
        example_id=str(told["example_id"]),
        query=str(told["query"]),
        task=str(told["task"]),
        instruction=str(told["instruction"]),
        language=str(told["language"]),
        origin=str(told.get("origin", "")),
        in_batch=bool(told["in_batch"]),
        positives=_texts(told, "pos"),
        negatives=_texts(told, "neg"),
    )


def _texts(told: Mapping[str, object], side: str) -> tuple[RowText, ...]:
    """Positives have neither rank nor ranker in a row."""
    ids = _list(told, f"{side}_ids")
    ranks = _list(told, f"{side}_ranks") or [0] * len(ids)
    rankers = _list(told, f"{side}_rankers") or [""] * len(ids)
    titles, texts, scores = (_list(told, f"{side}{end}") for end in ("_titles", "", "_scores"))
    lists = (ids, titles, texts, scores, ranks, rankers)
    return tuple(RowText(*one) for one in zip(*lists, strict=True))


def _list(told: Mapping[str, object], name: str) -> list[Any]:
    found = told.get(name)
    return found if isinstance(found, list) else []
