"""An explanation as a tree for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from kalm_data.cli.explain_document import grow_document
from kalm_data.cli.explain_example import grow_example, grow_judged, negative_rank, verdict
from kalm_data.cli.tree_lines import START, Lines, line, listed, place, title_or_text
from kalm_data.cli.visible import in_line, visible

if TYPE_CHECKING:
    from kalm_data.api.explain import (
        ExplainedReject,
        ExplainedRequest,
        ExplainedRow,
        ExplainedRun,
        Explanation,
    )


def explanation_tree(explained: Explanation, *, full: bool) -> Tree:
    """full: texts, prompts and replies are shown whole."""
    lines, example = Lines(None if full else START), explained.example
    root = Tree(_head(explained))
    if example:
        grow_example(root, example, lines)
    if explained.document:
        grow_document(root, explained.document, lines)
    for request in explained.requests:
        _request(root, request, lines)
    if example:
        grow_judged(root, example, lines)
    for reject in explained.rejects:
        _reject(root, reject, lines)
    for row in explained.rows:
        _row(root, row)
    _runs(root, explained.runs)
    return root


def _head(explained: Explanation) -> Text:
    example = explained.example
    if example:
        of = f"{example.example_id} of task {example.task} ({example.task_type}, {example.split}): "
        return Text.assemble(("example ", "bold"), of, verdict(example))
    if explained.document:
        return Text.assemble(("text ", "bold"), explained.document.text_hash)
    return Text("turned away", "bold red")


def _request(root: Tree, request: ExplainedRequest, lines: Lines) -> None:
    attempt = f", attempt {request.attempt + 1}" if request.attempt else ""
    told = f"to {request.engine}{attempt}, seed {request.seed}, run {request.run_id}"
    branch = root.add(line("request", told))
    tokens = f", {request.tokens_in:,} + {request.tokens_out:,} tokens" if request.tokens_in else ""
    ending = ", ".join(filter(None, (request.finish_reason, request.failure)))
    for name, value in {
        "facet": request.facet,
        "persona": request.persona,
        "prompt file": request.prompt_name,
        "sampling": request.sampling,
        "system": request.system,
        "prompt as sent": request.prompt,
        f"reply ({ending}{tokens})": request.reply,
    }.items():
        if value:
            branch.add(lines.labelled(name, value))


def _reject(root: Tree, reject: ExplainedReject, lines: Lines) -> None:
    told = f" at stage {reject.stage}, run {reject.run_id}"
    branch = root.add(Text.assemble((f"rejected: {reject.reason}", "bold"), visible(told)))
    for name, value in {
        "numbers": listed(reject.numbers),
        "from": place(reject.source, reject.line),
        "text": reject.text,
    }.items():
        if value:
            branch.add(lines.labelled(name, value))


def _row(root: Tree, row: ExplainedRow) -> None:
    branch = root.add(line(f"row {row.row}", f"of {row.file}"))
    for one in row.positives:
        score = "" if one.score is None else f"score {one.score:.4f}, "
        title = title_or_text(one.title, one.text)
        branch.add(Text.assemble(("positive: ", "bold"), score, title))
    lowest = row.positive_score
    against = "" if lowest is None else f"the positive's {lowest:.4f}, "
    for one in row.negatives:
        score = "" if one.score is None else f"score {one.score:.4f}, {against}"
        title = title_or_text(one.title, one.text)
        rank = f"{negative_rank(one.rank)}: "
        branch.add(Text.assemble((rank, "bold"), f"{score}by {one.ranker}: ", title))


def _runs(root: Tree, runs: tuple[ExplainedRun, ...]) -> None:
    if runs:
        branch = root.add(Text("runs", "bold"))
        for run in runs:
            branch.add(in_line(f"{run.run_id}: {run.status}, {run.started_at}"))
