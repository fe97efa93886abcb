"""The `kalm-data` command: its subcommands, and how usage errors end."""

from __future__ import annotations

import gc
import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from kalm_data import __version__
from kalm_data.cli.reporting import print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMMANDS = {
    "synth": "synth:synth",
    "personas": "personas:personas",
    "mine": "mine:mine",
    "filter": "filter:filter_",
    "build-shards": "build_shards:build_shards",
    "verify": "verify:verify",
    "train": "train:train",
    "eval": "evaluate:evaluate",
    "export": "export:export",
    "diff": "diff:diff",
    "run": "run:run",
    "status": "status:status",
    "explain": "explain:explain",
    "rejects": "rejects:rejects",
    "report": "report:report",
    "doctor": "doctor:doctor",
    "demo": "demo:run_demo",
}
"""Module and function of each: one is imported when it is asked for, as the settings of all of them
take longer to import than a filter takes to run.
"""

_NAMES = ("import", *_COMMANDS)


def build_app(names: Iterable[str] = _NAMES) -> typer.Typer:
    """The command with these subcommands, all if none is named."""
    app = typer.Typer(
        name="kalm-data",
        help="From documents to a curated training set, a trained embedder and the proof.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback(invoke_without_command=True)(_version_only)
    for name in names:
        if name == "import":
            app.add_typer(_import_app())
        else:
            module, function = _COMMANDS[name].split(":")
            app.command(name)(getattr(import_module(f"kalm_data.cli.{module}"), function))
    return app


@cache
def _import_app() -> typer.Typer:
    from kalm_data.cli.import_rankings import rankings
    from kalm_data.cli.imports import app

    app.command("rankings")(rankings)
    return app


def _version_only(
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
    app = build_app(arguments[:1] if arguments and arguments[0] in _NAMES else _NAMES)
    try:
        code = app(arguments, prog_name="kalm-data", standalone_mode=False)
    except typer.exceptions.TyperException as error:
        if "--json" in arguments:
            message = error.format_message()
            print_json({"command": arguments[0], "status": "failed", "error": message})
        error.show()  # type: ignore[attr-defined]
        return error.exit_code
    return int(code or 0)
