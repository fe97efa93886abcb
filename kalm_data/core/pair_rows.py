"""Queries with the documents that answer them, in the many shapes in which users have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kalm_data.core.columns import (
    LANGUAGE,
    SPLIT,
    Column,
    Role,
    clean_text,
    given_split,
    missing_column,
    plain_text,
    plain_value,
    read_by_columns,
)
from kalm_data.core.errors import InputError, RowError
from kalm_data.core.records import Split, Text
from kalm_data.core.rows import BadRow, RawRow, refused, row_error
from kalm_data.core.templates import unwrap_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
POSITIVE_TITLES = Role("titles of positives", ("pos_titles",))
NEGATIVE_TITLES = Role("titles of negatives", ("neg_titles",))
LABEL = Role("label", ("label", "labels"))
DOCUMENT = Role(POSITIVE.option, (*POSITIVE.aliases, "documents"))
"""Of labelled rows: what the label says is a positive or not."""
INSTRUCTION = Role("--instruction", ("instruction", "prompt"))
TITLE = Role("--title")

_SCORED = ("score", "scores", "similarity", "similarity_score")
_TRUE_OR_FALSE = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class PairRow:
    """A query with its judged documents, as texts and as ids; `flaws` are parts left out of it.

    `title` is that of all positives, `titles` the own ones of texts, by their hash.
    """

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
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Where the parts of a pair stand; ids are read only where there are no positive texts.

    Where there are `labels`, they say which of the `positives` are such, and which negatives.
    """

    query: Column
    positives: Sequence[Column]
    negatives: Sequence[Column]
    positive_ids: Sequence[Column]
    negative_ids: Sequence[Column]
    instruction: Sequence[Column]
    title: Sequence[Column]
    language: Sequence[Column]
    split: Sequence[Column]
    labels: Sequence[Column]
    positive_titles: Sequence[Column]
    negative_titles: Sequence[Column]

    @property
    def used(self) -> frozenset[str]:
        texts = (self.query, *self.positives, *self.negatives)
        ids = (*self.positive_ids, *self.negative_ids)
        rest = (*self.instruction, *self.title, *self.language, *self.split, *self.labels)
        titles = (*self.positive_titles, *self.negative_titles)
        chosen = (*texts, *ids, *rest, *titles)
        return frozenset(name for column in chosen for name in column.names)


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
    labels = _labels(source, available, config)
    query = QUERY.required(source, config.query, available)
    by_id = bool(config.pos_id or config.neg_id) and not config.pos
    role = DOCUMENT if labels else POSITIVE
    texts = () if by_id else role.find(source, config.pos, _without(available, (query,)))
    ids = () if texts else POSITIVE_ID.find(source, config.pos_id, available)
    negative_ids = () if texts else NEGATIVE_ID.find(source, config.neg_id, available)
    if not (texts or ids or negative_ids):
        raise missing_column(source, POSITIVE, available)
    title = TITLE.find(source, config.title, available)
    return PairColumns(
        query=query,
        positives=texts,
        negatives=NEGATIVE.find(source, config.neg, available),
        positive_ids=ids,
        negative_ids=negative_ids,
        instruction=INSTRUCTION.find(source, config.instruction, _without(available, (query,))),
        title=title,
        language=LANGUAGE.find(source, "", available),
        split=SPLIT.find(source, "", available),
        labels=labels,
        positive_titles=() if title else POSITIVE_TITLES.find(source, "", available),
        negative_titles=NEGATIVE_TITLES.find(source, "", available),
    )


def _labels(source: str, available: Sequence[str], config: ImportPairsConfig) -> tuple[Column, ...]:
    """The column that tells positives from negatives, where one does.

    InputError where rows are scored. Columns that are named hold what their options say.
    """
    if config.query and (config.pos or config.pos_id):
        return ()
    labels = LABEL.find(source, "", available)
    with_negatives = NEGATIVE.find(source, config.neg, available)
    scored = [name for name in available if name in _SCORED]
    if labels and (with_negatives or config.pos_id or config.neg_id):
        scored.append(labels[0].spec)
    if scored:
        raise _rated(source, scored[0])
    return labels


def _rated(place: str, column: str) -> InputError:
    return InputError(
        f'{place}: column "{column}" makes these rated pairs, not positives. Name --query and '
        "--pos if every row is a positive. Grades of similarity go through `import sts`, classes "
        "of texts through `import labels`."
    )


def _without(available: Sequence[str], columns: Sequence[Column]) -> list[str]:
    taken = {name for column in columns for name in column.names}
    return [name for name in available if name not in taken]


def _pair(row: RawRow, columns: PairColumns, config: ImportPairsConfig) -> PairRow | BadRow:
    parts = _Parts(row)
    try:
        instruction, query = _query(row, columns)
        if columns.labels:
            positives, negatives = parts.labelled(columns.positives[0], columns.labels[0])
        else:
            positives = parts.texts(columns.positives, columns.positive_titles)
            if parts.flaws and not positives:
                raise parts.flaws[0].error
            negatives = parts.texts(columns.negatives, columns.negative_titles)
        return PairRow(
            query=query,
            instruction=instruction,
            positives=positives,
            negatives=negatives,
            positive_ids=_ids(row, columns.positive_ids),
            negative_ids=_ids(row, columns.negative_ids),
            title=plain_value(row, columns.title),
            language=plain_value(row, columns.language) or config.language,
            split=given_split(row, columns.split, config.as_split),
            source=row.source,
            line=row.line,
            flaws=tuple(parts.flaws),
            titles=parts.titles,
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


class _Parts:
    """The texts of one row; what is wrong with single ones is added to `flaws`."""

    def __init__(self, row: RawRow) -> None:
        self.flaws: list[BadRow] = []
        self.titles: dict[str, str] = {}
        self._row = row

    def texts(self, columns: Sequence[Column], titles: Sequence[Column]) -> tuple[Text, ...]:
        """The good texts, each once. titles: the column that is parallel to the texts' one."""
        found: dict[str, Text] = {}
        for column in columns:
            values = _values(column.value(self._row))
            named = self._titles(column, titles, len(values))
            for place, (value, title) in enumerate(zip(values, named, strict=True)):
                if text := self._text(column, place, value):
                    found[text.text_hash] = text
                    if title:
                        self.titles[text.text_hash] = title
        return tuple(found.values())

    def labelled(
        self, documents: Column, labels: Column
    ) -> tuple[tuple[Text, ...], tuple[Text, ...]]:
        """(positives, negatives), each once: what is labelled true or 1, and false or 0."""
        values = _values(documents.value(self._row))
        said = _values(labels.value(self._row))
        self._require_parallel(labels, len(said), documents, len(values))
        found: dict[bool, dict[str, Text]] = {True: {}, False: {}}
        for place, (value, label) in enumerate(zip(values, said, strict=True)):
            is_positive = self._is_true(labels, label)
            if text := self._text(documents, place, value):
                found[is_positive][text.text_hash] = text
        if self.flaws and not any(found.values()):
            raise self.flaws[0].error
        return tuple(found[True].values()), tuple(found[False].values())

    def _text(self, column: Column, place: int, value: object) -> Text | None:
        row = self._row
        try:
            return Text.of(clean_text(row, column.spec, value))
        except RowError as error:
            key = f"{row.source}:{row.line}:{column.spec}[{place}]"
            self.flaws.append(refused(row.source, row.line, error, str(value), key))
            return None

    def _titles(self, column: Column, titles: Sequence[Column], count: int) -> list[str]:
        """One a text, empty where there is none."""
        values = _values(titles[0].value(self._row)) if titles else []
        if not values:
            return [""] * count
        self._require_parallel(titles[0], len(values), column, count)
        return [plain_text(self._row, titles[0].spec, value) for value in values]

    def _require_parallel(self, column: Column, count: int, texts: Column, wanted: int) -> None:
        if count != wanted:
            problem = (
                f'"{column.spec}" has {count} values, "{texts.spec}" {wanted}. Give each text one.'
            )
            raise row_error(self._row.source, self._row.line, "uneven_lists", problem)

    def _is_true(self, column: Column, label: object) -> bool:
        """InputError where a label is neither true nor false: a grade is no judgement."""
        is_whole = isinstance(label, bool | int | str)
        found = _TRUE_OR_FALSE.get(str(label).strip().lower()) if is_whole else None
        if found is None:
            place = f"{self._row.source}:{self._row.line}: {label!r:.60}"
            raise _rated(place, column.spec)
        return found


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
