"""Judge a model on held-out queries, beside BM25, its base and their fusions.

Every system answers the same queries over the same pool. Whoever wins, the result says so.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.eval_queries import Barred, select_queries
from kalm_data.core.eval_result import HEADLINE_MEASURE, EvalResult
from kalm_data.core.records import Reject
from kalm_data.core.templates import BARE
from kalm_data.measures.judged_task import judge_task, summarise
from kalm_data.measures.query_lines import query_lines
from kalm_data.measures.regression import missed_regressions
from kalm_data.measures.significance import Resampling
from kalm_data.measures.systems import answer, written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kalm_data.core.config.eval import EvalConfig
    from kalm_data.core.eval_queries import JudgedQuery, TurnedAway
    from kalm_data.core.evaluation import EvalQuery, TrainingSet
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.query_lines import QueryLine
    from kalm_data.core.tasks import Task
    from kalm_data.measures.judged_task import JudgedTask
    from kalm_data.measures.systems import Engines, Model, ModelFor


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

    def document_ids(self, task: Task) -> Mapping[str, str]:
        """Text hash → id of the pool's first document with this text."""
        ...


def evaluate(
    store: EvalStore,
    run: Run,
    tasks: Sequence[Task],
    tested: ModelFor,
    against: ModelFor | None,
    training: TrainingSet,
    engines: Engines,
    config: EvalConfig,
    keep_lines: Callable[[Sequence[QueryLine]], None] | None = None,
) -> EvalResult:
    """Answer the test queries of the tasks with every system and compare them, by task and in all.

    The systems are "bm25", "base" and "trained", or "bm25" and "model" where no base is given,
    and each model's fusion with BM25. `keep_lines` takes what was answered to each query, task by
    task. Raises InputError where a task has no query that is fit to judge by.
    """
    refuse_gates_without_base(config, compared=against is not None)
    resampling = Resampling(config.seed, config.resamples)
    judged: dict[str, JudgedTask] = {}
    names = {}
    for task in sorted(tasks, key=lambda task: task.name):
        models = _models(tested(task), against(task) if against else None)
        judged[task.name] = _judge(store, run, task, models, training, engines, config, keep_lines)
        names = {system: model.name for system, model in models.items()}
    base = names.get("base", "")
    found = {
        name: summarise([one], training.source, base, resampling) for name, one in judged.items()
    }
    all_ = summarise(list(judged.values()), training.source, base, resampling)
    return EvalResult(
        task=", ".join(found),
        model=names["trained" if base else "model"],
        pool_size=all_.pool_size,
        origins=all_.origins,
        cut=all_.cut,
        training=all_.training,
        metrics=all_.metrics,
        against=all_.against,
        systems=all_.systems,
        headline=all_.headline,
        slices=all_.slices,
        dims=all_.dims,
        tasks=found,
    )


def _models(tested: Model, against: Model | None) -> dict[str, Model]:
    return {"base": against, "trained": tested} if against else {"model": tested}


def _judge(
    store: EvalStore,
    run: Run,
    task: Task,
    models: Mapping[str, Model],
    training: TrainingSet,
    engines: Engines,
    config: EvalConfig,
    keep_lines: Callable[[Sequence[QueryLine]], None] | None,
) -> JudgedTask:
    queries = store.test_queries(task.name)
    run.plan(len(queries))
    pool = store.pool(task)
    texts = written(pool, BARE)
    barred = Barred(training.queries, store.shown_queries())
    fit, turned_away = select_queries(queries, pool, texts, barred, config.verbatim_words)
    run.reject([_as_reject(query, run.run_id) for query in turned_away])
    if not fit:
        raise InputError(_nothing_left(task.name, turned_away))
    dims = sorted(set(config.dim), reverse=True)
    answers = answer([query.query for query in fit], pool, models, dims, engines, run)
    run.keep(len(fit))
    judged = judge_task(answers, fit, pool, texts, training)
    _warn_of_stand_ins(run, task.name, fit, pool)
    _warn_of_few_groups(run, task.name, len(set(judged.scores.groups)))
    if keep_lines:
        ids = store.document_ids(task)
        keep_lines(query_lines(task.name, fit, answers.lists, pool, ids))
    return judged


def missed_gates(result: EvalResult, config: EvalConfig) -> tuple[str, ...]:
    """One line for each gate of the user that the model missed, by the means over tasks."""
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
    return (*lines, *missed_regressions(result.regress))


def refuse_gates_without_base(config: EvalConfig, *, compared: bool) -> None:
    """InputError where a gate compares with a base model and none is named."""
    if not compared and (config.min_gain, config.max_p, config.regress) != (None, None, ()):
        message = (
            "--min-gain, --max-p and --regress compare with a base model. Name it with --against."
        )
        raise InputError(message)


def _warn_of_stand_ins(run: Run, task: str, fit: Sequence[JudgedQuery], pool: Pool) -> None:
    held = pool.index()
    changed = sum(held.keys().isdisjoint(one.query.positives) for one in fit)
    if changed:
        run.warn(
            f"task {task}: the documents of {changed} test queries have changed; near-duplicates "
            "of their old texts in the pool count as the answer. Import queries about the new ones."
        )


def _warn_of_few_groups(run: Run, task: str, groups: int) -> None:
    if groups < FEW_GROUPS:
        run.warn(
            f"task {task}: the intervals and p-values rest on {groups} groups of documents "
            f"only, and are too sure of themselves below {FEW_GROUPS}. "
            "Add test queries about other documents."
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
