"""What a page is made of. All texts are bare; the template escapes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Quote:
    """What a user or a model wrote; `left_out` counts the characters that were cut off."""

    text: str
    left_out: int = 0


def quote(text: str, most: int = 400) -> Quote:
    """The text, cut after `most` characters."""
    return Quote(text[:most], max(0, len(text) - most))


@dataclass(frozen=True, slots=True)
class Bar:
    """A share in [0, 1] as it is drawn, and the words beside it."""

    share: float
    shown: str


_NARROW = 4
_SHORT = 60

Cell: TypeAlias = "str | Quote | Bar"


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` that begin with a # hold numbers, the rest words.

    One that `is_narrow` fits a phone as it is; of others each row becomes a list there.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    @property
    def is_narrow(self) -> bool:
        return len(self.columns) <= _NARROW and not any(
            isinstance(cell, Quote) and len(cell.text) > _SHORT for row in self.rows for cell in row
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A text of a chart; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    kind: str = "tick"


@dataclass(frozen=True, slots=True)
class Rect:
    """A bar of a chart, and what it tells who points at it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart as SVG writes its points."""

    points: str
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of `width` × `height` units; `summary` says in a sentence what it shows."""

    title: str
    summary: str
    width: int
    height: int
    labels: tuple[Label, ...]
    rects: tuple[Rect, ...] = ()
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A document of a sample row, and where it stands."""

    label: str
    text: Quote


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the sample: `state` is kept or rejected."""

    state: str
    task: str
    why: str
    query: Quote
    texts: tuple[Shown, ...]
    place: str
    example_id: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page. `missing` is the line that stands where there is nothing to show."""

    anchor: str
    title: str
    about: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    rows: tuple[Row, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem. `severity` 3: figures or training are wrong; 2: quality is lost; 1: look at it.

    `share` in [0, 1] orders findings of one severity; `number` is what is shown.
    """

    name: str
    severity: int
    share: float
    number: str
    line: str
    anchor: str
    task: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page; `facts` are shown under the title, as (value, name)."""

    title: str
    facts: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]
    made_by: str
