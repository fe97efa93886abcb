"""`kalm-data rejects`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.rejects import Reject, RejectCount, RejectsConfig, export_rejects
from kalm_data.api.rejects import rejects as read_rejects
from kalm_data.api.rejects import restore as restore_positive
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import Reporter, print_json, reporting
from kalm_data.cli.visible import in_line, visible

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
    reporter.data.print(counts_table(found.counts))
    reporter.data.print(rejects_table(found.rejects))
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


def rejects_table(found: Sequence[Reject]) -> Table:
    """Run and reason are never cut, the rest is folded; the key stands where there is no text."""
    table = Table(title="Rejects", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "reason"):
        table.add_column(name, no_wrap=True)
    for name in ("from", "numbers", "text or key"):
        table.add_column(name, overflow="fold")
    for reject in found:
        place = f"{reject.source}:{reject.line}" if reject.line else reject.source
        cells = (reject.run_id, reject.reason, place, reject.numbers)
        text = in_line(reject.text if reject.text.strip() else reject.key, SHOWN_CHARACTERS)
        table.add_row(*(Text(visible(cell)) for cell in cells), text)
    return table
