"""Whether a model lost what its base could do on sets that it was not trained for."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.eval_queries import Barred, select_queries
from kalm_data.core.eval_result import HEADLINE_MEASURE, Against, Regression
from kalm_data.core.pool import document_groups
from kalm_data.core.slices import query_groups
from kalm_data.measures.comparison import Scores, difference, figures
from kalm_data.measures.judged_task import measure_lists
from kalm_data.measures.systems import encode, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.protocols import Run
    from kalm_data.core.retrieval_sets import RetrievalSet
    from kalm_data.measures.significance import Resampling
    from kalm_data.measures.systems import Engines, ModelFor

EVERY_QUERY = sys.maxsize
"""No query has so many words: none is taken out because a document holds it."""


def regress(
    sets: Sequence[RetrievalSet],
    tested: ModelFor,
    base: ModelFor,
    engines: Engines,
    run: Run,
    max_drop: float,
    resampling: Resampling,
) -> dict[str, Regression]:
    """By the name of the set. Every query with words and a positive counts, for both models.

    Raises InputError for a set without such a query.
    """
    return {
        one.name: _regress(one, tested, base, engines, run, max_drop, resampling) for one in sets
    }


def missed_regressions(found: Mapping[str, Regression]) -> tuple[str, ...]:
    """One line for each set on which the model dropped."""
    return tuple(
        f"{name}: nDCG@10 {_drop(one):+.4f} against {one.against.model}, --max-drop {one.max_drop}"
        for name, one in found.items()
        if one.dropped
    )


def _regress(
    one: RetrievalSet,
    tested: ModelFor,
    base: ModelFor,
    engines: Engines,
    run: Run,
    max_drop: float,
    resampling: Resampling,
) -> Regression:
    fit, turned_away = select_queries(one.queries, one.pool, (), Barred(frozenset()), EVERY_QUERY)
    if not fit:
        message = (
            f"{one.name}: none of its {len(turned_away)} test queries has words and a document "
            "that answers it. Name another set with --regress."
        )
        raise InputError(message)
    models = {"base": base(one.task), "trained": tested(one.task)}
    lists = {}
    for system, model in models.items():
        asked, documents, _ = encode([j.query for j in fit], one.pool, model, engines, run)
        lists[system] = nearest(engines.search, asked, documents)
    groups = query_groups(fit, one.pool, document_groups(one.pool))
    scores = [Scores(measure_lists(lists, fit), groups)]
    means = figures(scores)
    found = difference(scores, "trained", "base", resampling)
    return Regression(
        queries=len(fit),
        left_out=dict(sorted(Counter(query.reason for query in turned_away).items())),
        metrics=means["trained"],
        against=Against(models["base"].name, means["base"], found),
        max_drop=max_drop,
        dropped=-found[HEADLINE_MEASURE].mean > max_drop,
    )


def _drop(found: Regression) -> float:
    return found.against.difference[HEADLINE_MEASURE].mean
