"""Which column of a user's rows holds what, and the texts taken out of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from kalm_data.core.errors import InputError
from kalm_data.core.rows import RawFile, RawRow, row_error
from kalm_data.core.text import has_words, without_surrogates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.records import Split
    from kalm_data.core.rows import BadRow, Raw

_PEEKED_ROWS = 100
_SPLIT_WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What data sets call their splits."""

_FIELD = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name, or several joined by a template: `{subject}, {body}`."""

    spec: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_FIELD.findall(self.spec)) or (self.spec,)

    def value(self, row: RawRow) -> object:
        """The value of the row, None where it is absent; a template gives a text."""
        if not _FIELD.search(self.spec):
            return row.fields.get(self.spec)
        joined = _FIELD.sub(lambda match: _as_text(row.fields.get(match[1])), self.spec)
        return joined.strip()


@dataclass(frozen=True, slots=True)
class Role:
    """What a column is for: the option that names it, and its usual names, likeliest first."""

    option: str
    aliases: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    """Prefixes of columns that come in numbers: `negative_1`, `negative_2`."""

    def find(self, source: str, given: str, available: Sequence[str]) -> tuple[Column, ...]:
        """The named column, else the first usual one, else the numbered ones, else nothing."""
        if given:
            return (_named(source, self.option, given, available),)
        for alias in self.aliases:
            if alias in available:
                return (Column(alias),)
        pattern = re.compile(rf"(?:{'|'.join(self.numbered) or '(?!)'})_?(\d+)")
        matches = filter(None, map(pattern.fullmatch, available))
        return tuple(Column(match[0]) for match in sorted(matches, key=lambda m: int(m[1])))

    def required(self, source: str, given: str, available: Sequence[str]) -> Column:
        """The first of what `find` finds; InputError where there is nothing."""
        columns = self.find(source, given, available)
        if not columns:
            raise missing_column(source, self, available)
        return columns[0]


LANGUAGE = Role("--language", ("language", "lang"))
SPLIT = Role("split", ("split",))
"""Columns that rows of all kinds have."""


def missing_column(source: str, role: Role, available: Sequence[str]) -> InputError:
    """The error of a file without a column that it must have."""
    columns = ", ".join(available) or "none"
    return InputError(
        f"{source}: no column for {role.option} (columns: {columns}). Name it with {role.option}."
    )


class ChosenColumns(Protocol):
    """The columns of one file that are read."""

    @property
    def used(self) -> frozenset[str]:
        """Their names."""
        ...


C = TypeVar("C", bound=ChosenColumns)
R = TypeVar("R")


def read_by_columns(
    rows: Iterable[Raw],
    choose: Callable[[str, Sequence[str]], C],
    read: Callable[[RawRow, C], R],
    what: str,
    tell: Callable[[str], None],
) -> Iterator[R | BadRow]:
    """Each row as `read` makes it of the columns that `choose` finds in its file (source, names),
    or as what is wrong with it; `tell` hears of columns that nobody reads.

    what: what rows are, for the InputError where a file has none.
    """
    for source, of_one_file in groupby(rows, key=lambda row: row.source):
        names, same = peek_columns(of_one_file)
        columns = choose(source, names) if names else None
        if columns and (unread := sorted(set(names) - columns.used)):
            tell(f"columns that were not read: {', '.join(unread)}")
        for row in same:
            if isinstance(row, RawFile):
                message = f"{source}: a text, but {what} need columns. Import it as documents."
                raise InputError(message)
            if isinstance(row, RawRow):
                yield read(row, columns or choose(source, []))
            else:
                yield row


def peek_columns(rows: Iterable[Raw]) -> tuple[list[str], Iterator[Raw]]:
    """The columns of the first hundred rows, in order of appearance, and all the rows."""
    source = iter(rows)
    seen: list[Raw] = []
    columns: dict[str, None] = {}
    readable = 0
    for row in source:
        seen.append(row)
        if isinstance(row, RawRow):
            columns |= dict.fromkeys(row.fields)
            readable += 1
        if readable == _PEEKED_ROWS:
            break
    return [name for name in columns if name], chain(seen, source)


def clean_text(row: RawRow, name: str, value: object) -> str:
    """The text without white space around it; RowError where nothing can be searched in it."""
    if value is None:
        problem = f'"{name}" is missing. Fill it, or remove the row.'
        raise row_error(row.source, row.line, "missing_column", problem)
    if not isinstance(value, str):
        problem = f'"{name}" is {type(value).__name__} {_short(value)}, not a text. Make it one.'
        raise row_error(row.source, row.line, "not_text", problem)
    text = value.strip()
    if not text:
        problem = f'"{name}" is empty. Fill it, or remove the row.'
        raise row_error(row.source, row.line, "empty_text", problem)
    if not without_surrogates(text):
        problem = f'"{name}" has a lone surrogate, which is no character. Write proper UTF-8.'
        raise row_error(row.source, row.line, "lone_surrogate", problem)
    if not has_words(text):
        problem = f'"{name}" has no words: {_short(text)}. Remove the row.'
        raise row_error(row.source, row.line, "no_words", problem)
    return text


def plain_value(row: RawRow, columns: Sequence[Column]) -> str:
    """An id, a title, a language, …: a text or a number as a text; empty where there is none."""
    return plain_text(row, columns[0].spec, columns[0].value(row)) if columns else ""


def plain_text(row: RawRow, name: str, value: object) -> str:
    """The same of one value of the column `name`."""
    text = _as_text(value).strip()
    if not without_surrogates(text):
        problem = f'"{name}" has a lone surrogate, which is no character. Write proper UTF-8.'
        raise row_error(row.source, row.line, "lone_surrogate", problem)
    return text


def given_split(row: RawRow, columns: Sequence[Column], as_split: str | None) -> Split | None:
    """The split that the user, the row or its place in the source gives; None: to be drawn."""
    if as_split:
        return _SPLIT_WORDS.get(as_split)  # none for `draw`
    word = plain_value(row, columns)
    if not word:
        return _SPLIT_WORDS.get(row.split.lower())
    if word.lower() not in _SPLIT_WORDS:
        problem = f'split "{word}" is none of train, dev, test. Mend it, or pass --as.'
        raise row_error(row.source, row.line, "unknown_split", problem)
    return _SPLIT_WORDS[word.lower()]


def _named(source: str, option: str, given: str, available: Sequence[str]) -> Column:
    # a shell passes a backslash and an n; nobody means these two characters
    column = Column(given.replace("\\n", "\n").replace("\\t", "\t"))
    missing = [name for name in column.names if name not in available]
    if missing:
        message = (
            f'{source}: no column "{missing[0]}" for {option}. Columns: {", ".join(available)}.'
        )
        raise InputError(message)
    return column


def _as_text(value: object) -> str:
    return "" if value is None else str(value)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
