"""`kalm-data explain`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.api.explain import AmbiguousId
from kalm_data.api.explain import explain as find_explanation
from kalm_data.cli.explain_tree import explanation_tree
from kalm_data.cli.options import WORKSPACE, JsonOption, WorkspaceOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.visible import in_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.api.explain import Candidate

SHOWN_CHARACTERS = 60


def explain(
    id: Annotated[
        str,
        typer.Argument(
            help="An example by its id or the first 6 digits of it, a document by its id or "
            "COLLECTION/ID, a query by its text, a reject by its key, or a row of a set as "
            "FILE.parquet:ROW, counted from 0."
        ),
    ],
    workspace: WorkspaceOption = WORKSPACE,
    shards: Annotated[
        Path | None, typer.Option(help="Shard set in which the example's rows are looked for.")
    ] = None,
    full: Annotated[
        bool, typer.Option(help="Show texts, prompts and replies whole, not their start.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Tell where an example, a document or a row came from, and why it is in or out.

    Prompt, model and reply; ranks of positives; negatives with ranker, rank and score; every
    decision with its numbers; rejects, rows, licences and runs.
    """
    with reporting("explain", as_json=json) as reporter:
        try:
            explained = find_explanation(workspace, id, shards)
        except AmbiguousId as error:
            if json:
                listed = [asdict(one) for one in error.candidates]
                failed = {"command": "explain", "status": "failed", "error": str(error)}
                print_json(failed | {"candidates": listed})
                raise typer.Exit(error.exit_code) from error
            reporter.people.print(_candidates(error.candidates))
            raise
        if json:
            print_json({"command": "explain", "status": "ok"} | asdict(explained))
            return
        reporter.data.print(explanation_tree(explained, full=full))


def _candidates(found: Sequence[Candidate]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("id", "what", "task", "text"):
        table.add_column(name, overflow="fold")
    for one in found:
        table.add_row(
            in_line(one.id), Text(one.kind), in_line(one.task), in_line(one.text, SHOWN_CHARACTERS)
        )
    return table
