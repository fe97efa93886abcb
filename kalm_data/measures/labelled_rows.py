"""Rows of labelled texts: positives by class, negatives of other classes, hard where mined."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.pool import make_pool
from kalm_data.measures.draws import draw_blocks, read_training
from kalm_data.measures.holding_out import like_held
from kalm_data.measures.label_draws import LabelDraw, dev_by_label, draw_by_label
from kalm_data.measures.labelled_draws import LabelledDraws
from kalm_data.measures.row_block import PADDING, rows_of, rows_of_block
from kalm_data.measures.row_plans import TaskPlan
from kalm_data.measures.shard_rows import TaskRows
from kalm_data.measures.text_rows import TextRows, of_other_language, query_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.config.mine import DrawSettings
    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Text
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.row_plans import RowSink


class LabelPlanner:
    """Plans the rows of the labelled texts of one task, none of which is nearly one of `held`."""

    def __init__(
        self,
        draws: DrawStore,
        mined: DrawSettings | None,
        task: Task,
        labelled: ClassTexts,
        dev: ClassTexts,
        config: ShardsConfig,
        held: Sequence[Text],
    ) -> None:
        """mined: the settings of the draw in force, if the task was mined; dev: texts of dev."""
        self._draws, self._mined, self._task, self._config = draws, mined, task, config
        near_held = like_held(held, (one.text for one in labelled.texts))
        foreign = of_other_language(task, [*labelled.texts, *dev.texts])
        self._labelled = labelled.protecting(near_held | foreign)
        self._dev = dev.protecting(foreign)
        self._wanted = mined.config.negatives if mined else config.label_negatives

    def plan(self, sink: RowSink, run: Run) -> TaskPlan:
        """Rows without in-batch negatives, whatever the task was declared to be later."""
        task, labelled = self._task, self._labelled
        apart = task.model_copy(update={"in_batch": False})
        ranker = self._mined.scorer if self._mined else ""
        queries = query_texts(task.name, [*labelled.texts, *self._dev.texts])
        rows = TaskRows(apart, ranker, "", make_pool([], [], ""), labelled.groups, queries)
        added = TextRows(sink, run, rows)
        kept = [added.add("train", block) for block in self._blocks()]
        dev = added.add(
            "dev", rows_of(list(dev_by_label(task.name, self._dev.texts, self._config.seed)))
        )
        sink.finish(rows)
        train, short = sum(map(len, kept)), sum(map(self._count_short, kept))
        if short:
            run.warn(
                f"task {task.name}: {short} rows have fewer than {self._wanted} negatives: "
                + ("mine found no more" if self._mined else "other classes have no more texts")
            )
        if not train:
            run.warn(f"task {task.name}: none of its labelled texts gives a row")
        run.record_input(f"labels of {task.name}", labelled.fingerprint)
        return TaskPlan(rows, train, len(dev), {}, self._sources())

    def _blocks(self) -> Iterator[RowBlock]:
        """A row for each text, maybe refused."""
        texts, config = self._labelled.texts, self._config
        draw = LabelDraw(config.label_positives, config.label_negatives, config.seed)
        drawn = {one.example_id: one for one in draw_by_label(self._task.name, texts, draw)}
        if self._mined is None:
            yield rows_of(list(drawn.values()))
            return
        hashes = np.array([one.text.text_hash for one in texts], object)  # in order, as the pool's
        labelled = LabelledDraws(self._draws, self._labelled)
        training = read_training(labelled, self._task)
        for found in draw_blocks(labelled, self._task, self._mined, training):
            block = rows_of_block(found, hashes)
            own = [drawn.pop(id_) for id_ in block.example_ids]
            refusals = [
                one.refusal or refusal for one, refusal in zip(own, block.refusals, strict=True)
            ]
            yield replace(block, positives=[one.positives for one in own], refusals=refusals)
        yield rows_of(list(drawn.values()))  # protected ones, which are not mined

    def _count_short(self, kept: RowBlock) -> int:
        """Padding is not what was wanted."""
        found = kept.negatives.rows[kept.negatives.proposers != PADDING]
        return int(np.count_nonzero(np.bincount(found, minlength=len(kept)) < self._wanted))

    def _sources(self) -> dict[str, str]:
        own = {"label_positives"} if self._mined else {"label_positives", "label_negatives"}
        found = {
            "labels": self._labelled.fingerprint,
            "draw": self._config.model_dump_json(include=own),
        }
        if self._dev.texts:
            found["dev labels"] = self._dev.fingerprint
        if self._mined:
            found["mined"] = self._mined.told
        return found
