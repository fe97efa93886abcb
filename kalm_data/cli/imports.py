"""`kalm-data import documents|pairs|labels|tasks`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.imports import (
    Gates,
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    NamedLabelTask,
    NamedTask,
    import_documents,
    import_labels,
    import_pairs,
    import_tasks,
)
from kalm_data.cli.added import added_documents, added_labels, added_pairs
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting

app = typer.Typer(name="import", help="Bring documents, pairs and labels in.", no_args_is_help=True)

Sources = Annotated[
    list[str], typer.Argument(help="Files, folders, - for standard input, or hf:NAME of the hub.")
]


@app.command("documents")
@expand
def documents(
    task: NamedTask,
    config: ImportDocumentsConfig,
    gates: Gates,
    sources: Sources,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Import documents: JSON lines, CSV, Parquet, text, Markdown, BEIR, Hugging Face data sets."""
    with reporting("import-documents", as_json=json) as reporter:
        show = reporter.progress.show
        outcome = import_documents(workspace, sources, task, config, gates=gates, on_progress=show)
        reporter.finish(outcome, added_documents(outcome.result))


@app.command("pairs")
@expand
def pairs(
    task: NamedTask,
    config: ImportPairsConfig,
    gates: Gates,
    sources: Sources,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Import queries with the documents that answer them, and negatives where there are some."""
    with reporting("import-pairs", as_json=json) as reporter:
        show = reporter.progress.show
        outcome = import_pairs(workspace, sources, task, config, gates=gates, on_progress=show)
        reporter.finish(outcome, added_pairs(outcome.result))


@app.command("labels")
@expand
def labels(
    task: NamedLabelTask,
    config: ImportLabelsConfig,
    gates: Gates,
    sources: Sources,
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Import texts with their classes; build-shards draws positives and negatives by class."""
    with reporting("import-labels", as_json=json) as reporter:
        show = reporter.progress.show
        outcome = import_labels(workspace, sources, task, config, gates=gates, on_progress=show)
        reporter.finish(outcome, added_labels(outcome.result))


@app.command("tasks")
@expand
def tasks(
    gates: Gates,
    file: Annotated[Path, typer.Argument(help="A tasks.toml: tasks with their sources.")],
    workspace: WorkspaceOption = WORKSPACE,
    json: JsonOption = False,
) -> None:
    """Import all that a tasks.toml declares, many tasks at once."""
    with reporting("import-tasks", as_json=json) as reporter:
        reporter.finish(
            import_tasks(workspace, file, gates=gates, on_progress=reporter.progress.show)
        )
