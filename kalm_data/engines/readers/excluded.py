"""Test sets as users have them: the queries and documents that must not be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from kalm_data.core.columns import SPLIT, Column, peek_columns
from kalm_data.core.contamination import ExcludedText, Kind
from kalm_data.core.document_rows import TEXT
from kalm_data.core.errors import InputError
from kalm_data.core.pair_rows import POSITIVE, QUERY
from kalm_data.core.rows import BadRow, RawFile, RawRow, row_error
from kalm_data.core.templates import unwrap_query
from kalm_data.engines.readers.opening import open_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kalm_data.core.rows import Raw, Source

_DOCUMENTS = frozenset((*POSITIVE.aliases, *TEXT.aliases))
_TRAINING = ("train", "training")
_REMEDY = "Name a file of test queries: JSON lines, CSV, TSV, Parquet, one query a line, BEIR."


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the texts of a test set stand; a column may hold either."""

    queries: Sequence[Column]
    documents: Sequence[Column]
    split: Sequence[Column]

    @property
    def is_empty(self) -> bool:
        return not (self.queries or self.documents)

    @classmethod
    def choose(cls, source: str, available: Sequence[str]) -> _Columns:
        queries = QUERY.find(source, "", available)
        left = [name for name in available if name not in {column.spec for column in queries}]
        documents = tuple(Column(name) for name in left if name in _DOCUMENTS)
        documents = documents or POSITIVE.find(source, "", left)
        if not (queries or documents):
            columns = ", ".join(available) or "none"
            message = f'{source}: no column "query", "positive" or "text" (columns: {columns}).'
            raise InputError(f"{message} Rename the column that holds the test queries.")
        if not queries or queries[0].spec.startswith("sentence"):
            queries = documents = (*queries, *documents)
        return cls(queries, documents, SPLIT.find(source, "", available))


def read_excluded(paths: Sequence[str]) -> list[ExcludedText]:
    """The texts of all test sets: files, folders, `-` or `hf:NAME`, in order of appearance.

    Of a data file the queries and positives, of a text file the lines as queries, of a BEIR folder
    the judged queries and the documents judged relevant. Texts whose column does not say what they
    are (`text` alone, `sentence1` and `sentence2`) come as query and as document. Rows that the
    source itself calls training (qrels/train.tsv, a column `split`) are left out. A text that
    comes twice in a test set comes once, from its first line.

    Raises InputError for an unreadable file or row, and for a test set without any text.
    """
    return [text for path in paths for text in _read(path)]


def _read(path: str) -> Iterable[ExcludedText]:
    source = open_source(path, "tests")
    found: dict[tuple[Kind, str], ExcludedText] = {}
    for text in _texts(source):
        found.setdefault((text.kind, text.text), text)
    if not found:
        message = f"{source.name}: nothing but training rows and empty texts. {_REMEDY}"
        raise InputError(message)
    return found.values()


def _texts(source: Source) -> Iterator[ExcludedText]:
    relevant: set[str] = set()
    for row, columns in _rows(source.rows):
        if isinstance(row, RawFile):
            yield from _lines(row)
        elif not _is_training(row, columns.split):
            yield from _of_columns(row, "query", columns.queries)
            yield from _of_columns(row, "document", columns.documents)
            if source.documents is not None:  # a BEIR folder: ids, and the corpus behind them
                relevant.update(map(str, _values(row.fields.get("pos_id"))))
    for row in map(_good, source.documents or ()):
        if isinstance(row, RawRow) and str(row.fields.get("_id")) in relevant:
            yield from _of_columns(row, "document", [Column("text")])


def _rows(rows: Iterable[Raw]) -> Iterator[tuple[RawRow | RawFile, _Columns]]:
    """Each row with the columns of its file; a text file has none."""
    for source, of_one_file in groupby(rows, key=lambda row: row.source):
        names, same = peek_columns(of_one_file)
        columns = _Columns((), (), ())
        for row in map(_good, same):
            if isinstance(row, RawRow) and columns.is_empty:
                columns = _Columns.choose(source, names)
            yield row, columns


def _good(row: Raw) -> RawRow | RawFile:
    """A test set with an unreadable row would be excluded in part, which nobody would notice."""
    if isinstance(row, BadRow):
        raise InputError(str(row.error)) from row.error
    return row


def _lines(file: RawFile) -> Iterator[ExcludedText]:
    for line, text in enumerate(file.text.split("\n"), start=1):
        if text.strip():
            yield ExcludedText(file.source, line, "query", unwrap_query(text.strip())[1])


def _of_columns(row: RawRow, kind: Kind, columns: Iterable[Column]) -> Iterator[ExcludedText]:
    """The texts that are not empty; RowError where a value is no text."""
    for column in columns:
        for value in _values(column.value(row)):
            if not isinstance(value, str):
                problem = f'"{column.spec}" holds {value!r:.60}, which is no text. Make it one.'
                raise row_error(row.source, row.line, "not_text", problem)
            text = unwrap_query(value)[1] if kind == "query" else value
            if text.strip():
                yield ExcludedText(row.source, row.line, kind, _writable(text.strip()))


def _writable(text: str) -> str:
    """With `?` for lone surrogates, which are no words: rejects show the text in UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _is_training(row: RawRow, columns: Sequence[Column]) -> bool:
    written = columns[0].value(row) if columns else row.split
    return str(written or row.split).lower() in _TRAINING


def _values(value: object) -> list[object]:
    """What a list holds, or the one value; nothing for None."""
    values = value if isinstance(value, list | tuple) else [value]
    return [one for one in values if one is not None]
