"""The `kalm-data` command: its subcommands, and how usage errors end."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import typer
import typer.main

from kalm_data import __version__
from kalm_data.cli.help import GroupedCommand, ListedCommands
from kalm_data.cli.people import people_console
from kalm_data.cli.reporting import print_json

_COMMANDS = {
    "import": ("imports:app", "Bring documents, pairs, labels and scored pairs in."),
    "synth": (
        "synth:synth",
        "Write queries for documents, or whole rows from personas, and keep those that pass the "
        "gates.",
    ),
    "personas": (
        "personas:personas",
        "Derive personas from a task's own documents, for `synth --personas`; needs a model.",
    ),
    "mine": (
        "mine:mine",
        "Rank every positive exactly over the whole pool, keep the best hits, draw hard negatives.",
    ),
    "filter": (
        "filter:filter_",
        "Keep the positives that pass the rules, e.g. rank among the first k for their query.",
    ),
    "build-shards": (
        "build_shards:build_shards",
        "Write the training set: task-tagged Parquet files, a manifest and a data card.",
    ),
    "verify": (
        "verify:verify",
        "Check a shard set against its manifest: files, bytes, rows, sha256.",
    ),
    "train": (
        "train:train",
        "Train a model on a shard set with InfoNCE over in-batch and hard negatives.",
    ),
    "eval": (
        "evaluate:evaluate",
        "Compare a model with BM25 and its base on held-out queries, with intervals and p-values.",
    ),
    "export": (
        "export:export",
        "Write a shard set, or a task's test collection, in the formats that others read.",
    ),
    "diff": (
        "diff:diff",
        "Tell which rows came, went and changed from A to B, and which setting or input caused it.",
    ),
    "run": (
        "run:run",
        "Run the whole pipeline of a file; what has not changed is not done again.",
    ),
    "status": (
        "status:status",
        "Show what is in the workspace, what ran, what runs now, and the next command to type.",
    ),
    "explain": (
        "explain:explain",
        "Tell where an example, a document or a row came from, and why it is in or out.",
    ),
    "rejects": (
        "rejects:rejects",
        "List what was turned away: by which run, why, by which numbers, from which file and line.",
    ),
    "report": (
        "report:report",
        "Write one page that shows the data: what came, went and stayed, and what deserves a look.",
    ),
    "doctor": (
        "doctor:doctor",
        "Tell what this machine can do, and how to get the rest.",
    ),
    "demo": (
        "demo:run_demo",
        "Run the whole pipeline on the documentation of Python's own standard library.",
    ),
}
"""Where each command is, and what `--help` says of it.

All of them take longer to import than a filter takes to run, so one is imported when it is used. A
test compares the words with those of the command itself.
"""


class _Listed(ListedCommands):
    """Shows commands by their words; has the one that is used imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401 - of the library within typer
        name, words, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else words, rest


def _listing() -> typer.Typer:
    app = typer.Typer(
        cls=_Listed,
        name="kalm-data",
        help="From documents to a curated training set, a trained embedder and the proof.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback(invoke_without_command=True)(_version_only)
    for name, (_, words) in _COMMANDS.items():
        app.command(name, help=words)(_in_words)
    return app


def _in_words() -> None:
    """Stands for a command in the list; never called."""


def load_command(name: str) -> Any:  # noqa: ANN401 - a class of the library within typer
    """One command with its options; `import` with its own commands."""
    module, _, member = _COMMANDS[name][0].partition(":")
    command = getattr(import_module(f"kalm_data.cli.{module}"), member)
    app = typer.Typer(rich_markup_mode="markdown")
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name, cls=GroupedCommand)(command)
    return typer.main.get_group(app).commands[name]


def command_words() -> dict[str, str]:
    """What the list says of each command, in the order of a pipeline."""
    return {name: words for name, (_, words) in _COMMANDS.items()}


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
    status = run(sys.argv[1:])
    gc.freeze()  # nor is there anything to look for when all of it ends
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Exit status of one command: 0, 1 mendable, 2 usage, 3 a gate missed, 130 interrupted."""
    try:
        code = _listing()(arguments, prog_name="kalm-data", standalone_mode=False)
    except typer.exceptions.TyperException as error:
        from kalm_data.cli.usage import usage_line

        message = usage_line(error)
        if "--json" in arguments:
            print_json({"command": arguments[0], "status": "failed", "error": message})
        if message:
            command = error.ctx.command_path  # type: ignore[attr-defined]
            end = "" if message.endswith(("?", ".")) else "."
            line = f"{command}: {message}{end} `{command} --help` tells more."
            people_console().print(line, markup=False)
        return error.exit_code
    return int(code or 0)
