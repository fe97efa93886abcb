"""Judge a model on held-out queries, beside BM25, its base and their fusions.

Every system answers the same queries over the same pool. Whoever wins, the result says so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.eval_queries import Barred, select_queries
from kalm_data.core.eval_result import HEADLINE_MEASURE, Against, EvalResult
from kalm_data.core.metrics import Metrics, measure
from kalm_data.core.pool import document_groups
from kalm_data.core.records import Reject
from kalm_data.core.slices import OVERLAPS, lexical_overlaps, query_groups, seen_in_training
from kalm_data.core.templates import BARE
from kalm_data.measures.comparison import Scores, cut_slice, difference, figures, headline
from kalm_data.measures.significance import Resampling
from kalm_data.measures.systems import answer, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.config.eval import EvalConfig
    from kalm_data.core.eval_queries import JudgedQuery, TurnedAway
    from kalm_data.core.eval_result import Slice
    from kalm_data.core.evaluation import EvalQuery, TrainingSet
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.tasks import Task
    from kalm_data.measures.systems import Engines, Lists, Model


FEW_GROUPS = 20
"""Below this many groups the percentile bootstrap gives intervals that are too narrow."""


class EvalStore(Protocol):
    """What is read of the workspace."""

    def test_queries(self, task: str) -> list[EvalQuery]:
        """In order of id."""
        ...

    def shown_queries(self) -> frozenset[str]:
        """Norm hashes of the queries that a language model was shown as examples."""
        ...

    def pool(self, task: Task) -> Pool: ...


def evaluate(
    store: EvalStore,
    run: Run,
    task: Task,
    tested: Model,
    against: Model | None,
    training: TrainingSet,
    engines: Engines,
    config: EvalConfig,
) -> EvalResult:
    """Answer the test queries of a task with every system and compare them.

    The systems are "bm25", "base" and "trained", or "bm25" and "model" where no base is given,
    and each model's fusion with BM25. Raises InputError where no query is fit to judge by.
    """
    _refuse_gates_without_base(against, config)
    queries = store.test_queries(task.name)
    run.plan(len(queries))
    pool = store.pool(task)
    texts = written(pool, BARE)
    barred = Barred(training.queries, store.shown_queries())
    fit, turned_away = select_queries(queries, pool, texts, barred, config.verbatim_words)
    run.reject([_as_reject(query, run.run_id) for query in turned_away])
    if not fit:
        raise InputError(_nothing_left(task.name, turned_away))
    models = {"base": against, "trained": tested} if against else {"model": tested}
    lists, cut = answer([query.query for query in fit], pool, models, engines, run)
    run.keep(len(fit))
    group_of = document_groups(pool)
    scores = Scores(_measure(lists, fit), query_groups(fit, pool, group_of))
    _warn_of_few_groups(run, len(set(scores.groups)))
    slicings = _slicings(fit, pool, texts, training, group_of)
    resampling = Resampling(config.seed, config.resamples)
    means = figures(scores)
    system = "trained" if against else "model"
    untrained = [name for name in means if not name.startswith(system)]
    return EvalResult(
        task=task.name,
        model=tested.name,
        pool_size=len(pool),
        origins=dict(sorted(Counter(query.query.origin for query in fit).items())),
        cut=cut,
        training=training.source,
        metrics=means[system],
        against=_against(against, scores, resampling) if against else None,
        systems=means,
        headline=headline(scores, system, untrained, resampling),
        slices=_cut_slices(scores, slicings, resampling),
    )


def missed_gates(result: EvalResult, config: EvalConfig) -> tuple[str, ...]:
    """One line for each gate of the user that the model missed."""
    lines = []
    reached = result.metrics[HEADLINE_MEASURE]
    if config.min_ndcg is not None and reached < config.min_ndcg:
        lines.append(f"nDCG@10 {reached:.4f}, --min-ndcg {config.min_ndcg}")
    if result.against:
        gain = result.against.difference[HEADLINE_MEASURE]
        if config.min_gain is not None and gain.mean < config.min_gain:
            lines.append(f"gain {gain.mean:+.4f} nDCG@10, --min-gain {config.min_gain}")
        if config.max_p is not None and (gain.p > config.max_p or gain.mean <= 0):
            lines.append(f"gain {gain.mean:+.4f} with p {gain.p:.4f}, --max-p {config.max_p}")
    return tuple(lines)


def _refuse_gates_without_base(against: Model | None, config: EvalConfig) -> None:
    if against is None and (config.min_gain, config.max_p) != (None, None):
        message = "--min-gain and --max-p compare with a base model. Name it with --against."
        raise InputError(message)


def _warn_of_few_groups(run: Run, groups: int) -> None:
    if groups < FEW_GROUPS:
        run.warn(
            f"the intervals and p-values rest on {groups} groups of documents only, and are too "
            f"sure of themselves below {FEW_GROUPS}. Add test queries about other documents."
        )


def _nothing_left(task: str, turned_away: Sequence[TurnedAway]) -> str:
    if not turned_away:
        return (
            f"task {task} has no test queries. Import some whose data give them the split "
            '"test", or have a share set aside with `import --test-fraction`.'
        )
    reasons = Counter(query.reason for query in turned_away)
    counts = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    line = f"task {task}: none of the {len(turned_away)} test queries is fit to judge by: {counts}."
    if reasons["verbatim_in_pool"]:
        line += " Short queries stand in many documents: --verbatim-words 5 spares them."
    return line


def _as_reject(turned_away: TurnedAway, run_id: str) -> Reject:
    query = turned_away.query
    return Reject(
        run_id=run_id,
        stage="eval",
        reason=turned_away.reason,
        key=query.example_id,
        numbers=turned_away.numbers,
        source=query.source,
        line=query.line,
        text=query.query,
    )


def _measure(
    lists: Mapping[str, Lists], queries: Sequence[JudgedQuery]
) -> dict[str, list[Metrics]]:
    return {
        name: [measure(hits, judged.relevant) for hits, judged in zip(found, queries, strict=True)]
        for name, found in lists.items()
    }


def _against(model: Model, scores: Scores, resampling: Resampling) -> Against:
    gain = difference(scores, "trained", "base", resampling)
    return Against(model.name, figures(scores)["base"], gain)


def _slicings(
    queries: Sequence[JudgedQuery],
    pool: Pool,
    texts: Sequence[str],
    training: TrainingSet,
    group_of: Mapping[str, str],
) -> dict[str, dict[str, list[int]]]:
    """By slicing, by part: the places of its queries."""
    slicings = {}
    if training.source:
        seen = seen_in_training(queries, pool, group_of, training)
        slicings["documents"] = {
            "seen": [place for place, is_seen in enumerate(seen) if is_seen],
            "unseen": [place for place, is_seen in enumerate(seen) if not is_seen],
        }
    overlaps = lexical_overlaps(queries, texts)
    slicings["overlap"] = {
        part: [place for place, overlap in enumerate(overlaps) if overlap == part]
        for part in OVERLAPS
    }
    return slicings


def _cut_slices(
    scores: Scores, slicings: Mapping[str, Mapping[str, list[int]]], resampling: Resampling
) -> dict[str, dict[str, Slice]]:
    pair = ("trained", "base") if "base" in scores.systems else None
    return {
        slicing: {
            part: cut_slice(scores, places, pair, resampling) for part, places in parts.items()
        }
        for slicing, parts in slicings.items()
    }
