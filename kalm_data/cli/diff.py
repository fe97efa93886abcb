"""`kalm-data diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kalm_data.api.diff import SHOWN_ROWS, DiffConfig
from kalm_data.api.diff import diff as compare
from kalm_data.cli.expand import expand
from kalm_data.cli.last_lines import last_lines
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.visible import in_line

if TYPE_CHECKING:
    from rich.console import RenderableType

    from kalm_data.api.diff import Difference, Pair, RowChange

_SHOWN_CHARACTERS = 240


@expand
def diff(
    config: DiffConfig,
    a: Annotated[
        str, typer.Argument(help="Folder of a shard set or of a workspace, or a run: 0003-filter.")
    ],
    b: Annotated[str, typer.Argument(help="What it is compared with: another of the same kind.")],
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Tell which rows came, went and changed from A to B, and which setting or input caused it.

    Of shard sets the workspace that built them knows why a row is in one of them alone.
    """
    with reporting("diff", as_json=json) as reporter:
        if config.limit is None and not json:
            config = config.model_copy(update={"limit": SHOWN_ROWS})
        found = compare(workspace, a, b, config)
        if json:
            print_json({"command": "diff", "status": "ok"} | asdict(found))
            return
        for table in _tables(found):
            reporter.data.print(table)
        for line in _rows(found.rows) if found.rows else ():
            reporter.data.print(line)
        for note in found.notes:
            reporter.people.print(f"diff: {note}", markup=False)
        for line in last_lines(found):
            reporter.people.print(line, markup=False)


def _tables(found: Difference) -> Iterable[Table]:
    yield _counts(found)
    for title, pairs in (
        ("Figures", found.figures),
        ("Settings that differ", found.settings),
        ("Inputs that differ", found.inputs),
    ):
        if pairs:
            yield _pairs(title, pairs)


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    return table


def _counts(found: Difference) -> Table:
    table = _table(
        f"{found.a} → {found.b}", "", "came", "went", "moved", "changed", "same", "what changed"
    )
    for each in found.counts:
        parts = ", ".join(f"{part} {count:,}" for part, count in each.parts.items())
        numbers = (f"{n:,}" for n in (each.came, each.went, each.moved, each.changed, each.same))
        table.add_row(Text(" ".join(filter(None, (each.task, each.split)))), *numbers, parts)
    return table


def _pairs(title: str, pairs: Iterable[Pair]) -> Table:
    table = _table(title, "", "A", "B")
    for pair in pairs:
        table.add_row(Text(pair.name), Text(_shown(pair.a)), Text(_shown(pair.b)))
    return table


def _shown(value: str | float | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,}"


def _rows(rows: Iterable[RowChange]) -> Iterator[RenderableType]:
    """What became of each; below it its key, whole, its text, and each cause."""
    yield Text("Rows", style="italic")
    for row in rows:
        change = f"moved from {row.was} to {row.split}" if row.was else row.change
        parts = f": {', '.join(row.parts)}" if row.parts else ""
        place = " ".join(filter(None, (row.task, row.split)))
        yield Text.assemble((f"{change}{parts}", "bold"), f"  {place}")
        for told in (f"key {row.key}", row.text, *map(str, row.causes)):
            yield Padding(in_line(told, _SHOWN_CHARACTERS), (0, 0, 0, 4), expand=False)
