"""Queries with the documents that answer them, in the many shapes in which users have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.columns import (
    Column,
    Role,
    clean_text,
    given_split,
    missing_column,
    plain_value,
    read_by_columns,
)
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.records import Split, Text
from kalm_data.core.rows import BadRow, RawRow, refused, row_error
from kalm_data.core.templates import unwrap_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.config.imports import ImportPairsConfig
    from kalm_data.core.rows import Raw

QUERY = Role("--query", ("query", "anchor", "question", "sentence1", "sentence_A"))
POSITIVE = Role(
    "--pos",
    ("pos", "positive", "positives", "answer", "document", "passage", "context", "response",
     "sentence2", "sentence_B"),
    ("positive", "pos"),
)  # fmt: skip
NEGATIVE = Role(
    "--neg", ("neg", "negative", "negatives", "hard_negatives", "sentence3"), ("negative", "neg")
)
POSITIVE_ID = Role("--pos-id", ("pos_id", "pos_ids", "positive_id", "positive_ids"))
NEGATIVE_ID = Role("--neg-id", ("neg_id", "neg_ids", "negative_id", "negative_ids"))
INSTRUCTION = Role("--instruction", ("instruction",))
TITLE = Role("--title")
LANGUAGE = Role("--language", ("language", "lang"))
SPLIT = Role("split", ("split",))

_SCORED = ("label", "labels", "score", "scores", "similarity", "similarity_score")


@dataclass(frozen=True, slots=True)
class PairRow:
    """A query with its judged documents, as texts and as ids; `flaws` are parts left out of it."""

    query: str
    instruction: str
    positives: tuple[Text, ...]
    negatives: tuple[Text, ...]
    positive_ids: tuple[str, ...]
    negative_ids: tuple[str, ...]
    title: str
    language: str
    split: Split | None
    source: str
    line: int
    flaws: tuple[BadRow, ...]


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Where the parts of a pair stand; ids are read only where there are no positive texts."""

    query: Column
    positives: Sequence[Column]
    negatives: Sequence[Column]
    positive_ids: Sequence[Column]
    negative_ids: Sequence[Column]
    instruction: Sequence[Column]
    title: Sequence[Column]
    language: Sequence[Column]
    split: Sequence[Column]

    @property
    def used(self) -> frozenset[str]:
        texts = (self.query, *self.positives, *self.negatives)
        ids = (*self.positive_ids, *self.negative_ids)
        rest = (*self.instruction, *self.title, *self.language, *self.split)
        return frozenset(name for column in (*texts, *ids, *rest) for name in column.names)


def read_pairs(
    rows: Iterable[Raw], config: ImportPairsConfig, tell: Callable[[str], None]
) -> Iterator[PairRow | BadRow]:
    """Every row as a pair or as what is wrong with it; `tell` hears of columns nobody reads."""
    return read_by_columns(
        rows,
        lambda source, names: choose_columns(source, names, config),
        lambda row, columns: _pair(row, columns, config),
        "pairs",
        tell,
    )


def choose_columns(source: str, available: Sequence[str], config: ImportPairsConfig) -> PairColumns:
    """InputError where a column is missing, or the rows are scored pairs rather than positives."""
    _refuse_scored(source, available, config)
    query = QUERY.find(source, config.query, available)
    if not query:
        raise missing_column(source, QUERY, available)
    by_id = bool(config.pos_id or config.neg_id) and not config.pos
    texts = () if by_id else POSITIVE.find(source, config.pos, _without(available, query))
    ids = () if texts else POSITIVE_ID.find(source, config.pos_id, available)
    negative_ids = () if texts else NEGATIVE_ID.find(source, config.neg_id, available)
    if not (texts or ids or negative_ids):
        raise missing_column(source, POSITIVE, available)
    return PairColumns(
        query=query[0],
        positives=texts,
        negatives=NEGATIVE.find(source, config.neg, available),
        positive_ids=ids,
        negative_ids=negative_ids,
        instruction=INSTRUCTION.find(source, config.instruction, _without(available, query)),
        title=TITLE.find(source, config.title, available),
        language=LANGUAGE.find(source, "", available),
        split=SPLIT.find(source, "", available),
    )


def _refuse_scored(source: str, available: Sequence[str], config: ImportPairsConfig) -> None:
    scored = next((name for name in _SCORED if name in available), None)
    if scored and not (config.query and (config.pos or config.pos_id)):
        message = (
            f'{source}: column "{scored}" makes these rated pairs, not positives. Name --query '
            "and --pos if every row is a positive; take the others out first."
        )
        raise InputError(message)


def _without(available: Sequence[str], columns: Sequence[Column]) -> list[str]:
    taken = {name for column in columns for name in column.names}
    return [name for name in available if name not in taken]


def _pair(row: RawRow, columns: PairColumns, config: ImportPairsConfig) -> PairRow | BadRow:
    flaws: list[BadRow] = []
    try:
        instruction, query = _query(row, columns)
        positives = _texts(row, columns.positives, flaws)
        if flaws and not positives:
            raise flaws[0].error
        return PairRow(
            query=query,
            instruction=instruction,
            positives=positives,
            negatives=_texts(row, columns.negatives, flaws),
            positive_ids=_ids(row, columns.positive_ids),
            negative_ids=_ids(row, columns.negative_ids),
            title=plain_value(row, columns.title),
            language=plain_value(row, columns.language) or config.language,
            split=given_split(row, columns.split, config.as_split),
            source=row.source,
            line=row.line,
            flaws=tuple(flaws),
        )
    except RowError as error:
        return refused(row.source, row.line, error, str(dict(row.fields)))


def _query(row: RawRow, columns: PairColumns) -> tuple[str, str]:
    """(instruction, query), unwrapped; a column's instruction wins over the wrapped one."""
    written = clean_text(row, columns.query.spec, columns.query.value(row))
    wrapped, query = unwrap_query(written)
    if wrapped:
        query = clean_text(row, columns.query.spec, query)
    return plain_value(row, columns.instruction) or wrapped, query


def _texts(row: RawRow, columns: Sequence[Column], flaws: list[BadRow]) -> tuple[Text, ...]:
    """The good texts, each once; what is wrong with the others is added to `flaws`."""
    found: dict[str, Text] = {}
    for column in columns:
        for place, value in enumerate(_values(column.value(row))):
            try:
                text = Text.of(clean_text(row, column.spec, value))
            except RowError as error:
                key = f"{row.source}:{row.line}:{column.spec}[{place}]"
                flaws.append(refused(row.source, row.line, error, str(value), key))
            else:
                found[text.text_hash] = text
    return tuple(found.values())


def _ids(row: RawRow, columns: Sequence[Column]) -> tuple[str, ...]:
    values = [value for column in columns for value in _values(column.value(row))]
    missing = [value for value in values if value is None or not str(value).strip()]
    if missing:
        problem = f'"{columns[0].spec}" holds an empty id. Fill it, or remove it.'
        raise row_error(row.source, row.line, "empty_id", problem)
    return tuple(dict.fromkeys(str(value).strip() for value in values))


def _values(value: object) -> list[object]:
    """A list as it is; anything else is one value: a string is never taken apart."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
