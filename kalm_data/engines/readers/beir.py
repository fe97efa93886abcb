"""BEIR folders: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each maybe with .gz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.rows import BadRow, RawRow, bad_row
from kalm_data.engines.readers.json_rows import read_json_lines
from kalm_data.engines.readers.streams import ByteSource
from kalm_data.engines.readers.tables import read_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COLUMNS = ("query-id", "corpus-id", "score")
_OF_A_QUERY = ("instruction", "language")
"""What a query may have beside its text, or in its metadata."""


def is_beir(folder: Path) -> bool:
    return _find(folder, "corpus.jsonl") is not None


def beir_files(folder: Path) -> list[Path]:
    """Corpus, queries and qrels, as far as they are there."""
    found = [_find(folder, "corpus.jsonl"), _find(folder, "queries.jsonl")]
    return [path for path in found if path] + _qrels(folder)


def read_corpus(folder: Path) -> Iterator[RawRow | BadRow]:
    """Documents: `_id`, `title`, `text` and whatever else there is."""
    yield from read_json_lines(_file(folder, "corpus.jsonl"))


def read_judged_queries(folder: Path) -> Iterator[RawRow | BadRow]:
    """One row a line of the qrels: query and `pos_id`, or `neg_id` where the score is 0 or less,
    with the query's instruction and language where it has them.

    Queries that no qrels name are not read: BEIR's queries.jsonl holds those of all splits.
    """
    queries: dict[str, dict[str, object]] = {}
    for row in read_json_lines(_file(folder, "queries.jsonl")):
        if isinstance(row, BadRow):
            yield row
        else:
            queries.setdefault(str(row.fields.get("_id")), _query(row))
    qrels = _qrels(folder)
    if not qrels:
        message = f"{folder}: qrels/*.tsv is missing. Add it, or import the documents only."
        raise InputError(message)
    for path in qrels:
        split = path.name.removesuffix(".gz").removesuffix(".tsv")
        for row in read_csv(ByteSource.of(str(path)), "\t"):
            yield row if isinstance(row, BadRow) else _judged(row, split, queries)


def _query(row: RawRow) -> dict[str, object]:
    metadata = row.fields.get("metadata")
    told = {**(metadata if isinstance(metadata, dict) else {}), **row.fields}
    more = {name: told[name] for name in _OF_A_QUERY if isinstance(told.get(name), str)}
    return {"query": row.fields.get("text"), **more}


def _judged(row: RawRow, split: str, queries: dict[str, dict[str, object]]) -> RawRow | BadRow:
    missing = [name for name in _COLUMNS if name not in row.fields]
    if missing:
        message = f'{row.source}:1: column "{missing[0]}" is missing. The first line must name it.'
        raise InputError(message)
    query_id, document_id, score = (str(row.fields[name]) for name in _COLUMNS)
    if query_id not in queries:
        problem = f'query "{query_id}" is not in queries.jsonl. Add it, or remove the line.'
        return bad_row(row.source, row.line, "unknown_query", problem, query_id)
    try:
        column = "pos_id" if float(score) > 0 else "neg_id"
    except ValueError:
        problem = f'score "{score}" is no number. Write 1 for relevant, 0 for not.'
        return bad_row(row.source, row.line, "invalid_score", problem, score)
    fields = {**queries[query_id], column: [document_id]}
    return RawRow(row.source, row.line, fields, split)


def _qrels(folder: Path) -> list[Path]:
    return sorted([*folder.glob("qrels/*.tsv"), *folder.glob("qrels/*.tsv.gz")])


def _find(folder: Path, name: str) -> Path | None:
    paths = (folder / name, folder / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def _file(folder: Path, name: str) -> ByteSource:
    path = _find(folder, name)
    if path is None:
        message = f"{folder}: {name} is missing. A BEIR folder holds corpus, queries and qrels."
        raise InputError(message)
    return ByteSource.of(str(path))
