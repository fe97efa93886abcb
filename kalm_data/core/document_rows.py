"""Documents as users have them: rows of data files, and text files cut into chunks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING

from kalm_data.core.chunks import chunk_markdown, chunk_text
from kalm_data.core.columns import (
    LANGUAGE,
    SPLIT,
    Role,
    clean_text,
    given_split,
    peek_columns,
    plain_value,
)
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.records import Split, Text
from kalm_data.core.rows import BadRow, RawRow, bad_row, refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kalm_data.core.chunks import Budget
    from kalm_data.core.columns import Column
    from kalm_data.core.config.imports import ImportDocumentsConfig
    from kalm_data.core.rows import Raw, RawFile

TEXT = Role("--text", ("text", "contents", "content", "body", "passage", "document"))
ID = Role("--id", ("_id", "id", "doc_id", "docid", "document_id", "passage_id", "pid"))
TITLE = Role("--title", ("title",))
PARENT = Role("--parent")
LICENCE = Role("--licence", ("licence", "license"))
DATE = Role("date", ("date",))


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document before it has a revision. `doc_id` is the text's hash where none is given."""

    doc_id: str
    text: Text
    title: str
    headings: tuple[str, ...]
    parent: str
    position: int
    date: str
    language: str
    licence: str
    metadata: str
    split: Split | None
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class DocumentColumns:
    """Where the parts of a document stand; every other column is metadata."""

    text: Column
    id: Sequence[Column]
    title: Sequence[Column]
    parent: Sequence[Column]
    language: Sequence[Column]
    licence: Sequence[Column]
    date: Sequence[Column]
    split: Sequence[Column]

    @property
    def used(self) -> frozenset[str]:
        rest = (self.id, self.title, self.parent, self.language, self.licence, self.date,
                self.split)  # fmt: skip
        columns = (self.text, *chain.from_iterable(rest))
        return frozenset(name for column in columns for name in column.names)


def read_documents(
    rows: Iterable[Raw], config: ImportDocumentsConfig, budget: Budget | None
) -> Iterator[DocumentRow | BadRow]:
    """Every row, and every chunk of a file, as a document or as what is wrong with it.

    Without a budget there is nothing to cut a file by: InputError where one comes.
    """
    for source, of_one_file in groupby(rows, key=lambda row: row.source):
        names, same = peek_columns(of_one_file)
        columns = choose_columns(source, names, config) if names else None
        for row in same:
            if isinstance(row, RawRow):
                yield _document(row, columns or choose_columns(source, [], config), config)
            elif isinstance(row, BadRow):
                yield row
            elif budget:
                yield from _chunks(row, config, budget)
            else:
                message = f"{source}: a text file where rows are expected. Import it by itself."
                raise InputError(message)


def choose_columns(
    source: str, available: Sequence[str], config: ImportDocumentsConfig
) -> DocumentColumns:
    """InputError where a named column, or one with the text, is missing."""
    return DocumentColumns(
        text=TEXT.required(source, config.text, available),
        id=ID.find(source, config.id, available),
        title=TITLE.find(source, config.title, available),
        parent=PARENT.find(source, config.parent, available),
        language=LANGUAGE.find(source, "", available),
        licence=LICENCE.find(source, "", available),
        date=DATE.find(source, "", available),
        split=SPLIT.find(source, "", available),
    )


def _document(
    row: RawRow, columns: DocumentColumns, config: ImportDocumentsConfig
) -> DocumentRow | BadRow:
    doc_id = ""
    try:
        doc_id = plain_value(row, columns.id)
        text = Text.of(clean_text(row, columns.text.spec, columns.text.value(row)))
        return DocumentRow(
            doc_id=doc_id or text.text_hash,
            text=text,
            title=plain_value(row, columns.title),
            headings=(),
            parent=plain_value(row, columns.parent),
            position=0,
            date=plain_value(row, columns.date),
            language=plain_value(row, columns.language) or config.language,
            licence=plain_value(row, columns.licence) or config.licence,
            metadata=_metadata(row, columns.used),
            split=given_split(row, columns.split, config.as_split),
            source=row.source,
            line=row.line,
        )
    except RowError as error:
        return refused(row.source, row.line, error, str(dict(row.fields)), doc_id)


def _chunks(
    file: RawFile, config: ImportDocumentsConfig, budget: Budget
) -> Iterator[DocumentRow | BadRow]:
    chunks = (chunk_markdown if file.markdown else chunk_text)(file.text, budget)
    if not chunks:
        problem = "the file has no words. Fill it, or remove it."
        reason = "no_words" if file.text.strip() else "empty_text"
        yield bad_row(file.source, 0, reason, problem, file.text)
    split = config.as_split if config.as_split != "draw" else None
    for position, chunk in enumerate(chunks):
        yield DocumentRow(
            doc_id=f"{file.path}#{position}",
            text=Text.of(chunk.text),
            title=chunk.headings[0] if chunk.headings else "",
            headings=chunk.headings[1:],
            parent=file.path,
            position=position,
            date="",
            language=config.language,
            licence=config.licence,
            metadata="{}",
            split=split,
            source=file.source,
            line=0,
        )


def _metadata(row: RawRow, used: frozenset[str]) -> str:
    """The other columns as JSON, in ASCII: it holds whatever the user's rows hold."""
    left = {name: value for name, value in row.fields.items() if name and name not in used}
    return json.dumps(left, sort_keys=True, default=str)
