"""What is read from a user's files, before anything is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kalm_data.core.errors import RowError
from kalm_data.core.records import Reject
from kalm_data.core.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHOWN_CHARACTERS = 500
"""How much of an unreadable row is kept with its reject."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row of a data file; `line` is 1-based, of a Parquet file or data set the row's number.

    `split` is what the place of the row says: the name of a BEIR qrels file or of a data set's
    split, as written there; empty where nothing is said.
    """

    source: str
    line: int
    fields: Mapping[str, object]
    split: str = ""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A whole text file; `path` is relative to the folder that was named, with `/`."""

    source: str
    path: str
    text: str
    markdown: bool


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is turned away; `text` is the start of what was there, `key` its id if known."""

    source: str
    line: int
    text: str
    error: RowError
    key: str = ""

    def as_reject(self, run_id: str, stage: str = "import") -> Reject:
        """The reject that the workspace keeps, with the sentence that was shown."""
        return Reject(
            run_id=run_id,
            stage=stage,
            reason=self.error.reason,
            key=self.key or f"{self.source}:{self.line}",
            numbers=json.dumps({"problem": str(self.error)}, sort_keys=True),
            source=self.source,
            line=self.line,
            text=storable(self.text),
        )


Raw: TypeAlias = RawRow | RawFile | BadRow


@dataclass(frozen=True, slots=True)
class Source:
    """One thing named by the user, opened; each iterable can be read once.

    `rows` are what it was opened for; `documents` come with pairs where the source holds both (a
    BEIR folder), else None. `fingerprint` is a digest of the bytes, `notes` say what was left.
    """

    name: str
    fingerprint: str
    rows: Iterable[Raw]
    documents: Iterable[Raw] | None = None
    notes: tuple[str, ...] = ()


def bad_row(source: str, line: int, reason: str, problem: str, text: str = "") -> BadRow:
    """A row turned away with the message `source:line: problem`; line 0 is a whole file."""
    return refused(source, line, row_error(source, line, reason, problem), text)


def refused(source: str, line: int, error: RowError, text: str, key: str = "") -> BadRow:
    return BadRow(source, line, text[:SHOWN_CHARACTERS], error, storable(key))


def row_error(source: str, line: int, reason: str, problem: str) -> RowError:
    place = f"{source}:{line}" if line else source
    return RowError(reason, f"{place}: {problem}")
