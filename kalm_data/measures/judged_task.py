"""From the answers to the queries of tasks to their figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.eval_result import Against, DimResult, TaskResult
from kalm_data.core.metrics import Metrics, measure
from kalm_data.core.pool import document_groups
from kalm_data.core.slices import OVERLAPS, lexical_overlaps, query_groups, seen_in_training
from kalm_data.measures.comparison import Scores, cut_slice, difference, figures, headline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.eval_queries import JudgedQuery
    from kalm_data.core.eval_result import Slice
    from kalm_data.core.evaluation import TrainingSet
    from kalm_data.core.pool import Pool
    from kalm_data.measures.significance import Resampling
    from kalm_data.measures.systems import Answers, Lists

    Slicings = Mapping[str, Mapping[str, Sequence[int]]]
    """By slicing, by part: the places of its queries."""


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """What every system reached on the queries of one task, at full length and by dimension."""

    scores: Scores
    by_dim: Mapping[int, Scores]
    slicings: Slicings
    pool_size: int
    origins: Mapping[str, int]
    cut: Mapping[str, int]


def judge_task(
    answers: Answers,
    queries: Sequence[JudgedQuery],
    pool: Pool,
    texts: Sequence[str],
    training: TrainingSet,
) -> JudgedTask:
    """texts: (P,) the documents with their titles."""
    group_of = document_groups(pool)
    groups = query_groups(queries, pool, group_of)
    return JudgedTask(
        Scores(measure_lists(answers.lists, queries), groups),
        {
            dim: Scores(measure_lists(lists, queries), groups)
            for dim, lists in answers.by_dim.items()
        },
        _slicings(queries, pool, texts, training, group_of),
        len(pool),
        Counter(query.query.origin for query in queries),
        answers.cut,
    )


def measure_lists(
    lists: Mapping[str, Lists], queries: Sequence[JudgedQuery]
) -> dict[str, list[Metrics]]:
    """By system, (Q,) each."""
    return {
        name: [
            measure(hits.positions, judged.relevant)
            for hits, judged in zip(found, queries, strict=True)
        ]
        for name, found in lists.items()
    }


def summarise(
    tasks: Sequence[JudgedTask], training: str, against: str, resampling: Resampling
) -> TaskResult:
    """Means over the tasks, of which there is one at least. against: the base model's name."""
    scores = [task.scores for task in tasks]
    system = "trained" if against else "model"
    means = figures(scores)
    untrained = [name for name in means if not name.startswith(system)]
    return TaskResult(
        pool_size=sum(task.pool_size for task in tasks),
        origins=dict(sorted(_total([task.origins for task in tasks]).items())),
        cut=_total([task.cut for task in tasks]),
        training=training,
        metrics=means[system],
        against=_against(scores, against, resampling),
        systems=means,
        headline=headline(scores, system, untrained, resampling),
        slices=_cut_slices(tasks, bool(against), resampling),
        dims={
            str(dim): _at([task.by_dim[dim] for task in tasks], system, against, resampling)
            for dim in tasks[0].by_dim
        },
    )


def _against(scores: Sequence[Scores], against: str, resampling: Resampling) -> Against | None:
    if not against:
        return None
    gain = difference(scores, "trained", "base", resampling)
    return Against(against, figures(scores)["base"], gain)


def _at(scores: Sequence[Scores], system: str, against: str, resampling: Resampling) -> DimResult:
    return DimResult(figures(scores)[system], _against(scores, against, resampling))


def _total(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(count.get(name, 0) for count in counts) for one in counts for name in one}


def _slicings(
    queries: Sequence[JudgedQuery],
    pool: Pool,
    texts: Sequence[str],
    training: TrainingSet,
    group_of: Mapping[str, str],
) -> dict[str, dict[str, list[int]]]:
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
    tasks: Sequence[JudgedTask], compared: bool, resampling: Resampling
) -> dict[str, dict[str, Slice]]:
    pair = ("trained", "base") if compared else None
    scores = [task.scores for task in tasks]
    return {
        slicing: {
            part: cut_slice(
                scores, [task.slicings[slicing][part] for task in tasks], pair, resampling
            )
            for part in parts
        }
        for slicing, parts in tasks[0].slicings.items()
    }
