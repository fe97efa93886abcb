"""`kalm-data build-shards`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.build_shards import Gates, ShardsConfig
from kalm_data.api.build_shards import build_shards as write_set
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def build_shards(
    config: ShardsConfig,
    gates: Gates,
    out: Annotated[Path, typer.Argument(help="Folder of the shard set; an older set is replaced.")],
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Write the training set: task-tagged Parquet files, a manifest and a data card."""
    with reporting("build-shards", as_json=json) as reporter:
        outcome = write_set(
            workspace, out, task or [], config, gates=gates, on_progress=reporter.progress.show
        )
        result = outcome.result
        reporter.finish(outcome, f"{result.rows:,} rows in {result.files} files: {result.manifest}")
