"""`kalm-data rejects`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.rejects import RejectsConfig
from kalm_data.api.rejects import rejects as read_rejects
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting

if TYPE_CHECKING:
    from kalm_data.core.records import Reject

SHOWN_CHARACTERS = 60


@expand
def rejects(
    config: RejectsConfig, workspace: WorkspaceOption = WORKSPACE, json: JsonOption = False
) -> None:
    """List what was turned away: by which run, why, by which numbers, from which file and line."""
    with reporting("rejects", as_json=json) as reporter:
        found = read_rejects(workspace, config)
        if json:
            rows = [asdict(reject) for reject in found]
            print_json({"command": "rejects", "status": "ok", "rejects": rows})
            return
        reporter.data.print(rejects_table(found))


def rejects_table(found: Sequence[Reject]) -> Table:
    """Run and reason are never cut, the rest is folded; the key stands where there is no text."""
    table = Table(title="Rejects", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("run", "reason"):
        table.add_column(name, no_wrap=True)
    for name in ("from", "numbers", "text or key"):
        table.add_column(name, overflow="fold")
    for reject in found:
        place = f"{reject.source}:{reject.line}" if reject.line else reject.source
        text = " ".join(reject.text.split()) or reject.key
        cells = (reject.run_id, reject.reason, place, reject.numbers, text[:SHOWN_CHARACTERS])
        table.add_row(*map(Text, cells))  # Text: what users wrote is no markup
    return table
