"""`kalm-data personas`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.personas import Gates, ModelConfig, PersonasConfig, derive_personas
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def personas(
    config: PersonasConfig,
    model: ModelConfig,
    gates: Gates,
    file: Annotated[Path, typer.Argument(help="File that the personas are written to.")],
    task: Annotated[str, typer.Option("--task", "-t", help="Task whose documents are read.")],
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Derive personas from a task's own documents, for `synth --personas`; needs a model."""
    with reporting("personas", as_json=json) as reporter:
        outcome = derive_personas(
            workspace, file, task, config, model, gates=gates,
            on_progress=reporter.progress.show,
        )  # fmt: skip
        result = outcome.result
        reporter.finish(
            outcome,
            f"{result.personas:,} personas from {result.documents:,} documents in {result.file}; "
            f"{result.duplicates:,} were like another",
        )
