"""Sections on how far the set can be trusted: ranks, scores, diversity, answers, the gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.report.blocks import Bar, Section, Table, quote
from kalm_data.core.report.charts import (
    cosine_chart,
    gap_chart,
    rank_chart,
    score_chart,
    short_ranker,
)

if TYPE_CHECKING:
    from kalm_data.core.eval_result import EvalResult
    from kalm_data.core.report.blocks import Cell
    from kalm_data.core.report.figures import Evaluated, Figures, NearPair

MINE = "Nothing is ranked yet: `kalm-data mine --ranker dense:MODEL`."
_MOST_CHARTS = 12


def ranks(figures: Figures) -> Section:
    rows = tuple(
        (
            one.task, short_ranker(one.ranker), f"{one.positives:,}",
            *(f"{_share_at(one.points, k):.1%}" for k in (1, 10, 50, 100)),
            f"{one.no_evidence:,}", f"{one.k:,}" if one.k else "none",
        )
        for one in figures.curves
    )  # fmt: skip
    columns = ("task", "ranker", "#positives", "#rank 1", "#≤ 10", "#≤ 50", "#≤ 100",
               "#no evidence", "#k in force")  # fmt: skip
    missing = [] if rows else [MINE]
    if rows and not any(one.k for one in figures.curves):
        missing.append("No k is in force: `kalm-data filter --top-k 50`.")
    return Section(
        "ranks", "Where positives rank",
        "Ranks over the whole pool; a line marks the k that `filter` keeps, where it is in force.",
        tuple(rank_chart(one) for one in figures.curves[:_MOST_CHARTS]),
        (Table("Share of positives by rank", columns, rows),) if rows else (),
        missing=tuple(missing),
    )  # fmt: skip


def _share_at(points: tuple[tuple[int, float], ...], k: int) -> float:
    """The share at the largest point that is no larger than k."""
    return max((share for one, share in points if one <= k), default=0.0)


def scores(figures: Figures) -> Section:
    drawn = [one for one in figures.scores if one.gaps]
    charts = [
        chart(one)
        for one in figures.scores[:_MOST_CHARTS]
        for chart in ((score_chart, gap_chart) if one.gaps else (score_chart,))
    ]
    rows = tuple(
        (one.task, short_ranker(one.ranker), f"{one.negative_count:,}",
         *(f"{gap:.4f}" for gap in one.gaps or ()), f"{one.close:,}")
        for one in drawn
    )  # fmt: skip
    columns = ("task", "ranker", "#negatives", "#gap 5 %", "#median", "#95 %",
               "#within 10 % of the positive")  # fmt: skip
    return Section(
        "scores", "Scores of positives and negatives",
        "Scores on the ranker's own scale. Negatives should lie below positives, yet not far. "
        "They are those of the draw that `mine` stored.",
        tuple(charts),
        (Table("How far negatives score below their positive", columns, rows),) if rows else (),
        missing=_missing_scores(figures, bool(drawn)),
    )  # fmt: skip


def _missing_scores(figures: Figures, is_drawn: bool) -> tuple[str, ...]:
    if not figures.scores:
        return (MINE,)
    return () if is_drawn else ("No negatives are drawn yet: `kalm-data mine`.",)


def diversity(figures: Figures) -> Section:
    rows = tuple(
        (one.task, f"{one.queries:,}", *(f"{share:.3f}" for share in one.distinct),
         f"{one.shared_words:.3f}", f"{one.near:,}")
        for one in figures.variety
    )  # fmt: skip
    columns = ("task", "#queries", "#distinct-1", "#distinct-2", "#distinct-3",
               "#shared words of two", "#near-duplicates")  # fmt: skip
    tables = [
        Table("Words of training queries", columns, rows,
              "distinct-n: distinct word n-grams over all; shared words: mean Jaccard of two "
              "random queries.")
    ] if rows else []  # fmt: skip
    tables += [
        Table(f"How queries begin: {one.task}", ("first words", "#count", "share"),
              tuple((quote(opening, 60), f"{count:,}",
                     Bar(count / one.queries, f"{count / one.queries:.1%}"))
                    for opening, count in one.openings))
        for one in figures.variety if one.openings
    ]  # fmt: skip
    near = tuple(
        (one.task, one.kind, one.encoder, f"{one.texts:,}", f"{one.mean:.3f}",
         f"{one.nearest:.3f}", Bar(one.close / one.texts, f"{one.close / one.texts:.1%}"))
        for one in figures.neighbours
    )  # fmt: skip
    if near:
        tables.append(
            Table("Vectors", ("task", "texts", "encoder", "#sampled", "#mean cosine",
                              "#median of the nearest", "nearest ≥ 0.95"), near)
        )  # fmt: skip
    pairs = [pair for words in figures.variety for pair in words.pairs]
    pairs += [pair for near_ones in figures.neighbours for pair in near_ones.pairs]
    if pairs:
        tables.append(_pairs(pairs))
    return Section(
        "diversity", "Diversity", "Of seeded samples of training queries and documents.",
        tuple(
            cosine_chart(f"{one.task}: {one.kind}", one.bins)
            for one in figures.neighbours[:_MOST_CHARTS]
        ),
        tuple(tables), missing=_missing_diversity(figures),
    )  # fmt: skip


def _missing_diversity(figures: Figures) -> tuple[str, ...]:
    lines = [] if figures.variety else ["No queries yet: `kalm-data import pairs` or `synth`."]
    if not figures.neighbours:
        lines.append(
            "The workspace has too few vectors of these texts: `kalm-data mine --ranker "
            "dense:MODEL` makes them."
        )
    return tuple(lines)


def _pairs(pairs: list[NearPair]) -> Table:
    rows = tuple((pair.how, quote(pair.first), quote(pair.second)) for pair in pairs)
    return Table("The nearest pairs of the samples", ("how", "one", "other"), rows)


def repeats(figures: Figures) -> Section:
    rows = tuple(
        (one.task, f"{one.within:,}", f"{one.held_out:,}", quote("; ".join(one.examples)))
        for one in figures.repeats
    )
    columns = ("task", "#the same but for case", "#also in dev or test", "for example")
    return Section(
        "repeats", "Repeated queries", "Over all training queries, not a sample: equal but for "
        "case and white space, and asked by dev or test of any task too.",
        tables=(Table("", columns, rows),) if rows else (),
        missing=() if rows else ("No training queries yet.",),
    )  # fmt: skip


def agreement(figures: Figures) -> Section:
    rows = tuple(
        (one.task, short_ranker(one.first), short_ranker(one.second), f"{one.examples:,}",
         Bar(one.at_10, f"{one.at_10:.1%}"), Bar(one.at_100, f"{one.at_100:.1%}"))
        for one in figures.agreements
    )  # fmt: skip
    columns = ("task", "ranker", "other ranker", "#sampled", "first 10 shared", "first 100 shared")
    return Section(
        "agreement", "Agreement of rankers",
        "The mean share of their first hits that two rankers have in common.",
        tables=(Table("", columns, rows),) if rows else (),
        missing=() if rows else (
            "Two rankers are needed: `kalm-data mine --ranker bm25 --ranker dense:MODEL`.",
        ),
    )  # fmt: skip


def false_negatives(figures: Figures) -> Section:
    above = tuple(
        (one.task, short_ranker(one.ranker), f"{one.examples:,}", f"{one.hits:,}",
         Bar(_part(one.above, one.hits), f"{_part(one.above, one.hits):.2%}"))
        for one in figures.above
    )  # fmt: skip
    elsewhere = tuple(
        (one.task, f"{one.negatives:,}", f"{one.elsewhere:,}",
         Bar(one.elsewhere / one.negatives, f"{one.elsewhere / one.negatives:.1%}"))
        for one in figures.elsewhere
    )  # fmt: skip
    suspects = tuple(
        (f"{one.score:.4f} of {one.positive_score:.4f}", quote(one.query, 240),
         quote(one.positive, 240), quote(one.negative, 240),
         f"rank {one.rank:,}" + (", answers another query" if one.elsewhere else ""))
        for one in figures.suspects
    )  # fmt: skip
    elsewhere_note = (
        "Where most documents answer some query, as after `synth`, most negatives answer another "
        "one too, and that is no harm."
    )
    told = (
        ("Hits that score no lower than the positive", "Of the first 100 hits of a sample, "
         "positives left out. The limits of `mine` keep them out; the rest is like them.",
         ("task", "ranker", "#examples", "#hits", "share"), above),
        ("Negatives that answer another query", elsewhere_note,
         ("task", "#negatives", "#answer another", "share"), elsewhere),
        ("The negatives nearest to their positive", "",
         ("score", "query", "positive", "negative", "place"), suspects),
    )  # fmt: skip
    return Section(
        "false-negatives", "Negatives that may be answers",
        "Nobody judged them; three signs tell where to look.",
        tables=tuple(Table(title, names, rows, note) for title, note, names, rows in told if rows),
        missing=() if suspects or above else ("No negatives are drawn yet: `kalm-data mine`.",),
    )  # fmt: skip


def _part(some: int, of: int) -> float:
    return some / of if of else 0.0


def contamination(figures: Figures) -> Section:
    found = figures.contamination
    about = (
        "Training rows that repeat a test set, found by `filter --exclude`, and what they match."
    )
    if not found.checked:
        line = "No test set was looked for: `kalm-data filter --exclude FILE`."
        return Section("contamination", "Contamination", about, missing=(line,))
    counts = tuple((name, f"{count:,}") for name, count in found.counts.items())
    matches = tuple(
        (f"{one.criterion.replace('_', ' ')}, {one.share:.0%}",
         quote(one.query if one.reason == "contaminated_query" else one.positive),
         quote(one.matched), quote(one.cause))
        for one in found.matches
    )  # fmt: skip
    return Section(
        "contamination", "Contamination", about,
        tables=(
            Table("Dropped", ("what, and how it matched", "#positives"), counts),
            Table("The closest matches", ("how", "text of the set", "text of the test", "from"),
                  matches),
        ) if counts else (),
        missing=() if counts else ("Nothing of the test sets that were given is in the set.",),
    )  # fmt: skip


def gain(figures: Figures) -> Section:
    line = "No evaluation is kept: `kalm-data eval MODEL --against BASE --task T`."
    return Section(
        "gain", "Base against trained", "The latest evaluation of each task, on held-out queries.",
        tables=tuple(table for one in figures.evaluated for table in _evaluated(one)),
        missing=() if figures.evaluated else (line,),
    )  # fmt: skip


def _evaluated(one: Evaluated) -> tuple[Table, ...]:
    result = one.result
    names = [name for name in next(iter(result.systems.values())) if name != "queries"]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (system, *(f"{measures[name]:.4f}" for name in names),
         Bar(measures["ndcg@10"], f"{measures['ndcg@10']:.4f}"))
        for system, measures in result.systems.items()
    )  # fmt: skip
    title = f"{result.task}: {result.model}, run {one.run_id}"
    columns = ("system", *(f"#{name}" for name in names), "nDCG@10 drawn")
    return (Table(title, columns, rows, _verdict(result)),)


def _verdict(result: EvalResult) -> str:
    queries = f"{result.metrics['queries']:,.0f} queries over {result.pool_size:,} documents."
    found = result.against.difference.get("ndcg@10") if result.against else None
    if found is None:
        return queries
    low, high = found.ci95
    return (
        f"{queries} Trained minus base, nDCG@10: {found.mean:+.4f}, 95 % interval {low:+.4f} to "
        f"{high:+.4f}, p {found.p:.4f}."
    )
