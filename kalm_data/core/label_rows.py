"""Texts with their classes, in the shapes in which users have them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from kalm_data.core.columns import (
    LANGUAGE,
    SPLIT,
    Column,
    Role,
    clean_text,
    given_split,
    plain_value,
    read_by_columns,
)
from kalm_data.core.errors import RowError
from kalm_data.core.records import Split, Text
from kalm_data.core.rows import BadRow, RawRow, refused, row_error
from kalm_data.core.text import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.config.imports import ImportLabelsConfig
    from kalm_data.core.rows import Raw

TEXT = Role("--text", ("text", "sentence", "query", "utterance", "document", "content"))
LABEL = Role("--label", ("label", "intent", "class", "category", "label_text"))


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A text and its class; `split` is None where it is to be drawn."""

    text: Text
    label: str
    language: str
    split: Split | None
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Where the parts of a labelled text stand."""

    text: Column
    label: Column
    language: Sequence[Column]
    split: Sequence[Column]

    @property
    def used(self) -> frozenset[str]:
        columns = (self.text, self.label, *self.language, *self.split)
        return frozenset(name for column in columns for name in column.names)


def read_labels(
    rows: Iterable[Raw], config: ImportLabelsConfig, tell: Callable[[str], None]
) -> Iterator[LabelRow | BadRow]:
    """Every row as a labelled text or as what is wrong with it; `tell` hears of unread columns."""
    return read_by_columns(
        rows,
        lambda source, names: choose_columns(source, names, config),
        lambda row, columns: _labelled(row, columns, config),
        "labels",
        tell,
    )


def choose_columns(
    source: str, available: Sequence[str], config: ImportLabelsConfig
) -> LabelColumns:
    """InputError where the column of the text or of the class is missing."""
    return LabelColumns(
        text=TEXT.required(source, config.text, available),
        label=LABEL.required(source, config.label, available),
        language=LANGUAGE.find(source, "", available),
        split=SPLIT.find(source, "", available),
    )


def _labelled(row: RawRow, columns: LabelColumns, config: ImportLabelsConfig) -> LabelRow | BadRow:
    try:
        return LabelRow(
            text=Text.of(clean_text(row, columns.text.spec, columns.text.value(row))),
            label=_label(row, columns.label),
            language=plain_value(row, columns.language) or config.language,
            split=given_split(row, columns.split, config.as_split),
            source=row.source,
            line=row.line,
        )
    except RowError as error:
        return refused(row.source, row.line, error, str(dict(row.fields)))


def _label(row: RawRow, column: Column) -> str:
    """The name of the class. A number is its own name, 3.0 that of 3: tables with gaps hold it."""
    value = column.value(row)
    if isinstance(value, list | tuple | dict):
        problem = f'"{column.spec}" is {type(value).__name__}, not one class. Name one.'
        raise row_error(row.source, row.line, "several_labels", problem)
    label = "" if value is None else str(value).strip()
    if isinstance(value, float):
        label = str(int(value)) if value.is_integer() else "" if isnan(value) else label
    if not label:
        problem = f'"{column.spec}" is empty. Fill it, or remove the row.'
        raise row_error(row.source, row.line, "empty_label", problem)
    if not without_surrogates(label):
        problem = f'"{column.spec}" has a lone surrogate, which is no character. Write UTF-8.'
        raise row_error(row.source, row.line, "lone_surrogate", problem)
    return label
