"""`kalm-data verify`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.verify import verify as check
from kalm_data.cli.last_lines import last_lines
from kalm_data.cli.options import JsonOption
from kalm_data.cli.reporting import print_json, reporting


def verify(
    shards: Annotated[Path, typer.Argument(help="Folder of a shard set.")],
    json: JsonOption = False,
) -> None:
    """Check a shard set against its manifest: files, bytes, rows, sha256."""
    with reporting("verify", as_json=json) as reporter:
        result = check(shards)
        if json:
            print_json({"command": "verify", "status": "ok"} | asdict(result))
        for line in last_lines(result):
            reporter.people.print(line, markup=False)
