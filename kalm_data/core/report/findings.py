"""What deserves a look: the problems of a set, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.lint import MEANINGS
from kalm_data.core.report.blocks import Finding
from kalm_data.core.report.charts import short_ranker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kalm_data.core.report.figures import Figures

MANY_DROPPED = 0.4
NO_EVIDENCE = 0.02
CLOSE_NEGATIVES = 0.05
HITS_ABOVE = 0.05
NEAR_QUERIES = 0.02
ONE_OPENING = 0.2
ONE_PERSONA = 0.2
LOW_ACCEPTANCE = 0.5
SMALL_TASK = 0.01
CLOSE_TEXTS = 0.1
LOW_AGREEMENT = 0.2
LONG_WORDS = 400
"""Words of one text in twenty beyond which common encoders, of 512 tokens, read it in part."""
FAILED_REQUESTS = 0.05
MANY_REJECTED = 0.2
NO_NEGATIVES = 0.05
_WRONG = ("negative_is_positive", "query_is_positive")
"""What is found in a set that teaches the wrong thing."""


def find_problems(figures: Figures) -> tuple[Finding, ...]:
    """Ordered by severity, then by the share of the set that they touch."""
    found = [
        finding
        for look in (
            _leaks, _positives, _negatives, _hits, _texts, _coverage, _tasks, _rejects, _runs,
            _gain, _set,
        )
        for finding in look(figures)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.severity, -one.share, one.name, one.line)))


def _leaks(figures: Figures) -> Iterator[Finding]:
    sizes = {one.task: one for one in figures.sizes}
    for one in figures.repeats:
        share = one.held_out / max(sizes[one.task].train, 1)
        if one.held_out:
            yield Finding(
                "held_out_query", 2, share, f"{one.held_out:,}",
                "training queries that dev or test asks too. build-shards leaves them "
                "out; they show that the splits are not apart.", "repeats", one.task,
            )  # fmt: skip
    test = sum(size.test for size in figures.sizes)
    if test and not figures.contamination.checked:
        yield Finding(
            "not_checked", 1, 0.0, "none",
            "of the rules looks for texts of test sets: `filter --exclude FILE` does.",
            "contamination",
        )  # fmt: skip
    matched = sum(figures.contamination.counts.values())
    kept = sum(one.positives for one in figures.sizes)
    if matched:
        yield Finding(
            "contamination", 1, matched / max(kept, 1), f"{matched:,}",
            "positives that repeat a test set: rule exclude drops them; see what they match.",
            "contamination",
        )  # fmt: skip


def _positives(figures: Figures) -> Iterator[Finding]:
    for size in figures.sizes:
        dropped = 1 - size.kept / size.positives if size.positives else 0.0
        if dropped > MANY_DROPPED:
            yield Finding(
                "many_dropped", 2, dropped, f"{dropped:.1%}",
                "of the positives are dropped by filter rules. Bad queries, or rules "
                "too strict for this set.", "funnel", size.task,
            )  # fmt: skip
    for curve in figures.curves:
        share = curve.no_evidence / curve.positives
        if share > NO_EVIDENCE:
            yield Finding(
                "no_evidence", 2, share, f"{share:.1%}",
                f"of the positives have nothing in common with their query for "
                f"{short_ranker(curve.ranker)}.", "ranks", curve.task,
            )  # fmt: skip


def _negatives(figures: Figures) -> Iterator[Finding]:
    for scores in figures.scores:
        share = scores.close / scores.negative_count if scores.negative_count else 0.0
        if share > CLOSE_NEGATIVES:
            yield Finding(
                "close_negatives", 3, share, f"{share:.1%}",
                f"of the negatives score at least 90 % of their positive by "
                f"{short_ranker(scores.ranker)}. They may be answers.", "false-negatives",
                scores.task,
            )  # fmt: skip
    for size in figures.sizes:
        without = 1 - size.with_negatives / size.answered if size.answered else 0.0
        if size.negatives and without > NO_NEGATIVES:
            yield Finding(
                "no_negatives", 2, without, f"{without:.1%}",
                "of the examples with a positive left have no negative in the draw of `mine`. "
                "Where rules changed since, build-shards draws again.", "sizes", size.task,
            )  # fmt: skip


def _hits(figures: Figures) -> Iterator[Finding]:
    for one in figures.above:
        share = one.above / one.hits if one.hits else 0.0
        if share > HITS_ABOVE:
            yield Finding(
                "hits_above", 1, share, f"{share:.1%}",
                f"of the first hits by {short_ranker(one.ranker)} score no lower than "
                "the positive: unmarked answers, or a ranker that does not know the subject.",
                "false-negatives", one.task,
            )  # fmt: skip
    for pair in figures.agreements:
        if pair.at_10 < LOW_AGREEMENT:
            yield Finding(
                "low_agreement", 1, 1 - pair.at_10, f"{pair.at_10:.1%}",
                f"of the first ten hits are shared by {short_ranker(pair.first)} and "
                f"{short_ranker(pair.second)}. One of them does not fit these texts.", "agreement",
                pair.task,
            )  # fmt: skip


def _texts(figures: Figures) -> Iterator[Finding]:
    for one in figures.variety:
        share = one.near / one.queries
        if share > NEAR_QUERIES:
            yield Finding(
                "near_queries", 2, share, f"{share:.1%}",
                "of the sampled queries nearly repeat another. "
                "`filter --dedup near` drops them.", "diversity", one.task,
            )  # fmt: skip
        if one.openings and one.openings[0][1] / one.queries > ONE_OPENING:
            opening, count = one.openings[0]
            share = count / one.queries
            yield Finding(
                "one_opening", 1, share, f"{share:.1%}",
                f"of the sampled queries begin with “{opening[:40]}”.", "diversity", one.task,
            )  # fmt: skip
    for near in figures.neighbours:
        share = near.close / near.texts
        if share > CLOSE_TEXTS:
            yield Finding(
                "close_texts", 1, share, f"{share:.1%}",
                f"of the sampled {near.kind} have a neighbour of cosine 0.95 or more.",
                "diversity", near.task,
            )  # fmt: skip
    for length in figures.lengths:
        if length.quantiles[2] > LONG_WORDS:
            yield Finding(
                "long_texts", 1, 0.05, f"{length.quantiles[2]:,}",
                f"words and more have one in twenty {length.kind}; encoders of 512 "
                "tokens read such texts in part.", "lengths", length.task,
            )  # fmt: skip


def _coverage(figures: Figures) -> Iterator[Finding]:
    asked = sum(one.asked for one in figures.coverage.kinds)
    accepted = sum(one.accepted for one in figures.coverage.kinds)
    for one in figures.coverage.kinds:
        rate = one.accepted / one.asked
        if rate < LOW_ACCEPTANCE * accepted / asked:
            yield Finding(
                "low_acceptance", 1, one.asked / asked, f"{rate:.1%}",
                f"of the replies of kind {one.name} become examples; of all "
                f"{accepted / asked:.1%}.",
                "coverage",
            )  # fmt: skip
    personas = sum(one.accepted for one in figures.coverage.personas)
    for top in figures.coverage.personas[:1]:
        share = top.accepted / max(accepted, personas, 1)
        if share > ONE_PERSONA:
            yield Finding(
                "one_persona", 1, share, f"{share:.1%}",
                f"of the accepted queries were asked as one persona, {top.name}.", "coverage",
            )  # fmt: skip


def _tasks(figures: Figures) -> Iterator[Finding]:
    total = sum(size.train for size in figures.sizes)
    for size in figures.sizes:
        share = size.train / total if total else 1.0
        if share < SMALL_TASK and size.train:
            yield Finding(
                "small_task", 1, 1 - share, f"{share:.2%}",
                "of the training examples. Raise its weight, or build with --alpha.",
                "sizes", size.task,
            )  # fmt: skip


def _rejects(figures: Figures) -> Iterator[Finding]:
    accepted = sum(one.accepted for one in figures.coverage.kinds)
    turned_away = [one for one in figures.reasons if one.stage == "synth"]
    total = accepted + sum(one.count for one in turned_away)
    for one in turned_away:
        share = one.count / total
        if share > MANY_REJECTED:
            yield Finding(
                "many_rejected", 2, share, f"{share:.1%}",
                f"of the candidates of synth are turned away as {one.reason}.", "funnel",
            )  # fmt: skip


def _runs(figures: Figures) -> Iterator[Finding]:
    # a failed import leaves nothing: one of whatever kind that came later has made good for it
    last = {run.command.partition("-")[0]: run for run in figures.runs}
    for run in last.values():
        if run.status in ("failed", "interrupted"):
            yield Finding(
                "unfinished_run", 2, 1.0, run.status,
                f"{run.run_id}, the last {run.command}: {run.error or 'it was killed'}", "runs",
            )  # fmt: skip
    requests = sum(run.requests for run in figures.runs)
    failed = sum(run.failed_requests for run in figures.runs)
    if requests and failed / requests > FAILED_REQUESTS:
        yield Finding(
            "failed_requests", 1, failed / requests, f"{failed / requests:.1%}",
            "of the requests to language models failed.", "runs",
        )  # fmt: skip


def _gain(figures: Figures) -> Iterator[Finding]:
    for one in figures.evaluated:
        headline = one.result.headline
        gain = headline.difference.get("ndcg@10")
        if headline.verdict != "better" and gain:
            yield Finding(
                "no_gain", 3, 1.0 if headline.verdict == "worse" else 0.5, f"{gain.mean:+.4f}",
                f"nDCG@10 of {headline.system} against {headline.rival}, the "
                f"best untrained system: {headline.verdict}.", "gain", one.result.task,
            )  # fmt: skip


def _set(figures: Figures) -> Iterator[Finding]:
    if figures.shards is None:
        return
    rows = max(figures.shards.manifest.rows, 1)
    for one in figures.shards.lint or ():
        yield Finding(
            "lint", 3 if one.name in _WRONG else 2, min(one.count / rows, 1.0), f"{one.count:,}",
            f"{MEANINGS[one.name]}, in the shard set.", "shards",
        )  # fmt: skip
