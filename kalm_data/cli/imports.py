"""`kalm-data import documents|pairs|labels|sts|tasks|rankings`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from kalm_data.api.imports import (
    Gates,
    ImportDocumentsConfig,
    ImportLabelsConfig,
    ImportPairsConfig,
    ImportSettings,
    ImportStsConfig,
    NamedLabelTask,
    NamedStsTask,
    NamedTask,
    import_documents,
    import_labels,
    import_pairs,
    import_sts,
    import_tasks,
)
from kalm_data.cli.added import added_documents, added_labels, added_pairs, added_sts
from kalm_data.cli.expand import expand
from kalm_data.cli.help import GroupedCommand, ListedCommands
from kalm_data.cli.import_rankings import rankings
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import reporting

app = typer.Typer(
    name="import",
    cls=ListedCommands,
    help="Bring documents, pairs, labels and scored pairs in.",
    no_args_is_help=True,
)

Sources = Annotated[
    list[str], typer.Argument(help="Files, folders, - for standard input, or hf:NAME of the hub.")
]


def _add(
    name: str,
    bring: Callable[..., Any],
    task_options: type[NamedTask],
    options: type[ImportSettings],
    added: Callable[[Any], Text],
    about: str,
) -> None:
    """Add the command that brings one kind of rows in: they differ in nothing else."""

    def command(
        task: NamedTask,
        config: ImportSettings,
        gates: Gates,
        sources: Sources,
        workspace: WorkspaceOption = WORKSPACE,
        json: JsonOption = False,
    ) -> None:
        with reporting(f"import-{name}", as_json=json) as reporter:
            show = reporter.progress.show
            outcome = bring(workspace, sources, task, config, gates=gates, on_progress=show)
            reporter.finish(outcome, added(outcome.result))

    command.__annotations__ |= {"task": task_options, "config": options}
    app.command(name, help=about, cls=GroupedCommand)(expand(command))


_add(
    "documents", import_documents, NamedTask, ImportDocumentsConfig, added_documents,
    "Import documents: JSON lines, CSV, Parquet, text, Markdown, BEIR, Hugging Face data sets.",
)  # fmt: skip
_add(
    "pairs", import_pairs, NamedTask, ImportPairsConfig, added_pairs,
    "Import queries with the documents that answer them, and negatives where there are some.",
)  # fmt: skip
_add(
    "labels", import_labels, NamedLabelTask, ImportLabelsConfig, added_labels,
    "Import texts with their classes; build-shards draws positives and negatives by class.",
)  # fmt: skip
_add(
    "sts", import_sts, NamedStsTask, ImportStsConfig, added_sts,
    "Import pairs of texts with a score of how alike they are, as STS benchmarks have them.",
)  # fmt: skip


@app.command("tasks", cls=GroupedCommand)
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


app.command("rankings", cls=GroupedCommand)(rankings)
