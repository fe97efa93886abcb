"""Sections on what the set holds: funnel, sizes, lengths, coverage, runs, rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kalm_data.core.lint import MEANINGS
from kalm_data.core.report.blocks import Bar, Row, Section, Shown, Table, quote
from kalm_data.core.report.charts import count_chart, short_ranker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.report.blocks import Cell
    from kalm_data.core.report.figures import Asked, Figures, Reason, RunFigures, ShardFigures

LENGTH_TICKS = ("1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1k", "2k", "4k+")
_STAGES = ("import", "synth", "mine", "filter", "build", "train", "eval", "export")
_SHOWN_RUNS = 100
_SHOWN_REASONS = 12
_QUERY, _DOCUMENT = 240, 600
"""Characters shown of each."""


def bars(counts: Sequence[tuple[str, int]], total: int = 0) -> tuple[tuple[Cell, ...], ...]:
    """Rows of a table: a name, its count, and its share of the total (of the largest: 0)."""
    largest = total or max((count for _, count in counts), default=1) or 1
    return tuple(
        (name, f"{count:,}", Bar(min(count / largest, 1.0), f"{count / largest:.1%}"))
        for name, count in counts
    )


def funnel(figures: Figures) -> Section:
    sizes = figures.sizes
    steps = [
        ("documents in the pools", sum(one.documents for one in sizes)),
        ("training examples", sum(one.train for one in sizes)),
        ("their positives", sum(one.positives for one in sizes)),
        ("positives that no rule drops", sum(one.kept for one in sizes)),
        ("examples with a positive left", sum(one.answered for one in sizes)),
        ("of them with mined negatives", sum(one.with_negatives for one in sizes)),
    ]
    if figures.shards:
        steps.append(("rows in the shard set", figures.shards.manifest.rows))
    tables = [Table("", ("step", "#count", "share of the largest"), bars(steps))]
    if figures.reasons:
        tables.append(_rejects(figures.reasons))
    return Section(
        "funnel", "From documents to rows",
        "What came in, what was turned away and why. A thing that several runs turned away counts "
        "once, for the latest reason; those of filter are the verdicts in force.",
        tables=tuple(tables),
        missing=() if figures.reasons else ("Nothing was turned away yet.",),
    )  # fmt: skip


def _rejects(reasons: Sequence[Reason]) -> Table:
    """By stage, in the order in which stages run."""
    totals: Counter[str] = Counter()
    for one in reasons:
        totals[one.stage] += one.count
    rows = tuple(
        (stage, one.reason.replace("_", " "), f"{one.count:,}",
         Bar(one.count / totals[stage], f"{one.count / totals[stage]:.1%}"))
        for stage in sorted(totals, key=_place_of)
        for one in [one for one in reasons if one.stage == stage][:_SHOWN_REASONS]
    )  # fmt: skip
    columns = ("stage", "reason", "#count", "share of the stage's")
    return Table(f"Turned away: {totals.total():,}", columns, rows)


def _place_of(stage: str) -> tuple[int, str]:
    return next((place for place, name in enumerate(_STAGES) if stage.startswith(name)), 9), stage


def sizes(figures: Figures) -> Section:
    total = sum(one.train for one in figures.sizes) or 1
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            one.task, one.type, *(f"{count:,}" for count in (
                one.documents, one.train, one.dev, one.test, one.kept, one.negatives,
            )), Bar(one.train / total, f"{one.train / total:.1%}"),
        )
        for one in sorted(figures.sizes, key=lambda one: (-one.train, one.task))
    )  # fmt: skip
    columns = ("task", "type", "#documents", "#train", "#dev", "#test", "#positives kept",
               "#negatives", "share of training examples")  # fmt: skip
    padding = sum(one.padding for one in figures.sizes)
    note = f"{padding:,} of the negatives are random documents (padding)." if padding else ""
    return Section(
        "sizes", "Tasks", "Sizes of the tasks and their shares.",
        tables=(Table("", columns, rows, note),),
    )  # fmt: skip


def lengths(figures: Figures) -> Section:
    rows = tuple(
        (one.task, one.kind, f"{one.counted:,}", *(f"{count:,}" for count in one.quantiles))
        for one in figures.lengths
    )
    columns = ("task", "texts", "#sampled", "#5 %", "#median", "#95 %", "#longest")
    tables = [Table("Words", columns, rows)] if rows else []
    tokens = figures.shards.tokens if figures.shards else ()
    if tokens:
        counted = tuple(
            (one.task, one.kind, *(f"{n:,}" for n in (one.median, one.q95, one.most)))
            for one in tokens
        )
        tables.append(
            Table("Tokens, as the shard set stores them",
                  ("task", "texts", "#median", "#95 %", "#longest"), counted)
        )  # fmt: skip
    charts = tuple(
        count_chart(f"{one.task}: words of {one.kind}", "How many texts have so many words.",
                    one.bins, LENGTH_TICKS, "words (each bar begins at twice the one before)")
        for one in figures.lengths
    )  # fmt: skip
    return Section(
        "lengths", "Lengths", "Words of a seeded sample of texts; a Chinese, Japanese or Korean "
        "character is a word. An English word is about 1.3 tokens.", charts, tuple(tables),
        missing=() if tokens else (
            "Tokens are known of sets that were built with `kalm-data build-shards "
            "--tokenizer MODEL`; show them with `--shards OUT`.",
        ),
    )  # fmt: skip


def coverage(figures: Figures) -> Section:
    found = figures.coverage
    missing = []
    if not found.kinds:
        missing.append("No query was generated: `kalm-data synth` writes some.")
    elif not found.personas:
        missing.append("No persona asked: those of `kalm-data synth --engine openai` do.")
    tables = [
        Table(title, ("name", "#asked", "#accepted", "share accepted"), _asked(some), note)
        for title, some, note in (
            ("Kinds of queries", found.kinds, ""),
            ("Personas", found.personas,
             f"The ten most accepted of {found.persona_count:,} personas."),
        )
        if some
    ]  # fmt: skip
    return Section(
        "coverage", "Question types and personas",
        "What was asked for, and how much of it became an example. Replies that failed are not "
        "counted.", tables=tuple(tables), missing=tuple(missing),
    )  # fmt: skip


def _asked(some: Sequence[Asked]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (quote(one.name, 120), f"{one.asked:,}", f"{one.accepted:,}",
         Bar(one.accepted / one.asked, f"{one.accepted / one.asked:.1%}"))
        for one in some
    )  # fmt: skip


def runs(figures: Figures) -> Section:
    shown = figures.runs[-_SHOWN_RUNS:]
    with_requests = any(run.requests for run in shown)
    columns = ["run", "status", "started", "#seconds", "#planned", "#kept", "rejected"]
    if with_requests:
        columns += ["#requests", "#failed", "#tokens in", "#tokens out"]
    rows = tuple(_run(run, with_requests=with_requests) for run in reversed(shown))
    told = tuple(
        (run.run_id, quote(line)) for run in reversed(shown) for line in (*run.warnings, run.error)
        if line
    )  # fmt: skip
    tables = [Table("Runs, the latest first", tuple(columns), rows, _cost(figures.runs))]
    if told:
        tables.append(Table("What runs warned of", ("run", "line"), told))
    left_out = len(figures.runs) - len(shown)
    return Section(
        "runs", "Cost and time of each run", "Times are those that the runs recorded.",
        tables=tuple(tables) if rows else (),
        missing=(f"{left_out} earlier runs are not shown.",) if left_out else (),
    )  # fmt: skip


def _run(run: RunFigures, *, with_requests: bool) -> tuple[Cell, ...]:
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in run.rejected.items())
    cells: list[Cell] = [run.run_id, run.status, run.started_at.replace("T", " ").rstrip("Z"),
                         f"{run.seconds:,.1f}", f"{run.planned:,}", f"{run.kept:,}",
                         rejected or "none"]  # fmt: skip
    if with_requests:
        counts = (run.requests, run.failed_requests, run.tokens_in, run.tokens_out)
        cells += [f"{count:,}" for count in counts]
    return tuple(cells)


def _cost(runs: Sequence[RunFigures]) -> str:
    seconds = sum(run.seconds for run in runs)
    line = f"All runs together took {seconds:,.0f} s."
    requests = sum(run.requests for run in runs)
    if requests:
        read, written = (sum(run.tokens_in for run in runs), sum(run.tokens_out for run in runs))
        line += f" {requests:,} requests read {read:,} tokens and wrote {written:,}."
    return line


def shards(figures: Figures) -> Section:
    about = "What the set holds that training reads."
    found = figures.shards
    if found is None:
        missing = ("Name a set with `kalm-data report OUT.html --shards DIR`.",)
        return Section("shards", "Shard set", about, missing=missing)
    return Section("shards", "Shard set", f"{about} Set {found.manifest.fingerprint[:16]}.",
                   tables=_set_tables(found), missing=_unknown_lint(found))  # fmt: skip


def _set_tables(found: ShardFigures) -> tuple[Table, ...]:
    total = found.manifest.rows or 1
    rows = tuple(
        (
            entry.task.name, f"{entry.rows:,}", f"{sum(one.rows for one in entry.dev):,}",
            f"{sum(one.rows for one in entry.scored):,}", str(len(entry.all_files)),
            f"{sum(one.bytes for one in entry.all_files) / 1e6:,.1f}",
            short_ranker(entry.ranker) or "none",
            entry.task.licence or "unknown", Bar(entry.rows / total, f"{entry.rows / total:.1%}"),
        )
        for entry in found.manifest.tasks
    )  # fmt: skip
    columns = ("task", "#rows", "#dev rows", "#scored", "#files", "#MB", "ranker", "licence",
               "share of rows")  # fmt: skip
    tables = [Table(f"Mix of {found.folder}", columns, rows)]
    if found.lint:
        told = tuple(
            (f"{one.count:,}", MEANINGS[one.name], quote("; ".join(one.sample)))
            for one in found.lint
        )
        tables.append(Table("Found in its rows", ("#count", "what", "for example"), told))
    return tuple(tables)


def _unknown_lint(found: ShardFigures) -> tuple[str, ...]:
    if found.lint is None:
        return (
            "No run of this workspace that built the set kept what was found in its rows: "
            "`kalm-data build-shards` tells and keeps it.",
        )
    return () if found.lint else ("Nothing was found in its rows when it was built.",)


def sample(figures: Figures) -> Section:
    rows = tuple(
        Row(
            one.state, one.task or one.stage, one.why or one.stage, quote(one.query, _QUERY),
            tuple(Shown(text.label, quote(text.text, _DOCUMENT)) for text in one.texts), one.place,
            one.example_id,
        )
        for one in figures.sample
    )  # fmt: skip
    return Section(
        "sample", "Rows", "A seeded sample of training examples with their texts, and of what was "
        "turned away, of each reason some. `kalm-data explain ID` tells all of one.", rows=rows,
        missing=() if rows else ("No rows yet: `kalm-data import`, or `report --sample N`.",),
    )  # fmt: skip
