"""`kalm-data verify`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.verify import VerifyResult
from kalm_data.api.verify import verify as check
from kalm_data.cli.options import JsonOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.tree_lines import counted


def verify(
    shards: Annotated[Path, typer.Argument(help="Folder of a shard set.")],
    json: JsonOption = False,
) -> None:
    """Check a shard set against its manifest: files, bytes, rows, sha256."""
    with reporting("verify", as_json=json) as reporter:
        result = check(shards)
        if json:
            print_json({"command": "verify", "status": "ok"} | asdict(result))
        reporter.people.print(f"verify: {_told(result)}")


def _told(result: VerifyResult) -> str:
    parts = [counted(result.rows, "training row"), counted(result.dev_rows, "dev row")]
    if result.scored_pairs:
        parts.append(counted(result.scored_pairs, "scored pair"))
    files = counted(result.files, "file")
    return f"{', '.join(parts)} in {files}: {'is' if result.files == 1 else 'all are'} whole"
