"""`kalm-data build-shards`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from kalm_data.api.build_shards import BuildResult, Gates, ShardsConfig
from kalm_data.api.build_shards import build_shards as write_set
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import reporting
from kalm_data.cli.tree_lines import counted


@expand
def build_shards(
    config: ShardsConfig,
    gates: Gates,
    out: Annotated[Path, typer.Argument(help="Folder of the shard set; an older set is replaced.")],
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    push: Annotated[
        str,
        typer.Option(
            help="Copy the set to this data set of the Hugging Face hub, user/name; "
            "it is made, private, if it is new."
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Write the training set: task-tagged Parquet files, a manifest and a data card."""
    with reporting("build-shards", as_json=json) as reporter:
        outcome = write_set(
            workspace, out, task or [], config, push=push, gates=gates,
            on_progress=reporter.progress.show,
        )  # fmt: skip
        reporter.finish(outcome, Text(_line(outcome.result)))


def _line(result: BuildResult) -> str:
    dev = f" and {counted(result.dev_rows, 'dev row')}" if result.dev_rows else ""
    reused = f" ({result.reused} of them finished by an earlier run)" if result.reused else ""
    pushed = f"; copied to {result.pushed}" if result.pushed else ""
    files = counted(result.files, "file")
    return f"{counted(result.rows, 'row')}{dev} in {files}{reused}: {result.manifest}{pushed}"
