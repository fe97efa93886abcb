"""What `eval` and `demo` show to people: systems by measures, slices, and who won."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.cli.reporting import on_devices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from kalm_data.api.evaluate import (
        Against,
        Difference,
        EvalResult,
        Figures,
        Headline,
        Regression,
        Slice,
    )

_MEASURES = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "recall@10": "Recall@10",
    "recall@100": "Recall@100",
}
_SLICINGS = {"documents": "document", "overlap": "overlap"}


def evaluation(result: EvalResult) -> list[RenderableType]:
    """All that is shown of one evaluation, in order."""
    shown: list[RenderableType] = [_systems(result)]
    if result.against:
        shown.append(_difference(result.against.difference))
    if len(result.tasks) > 1:
        shown.append(_tasks(result))
    shown.append(_slices(result))
    if result.dims:
        shown.append(_dims(result))
    if result.regress:
        shown.append(regressions(result.regress))
    if result.mteb:
        shown.append(_mteb(result))
    shown.append(Text("\n".join(_sentences(result))))
    return shown


def _table(title: str, first: str, gap: int = 1) -> Table:
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap)
    )
    table.add_column(first, no_wrap=True)
    return table


def _named(title: str, first: str, columns: Sequence[str]) -> Table:
    """A table whose first column holds names of users, long ones on several lines."""
    table = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0)
    )
    table.add_column(first, overflow="fold", min_width=8)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _systems(result: EvalResult) -> Table:
    several = len(result.tasks) > 1
    on = f", mean over {len(result.tasks)} tasks" if several else f" on task {result.task}"
    table = _table(f"Systems{on}", "system")
    for name in _MEASURES.values():
        table.add_column(name, justify="right")
    for system, means in result.systems.items():
        table.add_row(system, *(f"{means[measure]:.4f}" for measure in _MEASURES))
    return table


def _difference(difference: Mapping[str, Difference]) -> Table:
    table = _table("Trained minus base, same queries", "measure")
    for name in ("mean", "95 % interval", "p"):
        table.add_column(name, justify="right")
    for measure, shown in _MEASURES.items():
        found = difference[measure]
        table.add_row(shown, f"{found.mean:+.4f}", _interval(found), f"{found.p:.4f}")
    return table


def _slices(result: EvalResult) -> Table:
    table = _table("nDCG@10 by part of the queries", "part", gap=0)
    table.add_column("queries", justify="right")
    for system in result.systems:
        table.add_column(system.replace("+", "\n+"), justify="right")
    if result.against:
        table.add_column("trained\n− base", justify="right", no_wrap=True)
        table.add_column("p", justify="right")
    for slicing, parts in result.slices.items():
        for part, found in parts.items():
            table.add_row(f"{_SLICINGS[slicing]} {part}", *_cells(found, result))
    return table


def _tasks(result: EvalResult) -> Table:
    compared = ["trained\n− base", "p"] if result.against else []
    systems = [system.replace("+", "\n+") for system in result.systems]
    table = _named("nDCG@10 by task", "task", ["queries", *systems, *compared])
    for name, task in result.tasks.items():
        means = [f"{task.systems[system]['ndcg@10']:.4f}" for system in result.systems]
        gain = task.against.difference["ndcg@10"] if task.against else None
        told = [f"{gain.mean:+.4f}", f"{gain.p:.4f}"] if gain else []
        table.add_row(name, f"{task.metrics['queries']:,}", *means, *told)
    return table


def _dims(result: EvalResult) -> Table:
    """The vectors as they are, then their first so many numbers."""
    columns = ["base", "trained", "trained − base", "95 % interval", "p"]
    table = _table("nDCG@10 by dimension", "numbers")
    for name in columns if result.against else [result.headline.system]:
        table.add_column(name, justify="right")
    table.add_row("all", *_compared(result.metrics, result.against))
    for name, found in result.dims.items():
        table.add_row(name, *_compared(found.metrics, found.against))
    return table


def regressions(regress: Mapping[str, Regression]) -> Table:
    """By set, what a model lost against its base."""
    columns = ["queries", "base", "trained", "trained\n− base", "95 % interval", "p", ""]
    table = _named("nDCG@10 on sets of --regress", "set", columns)
    for name, found in regress.items():
        cells = [f"{found.queries:,}", *_compared(found.metrics, found.against)]
        dropped = "dropped" if found.dropped else "held"
        table.add_row(name, *cells, dropped)
    return table


def _mteb(result: EvalResult) -> Table:
    compared = ["base", "trained", "trained\n− base"] if result.against else ["model"]
    table = _named("Main scores of mteb", "task", ["measure", *compared])
    for name, found in result.mteb.items():
        cells = [found.measure, f"{found.score:.4f}"]
        if found.base is not None and found.difference is not None:
            cells = [cells[0], f"{found.base:.4f}", cells[1], f"{found.difference:+.4f}"]
        table.add_row(name, *cells)
    return table


def _compared(metrics: Figures, against: Against | None) -> Iterator[str]:
    """The base where there is one, the model, and how they differ, by nDCG@10."""
    if against:
        yield f"{against.metrics['ndcg@10']:.4f}"
    yield f"{metrics['ndcg@10']:.4f}"
    if against:
        gain = against.difference["ndcg@10"]
        yield from (f"{gain.mean:+.4f}", _interval(gain), f"{gain.p:.4f}")


def _cells(found: Slice, result: EvalResult) -> list[str]:
    means = [
        f"{found.systems[system]['ndcg@10']:.4f}" if found.queries else "–"
        for system in result.systems
    ]
    gain = found.difference.get("ndcg@10")
    compared = [f"{gain.mean:+.4f}", f"{gain.p:.4f}"] if gain else ["–", "–"]
    return [f"{found.queries:,}", *means, *(compared if result.against else [])]


def _sentences(result: EvalResult) -> list[str]:
    origins = ", ".join(f"{count:,} {origin}" for origin, count in result.origins.items())
    lines = [
        f"{result.metrics['queries']:,} queries ({origins}) over {result.pool_size:,} documents"
        f"{_of_tasks(result)}{on_devices(result.devices)}."
    ]
    lines += [
        f"{system} read {count:,} texts in part: they are longer than the model reads."
        for system, count in result.cut.items()
        if count
    ]
    if result.training:
        lines.append(f"Seen and unseen documents by {result.training}.")
    lines.append(_verdict(result.headline, result))
    best = max(result.systems, key=lambda system: result.systems[system]["ndcg@10"])
    if best not in (result.headline.system, result.headline.rival):
        lines.append(f"Best of all: {best}, nDCG@10 {result.systems[best]['ndcg@10']:.4f}.")
    return lines


def _of_tasks(result: EvalResult) -> str:
    return f" of {len(result.tasks)} tasks" if len(result.tasks) > 1 else ""


def _verdict(headline: Headline, result: EvalResult) -> str:
    """One sentence that says who won, whoever it was."""
    own = f"{headline.system} ({result.systems[headline.system]['ndcg@10']:.4f})"
    rival = f"{headline.rival} ({result.systems[headline.rival]['ndcg@10']:.4f})"
    found = headline.difference["ndcg@10"]
    numbers = f"{found.mean:+.4f} nDCG@10, 95 % {_interval(found)}, p {found.p:.4f}"
    if result.against:
        rival += ", the best system that was not trained"
    sentence = {
        "better": f"{own} beats {rival}",
        "worse": f"{own} loses to {rival}",
        "undecided": f"These queries cannot tell {own} from {rival}",
    }[headline.verdict]
    return f"{sentence}: {numbers}."


def _interval(found: Difference) -> str:
    low, high = found.ci95
    return f"{low:+.4f} to {high:+.4f}"
