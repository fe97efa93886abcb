"""How well a model that is being trained finds the documents of the dev queries.

Letters: Q queries, P documents, D numbers of a vector.
"""

from __future__ import annotations

from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from kalm_data.core.metrics import DEPTH, METRICS, Metrics, mean, measure
from kalm_data.core.templates import render_document, render_query
from kalm_data.core.trained import DEV_HEADLINE, DEV_SCORE
from kalm_data.trainer.dev_pairs import measure_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    from kalm_data.core.templates import Templates
    from kalm_data.trainer.dev_pairs import DevPairs
    from kalm_data.trainer.dev_rows import DevTask

_QUERIES_AT_ONCE = 256


class DevEvaluator(SentenceEvaluator):  # type: ignore[misc]  # untyped
    """Judges a model on the dev rows and pairs of a set, for sentence-transformers' trainer."""

    def __init__(
        self,
        tasks: Sequence[DevTask],
        pairs: Sequence[DevPairs],
        templates: Mapping[str, Templates],
    ) -> None:
        super().__init__()
        self._tasks = tasks
        self._pairs = pairs
        self._templates = templates

    @property
    def headline(self) -> str:
        """The score by which weights are chosen."""
        return DEV_SCORE if self._pairs else DEV_HEADLINE

    def __call__(
        self, model: SentenceTransformer, *_where: object, **_when: object
    ) -> dict[str, float]:
        """`dev_ndcg@10`, …, `dev_spearman`: means over tasks; `dev_TASK_ndcg@10`, …: of each.

        Where there are pairs, `dev_score` comes first, the mean of all nDCG@10 and Spearman.
        """
        by_task = {
            one.task: measure_task(model, one, self._templates[one.task]) for one in self._tasks
        }
        order = {
            one.task: measure_pairs(partial(_encode, model), one, self._templates)
            for one in self._pairs
        }
        scores = {}
        if order:
            heads = [*(one.ndcg_10 for one in by_task.values()), *order.values()]
            scores[DEV_SCORE] = fmean(heads)
        if by_task:
            scores |= _named("dev", mean(list(by_task.values())))
        if order:
            scores["dev_spearman"] = fmean(order.values())
        if len(by_task) > 1:
            for task, found in by_task.items():
                scores |= _named(f"dev_{task}", found)
        if len(order) > 1:
            scores |= {f"dev_{task}_spearman": value for task, value in order.items()}
        return scores


def judge(
    model: SentenceTransformer, tasks: Sequence[DevTask], templates: Mapping[str, Templates]
) -> dict[str, float]:
    """nDCG@10 of a model by task."""
    return {one.task: measure_task(model, one, templates[one.task]).ndcg_10 for one in tasks}


def measure_task(model: SentenceTransformer, dev: DevTask, templates: Templates) -> Metrics:
    """The means over the dev queries of one task, by exact search."""
    queries = _encode(
        model, [render_query(templates, one.query, one.instruction) for one in dev.queries]
    )
    documents = _encode(
        model, [render_document(templates, one.text, one.title) for one in dev.documents]
    )
    found = []
    for start in range(0, len(dev.queries), _QUERIES_AT_ONCE):
        asked = dev.queries[start : start + _QUERIES_AT_ONCE]
        scores = queries[start : start + _QUERIES_AT_ONCE] @ documents.T
        for place, one in enumerate(asked):
            scores[place, list(one.alike)] = float("-inf")
        hits = scores.topk(min(DEPTH, len(dev.documents))).indices.tolist()
        found += [measure(hit, one.relevant) for hit, one in zip(hits, asked, strict=True)]
    return mean(found)


def _encode(model: SentenceTransformer, texts: list[str]) -> Tensor:
    """(len(texts), D) normalised, float32."""
    made: Any = model.encode(
        texts, prompt="", convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
    )
    return made.float() if isinstance(made, torch.Tensor) else torch.stack(made).float()


def _named(prefix: str, found: Metrics) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in zip(METRICS, found.values(), strict=True)}
