"""Rows of texts that are queries themselves: labelled ones, and those of scored pairs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.pool import make_pool
from kalm_data.core.records import Reject, example_id
from kalm_data.measures.holding_out import like_held
from kalm_data.measures.label_draws import LabelDraw, draw_by_label
from kalm_data.measures.row_block import rows_of
from kalm_data.measures.row_plans import TaskPlan
from kalm_data.measures.scored_rows import ScoreLimits, rows_by_score
from kalm_data.measures.shard_rows import QueryText, TaskRows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.labelled import ClassText, ClassTexts
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Text
    from kalm_data.core.scored import ScoredText, ScoredTexts
    from kalm_data.core.tasks import Task
    from kalm_data.measures.negatives import Drawn
    from kalm_data.measures.row_plans import RowSink


def plan_labelled(
    sink: RowSink,
    run: Run,
    task: Task,
    labelled: ClassTexts,
    config: ShardsConfig,
    held: Sequence[Text],
) -> TaskPlan:
    """Rows without in-batch negatives, whatever the task was declared to be later. No text of them
    is nearly one of `held`.
    """
    labelled = labelled.protecting(like_held(held, (one.text for one in labelled.texts)))
    draw = LabelDraw(config.label_positives, config.label_negatives, config.seed)
    drawn = list(draw_by_label(task.name, labelled.texts, draw))
    apart = task.model_copy(update={"in_batch": False})
    queries = _queries(task.name, labelled.texts)
    rows = TaskRows(apart, "", "", make_pool([], [], ""), labelled.groups, queries)
    texts = [one.text.text for one in labelled.texts]
    numbers = [{"label": one.label} for one in labelled.texts]
    kept = _add_texts(sink, run, rows, drawn, texts, numbers)
    short = sum(one.is_short(config.label_negatives) for one in kept)
    if short:
        run.warn(
            f"task {task.name}: {short} rows have fewer than {config.label_negatives} negatives: "
            "other classes have no more texts"
        )
    if not kept:
        run.warn(f"task {task.name}: none of its labelled texts gives a row")
    run.record_input(f"labels of {task.name}", labelled.fingerprint)
    settings = config.model_dump_json(include={"label_positives", "label_negatives"})
    sources = {"labels": labelled.fingerprint, "draw": settings}
    return TaskPlan(rows, len(kept), 0, {}, sources)


def plan_scored(
    sink: RowSink,
    run: Run,
    task: Task,
    scored: ScoredTexts,
    config: ShardsConfig,
    held: Sequence[Text],
) -> TaskPlan:
    """Rows of what is alike enough, in both directions, and the pairs themselves. No text of them
    is nearly one of `held`.
    """
    scored = scored.protecting(like_held(held, (one.text for one in scored.texts)))
    limits = ScoreLimits(config.sts_positive, config.sts_negative)
    found = rows_by_score(task.name, scored, limits)
    queries = _queries(task.name, scored.texts)
    rows = TaskRows(
        task, "", "", make_pool([], [], ""), scored.groups, queries,
        has_negatives=config.sts_negative is not None,
    )  # fmt: skip
    texts = [one.text.text for one in scored.texts]
    kept = _add_texts(sink, run, rows, found.drawn, texts, [{}] * len(texts))
    left = len(scored.pairs) - len(found.pairs)
    if left:
        run.warn(
            f"task {task.name}: {left} scored pairs are left out: dev or test asks, or nearly "
            "holds, a text of theirs"
        )
    run.record_input(f"scored pairs of {task.name}", scored.fingerprint)
    settings = config.model_dump_json(include={"sts_positive", "sts_negative"})
    sources = {"scored": scored.fingerprint, "draw": settings}
    return TaskPlan(rows, len(kept), 0, {}, sources, found.pairs)


def _add_texts(
    sink: RowSink,
    run: Run,
    rows: TaskRows,
    drawn: Sequence[Drawn],
    texts: Sequence[str],
    numbers: Sequence[Mapping[str, object]],
) -> list[Drawn]:
    """Stage the rows of texts that are queries themselves; texts and numbers are for rejects."""
    run.plan(len(drawn))
    asked = rows.queries or {}
    run.reject(
        [
            Reject(
                run.run_id, "build-shards", one.refusal, one.example_id,
                json.dumps(told, ensure_ascii=False), asked[one.example_id].source,
                asked[one.example_id].line, text,
            )
            for one, text, told in zip(drawn, texts, numbers, strict=True)
            if one.refusal
        ]
    )  # fmt: skip
    kept = [one for one in drawn if not one.refusal]
    sink.add(rows, "train", rows_of(kept))
    sink.finish(rows)
    return kept


def _queries(task: str, texts: Sequence[ClassText] | Sequence[ScoredText]) -> dict[str, QueryText]:
    """By example id."""
    return {
        example_id(task, one.text.text): QueryText(
            one.text.text_hash, one.language, one.source, one.line
        )
        for one in texts
    }
