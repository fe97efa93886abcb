"""The `kalm-data` command: its subcommands, and how usage errors end."""

from __future__ import annotations

import gc
import sys

import typer

from kalm_data import __version__
from kalm_data.cli.build_shards import build_shards
from kalm_data.cli.demo import run_demo
from kalm_data.cli.diff import diff
from kalm_data.cli.evaluate import evaluate
from kalm_data.cli.explain import explain
from kalm_data.cli.export import export
from kalm_data.cli.filter import filter_
from kalm_data.cli.import_rankings import rankings
from kalm_data.cli.imports import app as import_app
from kalm_data.cli.mine import mine
from kalm_data.cli.personas import personas
from kalm_data.cli.rejects import rejects
from kalm_data.cli.report import report
from kalm_data.cli.reporting import print_json
from kalm_data.cli.status import status
from kalm_data.cli.synth import synth
from kalm_data.cli.train import train
from kalm_data.cli.verify import verify

app = typer.Typer(
    name="kalm-data",
    help="From documents to a curated training set, a trained embedder and the proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
import_app.command("rankings")(rankings)
app.add_typer(import_app)
app.command("synth")(synth)
app.command("personas")(personas)
app.command("mine")(mine)
app.command("filter")(filter_)
app.command("build-shards")(build_shards)
app.command("verify")(verify)
app.command("train")(train)
app.command("eval")(evaluate)
app.command("export")(export)
app.command("diff")(diff)
app.command("status")(status)
app.command("explain")(explain)
app.command("rejects")(rejects)
app.command("report")(report)
app.command("demo")(run_demo)


@app.callback(invoke_without_command=True)
def version_only(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(f"kalm-data {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its status."""
    # most of what a command makes lives until it ends: to look for garbage takes a tenth of its
    # time
    gc.set_threshold(50_000)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Exit status of one command: 0, 1 mendable, 2 usage, 3 a gate missed, 130 interrupted."""
    try:
        code = app(arguments, prog_name="kalm-data", standalone_mode=False)
    except typer.exceptions.TyperException as error:
        if "--json" in arguments:
            message = error.format_message()
            print_json({"command": arguments[0], "status": "failed", "error": message})
        error.show()  # type: ignore[attr-defined]
        return error.exit_code
    return int(code or 0)
