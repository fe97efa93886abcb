"""`kalm-data rejects`."""

from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from kalm_data.api.rejects import RejectsConfig
from kalm_data.api.rejects import rejects as read_rejects
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting

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
        table = Table("run", "reason", "from", "numbers", "text", title="Rejects")
        for reject in found:
            place = f"{reject.source}:{reject.line}" if reject.line else reject.source
            text = " ".join(reject.text.split())[:SHOWN_CHARACTERS]
            cells = (reject.run_id, reject.reason, place, reject.numbers, text)
            table.add_row(*map(Text, cells))  # Text: what users wrote is no markup
        reporter.data.print(table)
