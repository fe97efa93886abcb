"""Rows of texts that are queries themselves: labelled ones, and those of scored pairs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.labelled import ClassText
from kalm_data.core.manifest import DEV_SCORED, SCORED
from kalm_data.core.pool import make_pool
from kalm_data.core.records import example_id
from kalm_data.measures.holding_out import like_held
from kalm_data.measures.row_block import rows_of
from kalm_data.measures.row_plans import TaskPlan, no_row
from kalm_data.measures.scored_rows import ScoreLimits, rows_by_score
from kalm_data.measures.shard_rows import OTHER_LANGUAGE, QueryText, TaskRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Reject, Text
    from kalm_data.core.scored import ScoredText, ScoredTexts
    from kalm_data.core.tasks import Task
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.row_plans import RowSink
    from kalm_data.measures.shard_rows import RowKind


class TextRows:
    """Stages rows block by block; a text is a unit, kept or rejected."""

    def __init__(self, sink: RowSink, run: Run, rows: TaskRows) -> None:
        self._sink, self._run, self._rows = sink, run, rows

    def add(self, kind: RowKind, block: RowBlock) -> RowBlock:
        """The rows that are kept; those with a refusal are rejected."""
        self._run.plan(len(block))
        pairs = zip(block.example_ids, block.refusals, strict=True)
        self._run.reject([self._reject(id_, reason) for id_, reason in pairs if reason])
        kept = block.select([not reason for reason in block.refusals])
        self._sink.add(self._rows, kind, kept)
        return kept

    def _reject(self, id_: str, reason: str) -> Reject:
        assert self._rows.queries is not None
        asked = self._rows.queries[id_]
        if not self._rows.task.takes_language(asked.language):
            reason = OTHER_LANGUAGE
        told = json.dumps({"label": asked.label} if asked.label else {}, ensure_ascii=False)
        return no_row(self._run, reason, id_, asked.source, asked.line, asked.text, told)


def plan_scored(
    sink: RowSink,
    run: Run,
    task: Task,
    scored: ScoredTexts,
    dev: ScoredTexts,
    config: ShardsConfig,
    held: Sequence[Text],
) -> TaskPlan:
    """Rows of what is alike enough, in both directions, and the pairs themselves. No text of them
    is nearly one of `held`. Of dev the pairs alone are written, which evaluations ask for.
    """
    scored = scored.protecting(like_held(held, (one.text for one in scored.texts)))
    scored = scored.protecting(of_other_language(task, scored.texts))
    dev = dev.protecting(of_other_language(task, dev.texts))
    limits = ScoreLimits(config.sts_positive, config.sts_negative)
    found = rows_by_score(task.name, scored, limits)
    rows = TaskRows(
        task, "", "", make_pool([], [], ""), scored.groups, query_texts(task.name, scored.texts),
        has_negatives=config.sts_negative is not None,
    )  # fmt: skip
    kept = TextRows(sink, run, rows).add("train", rows_of(found.drawn))
    sink.finish(rows)
    left, dev_left = len(scored.pairs) - len(found.pairs), len(dev.pairs) - len(dev.free)
    if left:
        run.warn(
            f"task {task.name}: {left} scored pairs are left out: dev or test asks, or nearly "
            "holds, a text of theirs, or it is of another language"
        )
    if dev_left:
        run.warn(
            f"task {task.name}: {dev_left} scored pairs of dev are left out: test asks a text of "
            "theirs, or it is of another language"
        )
    run.record_input(f"scored pairs of {task.name}", scored.fingerprint)
    settings = config.model_dump_json(include={"sts_positive", "sts_negative"})
    sources = {SCORED: scored.fingerprint, "draw": settings}
    if dev.pairs:
        sources[DEV_SCORED] = dev.fingerprint
    return TaskPlan(rows, len(kept), 0, {}, sources, found.pairs, dev.free)


def of_other_language(task: Task, texts: Sequence[ClassText | ScoredText]) -> frozenset[str]:
    """Hashes of the texts that the task does not take, neither as queries nor as answers."""
    return frozenset(one.text.text_hash for one in texts if not task.takes_language(one.language))


def query_texts(task: str, texts: Sequence[ClassText | ScoredText]) -> dict[str, QueryText]:
    """By example id."""
    return {
        example_id(task, one.text.text): QueryText(
            one.text.text_hash,
            one.text.text,
            one.language,
            one.source,
            one.line,
            one.label if isinstance(one, ClassText) else "",
        )
        for one in texts
    }
