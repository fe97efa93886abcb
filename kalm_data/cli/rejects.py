"""`kalm-data rejects`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kalm_data.api.rejects import (
    Reject,
    RejectCount,
    RejectsConfig,
    can_be_restored,
    export_rejects,
)
from kalm_data.api.rejects import rejects as read_rejects
from kalm_data.api.rejects import restore as restore_positive
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import Reporter, print_json, reporting
from kalm_data.cli.tree_lines import listed, place
from kalm_data.cli.visible import in_line

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_CHARACTERS = 60
_COUNTS_SHOWN = 12


@expand
def rejects(
    config: RejectsConfig,
    workspace: WorkspaceOption = WORKSPACE,
    export: Annotated[
        Path | None,
        typer.Option(help="Write them to this file: .jsonl, .csv, .tsv or .parquet."),
    ] = None,
    restore: Annotated[
        str,
        typer.Option(
            help="Keep a positive that filter dropped: the key of its reject, or the id or query "
            "of its example. It stays, whatever rules say, until `filter --reset by-hand`."
        ),
    ] = "",
    note: Annotated[str, typer.Option(help="Why it is restored; kept with the decision.")] = "",
    json: JsonOption = False,
) -> None:
    """List what was turned away: by which run, why, by which numbers, from which file and line."""
    if restore and export:
        raise typer.BadParameter("--restore and --export do not go together")
    if note and not restore:
        raise typer.BadParameter("--note goes with --restore")
    with reporting("rejects", as_json=json) as reporter:
        if restore:
            _restore(reporter, workspace, restore, note)
        elif export:
            count = export_rejects(workspace, config, export)
            if json:
                told = {"command": "rejects", "status": "ok", "file": str(export), "rows": count}
                print_json(told)
            reporter.people.print(f"rejects: {count:,} written to {export}", markup=False)
        else:
            _show(reporter, workspace, config)


def _restore(reporter: Reporter, workspace: Path, wanted: str, note: str) -> None:
    outcome = restore_positive(workspace, wanted, note)
    rules = ", ".join(f"{rule} ({reason})" for rule, reason in outcome.result.overruled.items())
    query = in_line(outcome.result.query, SHOWN_CHARACTERS)
    said = f"kept by hand against {rules}; build-shards takes it from now on"
    reporter.finish(outcome, Text.assemble(query, f": {said}"))


def _show(reporter: Reporter, workspace: Path, config: RejectsConfig) -> None:
    found = read_rejects(workspace, config)
    if reporter.as_json:
        told = {"command": "rejects", "status": "ok", "total": found.total}
        print_json(told | asdict(found))
        return
    if not found.total:
        chosen = [*config.model_dump(exclude={"limit"}, exclude_defaults=True)]
        note = f" with this --{' and --'.join(chosen)}" if chosen else ""
        reporter.people.print(f"rejects: nothing was turned away{note}", markup=False)
        return
    reporter.data.print(counts_table(found.counts))
    for line in reject_lines(found.rejects):
        reporter.data.print(line)
    shown = len(found.rejects)
    if shown < found.total:
        more = "--limit shows more, --export writes all"
        reporter.people.print(f"rejects: {shown:,} of {found.total:,} shown; {more}", markup=False)


def counts_table(counts: Sequence[RejectCount]) -> Table:
    """Of the latest runs."""
    table = Table(title="Turned away", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "stage", "reason"):
        table.add_column(name, overflow="fold")
    table.add_column("count", justify="right", no_wrap=True)
    for one in counts[:_COUNTS_SHOWN]:
        table.add_row(Text(one.run_id), Text(one.stage), Text(one.reason), f"{one.count:,}")
    if len(counts) > _COUNTS_SHOWN:
        rest = counts[_COUNTS_SHOWN:]
        table.add_row("earlier", "", "", f"{sum(one.count for one in rest):,}")
    return table


def reject_lines(found: Sequence[Reject]) -> Iterator[RenderableType]:
    """Run, reason and text of each; below it where it came from, by which numbers, and the key that
    `--restore` takes, whole. The key stands in the first line where there is no text.
    """
    yield Text("Rejects", style="italic")
    for reject in found:
        text = in_line(reject.text if reject.text.strip() else reject.key, SHOWN_CHARACTERS)
        yield Text.assemble((f"{reject.run_id} {reject.reason}: ", "bold"), text)
        numbers = listed(loads(reject.numbers))
        for told in filter(None, (place(reject.source, reject.line), numbers)):
            yield _below(told)
        if can_be_restored(reject):
            yield _below(f"key {reject.key}")


def _below(told: str) -> Padding:
    return Padding(in_line(told), (0, 0, 0, 4), expand=False)
