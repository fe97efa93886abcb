"""What `synth` shows to people: what a plan would take, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from kalm_data.cli.reporting import on_devices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kalm_data.api.synth import Estimate, SynthResult, SynthTotals


def estimates(found: Mapping[str, Estimate]) -> Table:
    """One column a task."""
    table = Table(
        "", title="Estimate: nothing is asked", title_justify="left", box=box.SIMPLE_HEAD,
        pad_edge=False,
    )  # fmt: skip
    for task in found:
        table.add_column(Text(task), justify="right")
    columns = [dict(_lines(one)) for one in found.values()]
    for name in columns[0] if columns else ():
        table.add_row(name, *(column[name] for column in columns))
    return table


def _lines(one: Estimate) -> Iterator[tuple[str, str]]:
    yield "candidates", f"{one.candidates:,}"
    yield "of these answered before, or never asked", f"{one.settled:,}"
    yield "requests", f"{one.requests:,}"
    yield "tokens read", f"{one.tokens_in:,}{'' if one.is_counted else ', 4 characters each'}"
    yield "tokens written", f"{'at most ' if one.is_bound else ''}{one.tokens_out:,}"
    yield "cost", f"{'at most ' if one.is_bound and one.cost else ''}{one.cost:,.4g}"
    yield "time", _duration(one.seconds)
    yield "disk", f"{one.megabytes:,} MB"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown: nothing was asked yet"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def written(totals: SynthTotals) -> list[Text]:
    """What was asked, and for each task what came of it."""
    shown = [_asked(totals)] if totals.requests else []
    if totals.exported:
        shown.append(
            f"{totals.exported:,} requests written to the batch file. Have them answered, then run "
            "the same command with --import-batch in place of --export-batch."
        )
    if totals.devices:
        shown.append(f"nearest personas{on_devices(totals.devices)}")
    return [Text(line) for line in [*shown, *(_accepted(result) for result in totals.tasks)]]


def _asked(totals: SynthTotals) -> str:
    asked = f"{totals.requests:,} requests in this run"
    if not totals.tokens_in:  # the extractive engine has no tokens, batch files have them later
        return asked
    read = f"{totals.tokens_in:,} tokens read"
    if totals.cached_tokens:
        read += f", {totals.cached_tokens / max(1, totals.tokens_in):.0%} of them from its cache"
    rate = totals.tokens_out / max(totals.seconds_asked, 1e-3)
    cost = f"; cost {totals.cost:,.4g}" if totals.cost else ""
    return f"{asked}: {read}; {totals.tokens_out:,} written, {rate:,.0f} a second{cost}"


def _accepted(result: SynthResult) -> str:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in result.facets.items())
    covered = f"{len(result.facets)} of {len(result.offered.facets)} kinds ({kinds})"
    if result.offered.personas:
        covered += f", {result.personas:,} of {result.offered.personas:,} personas"
    line = f"{result.task}: {result.accepted:,} accepted"
    if result.accepted:
        line += f"; {covered}; {result.distinct_2:.0%} of the queries' word pairs differ"
    return line
