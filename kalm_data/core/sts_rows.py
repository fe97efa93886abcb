"""Pairs of texts with a score of how alike they are, in the shapes in which users have them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.config.imports import ImportStsConfig
    from kalm_data.core.rows import Raw

FIRST = Role(
    "--first",
    ("sentence1", "sentence_1", "sentence_A", "sentence_a", "text1", "text_1", "text_A", "text_a"),
)
SECOND = Role(
    "--second",
    ("sentence2", "sentence_2", "sentence_B", "sentence_b", "text2", "text_2", "text_B", "text_b"),
)
# SICK has a class under `label` beside its score
SCORE = Role("--score", ("score", "similarity", "similarity_score", "relatedness_score", "label"))

OUT_OF_SCALE = "out_of_scale"
_DIGITS = 9
"""Decimals of a stored score: 3.8 of 0-5 and 0.76 of 0-1 are one score."""


@dataclass(frozen=True, slots=True)
class StsRow:
    """Two texts and their score in [0, 1]; `split` is None where it is to be drawn."""

    first: Text
    second: Text
    score: float
    language: str
    split: Split | None
    source: str
    line: int

    @property
    def pair(self) -> tuple[str, str]:
        """Equal for rows about the same two texts, in whatever order."""
        return unordered(self.first, self.second)


@dataclass(frozen=True, slots=True)
class StsColumns:
    """Where the parts of a scored pair stand."""

    first: Column
    second: Column
    score: Column
    language: Sequence[Column]
    split: Sequence[Column]

    @property
    def used(self) -> frozenset[str]:
        columns = (self.first, self.second, self.score, *self.language, *self.split)
        return frozenset(name for column in columns for name in column.names)


def unordered(first: Text, second: Text) -> tuple[str, str]:
    """The normal forms of two texts, in an order that does not depend on theirs."""
    low, high = sorted((first.norm_hash, second.norm_hash))
    return low, high


def read_sts(
    rows: Iterable[Raw], config: ImportStsConfig, tell: Callable[[str], None]
) -> Iterator[StsRow | BadRow]:
    """Every row as a scored pair or as what is wrong with it; `tell` hears of unread columns."""
    return read_by_columns(
        rows,
        lambda source, names: choose_columns(source, names, config),
        lambda row, columns: _scored(row, columns, config),
        "scored pairs",
        tell,
    )


def choose_columns(source: str, available: Sequence[str], config: ImportStsConfig) -> StsColumns:
    """InputError where the column of a text or of the score is missing."""
    return StsColumns(
        first=FIRST.required(source, config.first, available),
        second=SECOND.required(source, config.second, available),
        score=SCORE.required(source, config.score, available),
        language=LANGUAGE.find(source, "", available),
        split=SPLIT.find(source, "", available),
    )


def _scored(row: RawRow, columns: StsColumns, config: ImportStsConfig) -> StsRow | BadRow:
    try:
        first, second = (
            Text.of(clean_text(row, column.spec, column.value(row)))
            for column in (columns.first, columns.second)
        )
        if first.norm_hash == second.norm_hash:
            problem = f'"{columns.first.spec}" and "{columns.second.spec}" are the same text.'
            raise row_error(row.source, row.line, "same_text", f"{problem} Remove the row.")
        return StsRow(
            first=first,
            second=second,
            score=_score(row, columns.score, config),
            language=plain_value(row, columns.language) or config.language,
            split=given_split(row, columns.split, config.as_split),
            source=row.source,
            line=row.line,
        )
    except RowError as error:
        return refused(row.source, row.line, error, str(dict(row.fields)))


def _score(row: RawRow, column: Column, config: ImportStsConfig) -> float:
    """The score as a share of the scale."""
    value = _number(row, column)
    least, most = config.bounds
    if not least <= value <= most:
        problem = (
            f'"{column.spec}" is {value:g}, outside of {config.scale}. Mend it, or name the range '
            "of all scores with --scale, e.g. 0-5."
        )
        raise row_error(row.source, row.line, OUT_OF_SCALE, problem)
    return round((value - least) / (most - least), _DIGITS)


def _number(row: RawRow, column: Column) -> float:
    value = column.value(row)
    if value is None or (isinstance(value, str) and not value.strip()):
        problem = f'"{column.spec}" is empty. Fill it, or remove the row.'
        raise row_error(row.source, row.line, "empty_score", problem)
    try:
        number = float(str(value))
    except ValueError:
        number = nan
    if isnan(number):
        problem = f'"{column.spec}" is {value!r:.60}, not a number. Make it one.'
        raise row_error(row.source, row.line, "not_number", problem)
    return number
