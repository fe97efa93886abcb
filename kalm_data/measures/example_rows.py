"""Rows of queries that documents answer."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.config.mine import DrawSettings
from kalm_data.core.mining import DRAW, ranking_basis
from kalm_data.core.pool import document_groups
from kalm_data.core.records import Reject
from kalm_data.measures.draws import BLOCK, draw_blocks, read_training
from kalm_data.measures.holding_out import OTHER_LICENCE
from kalm_data.measures.row_block import rows_as_given, rows_of_block, rows_of_positives
from kalm_data.measures.row_plans import TaskPlan, no_row
from kalm_data.measures.rules.staleness import refuse_stale_rules
from kalm_data.measures.shard_rows import OTHER_LANGUAGE, TaskRows
from kalm_data.measures.training_pool import HELD_OUT, NOT_IN_POOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.mining import MiningExample
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.row_plans import Barred, RowSink, TrainingStore

    _Drawn = tuple[Sequence[MiningExample], RowBlock]
    """Examples of a task, and a row for each, maybe refused."""

IN_TRAINING = "positive_in_training"
"""Reason word of a dev example whose positives are documents of the train split."""


class ExamplePlanner:
    """Plans the rows of queries that documents answer: those to train on, and those of dev."""

    def __init__(
        self,
        draws: DrawStore,
        store: TrainingStore,
        sink: RowSink,
        run: Run,
        task: Task,
        barred: Barred,
    ) -> None:
        self._draws, self._store, self._sink, self._run, self._task = draws, store, sink, run, task
        self._barred = barred.reasons.get(task.name, {})
        self._training = read_training(draws, task, self._barred)
        pool = self._pool = self._training.pool
        self._text_hashes = np.array(pool.text_hashes, object)
        self._dev_documents = barred.dev
        self._protected = store.protected(task.name)
        languages = store.languages(task.name) if task.languages else {}
        self._foreign = {
            id_ for id_, language in languages.items() if not task.takes_language(language)
        }
        self._parts: Counter[str] = Counter()

    def plan(self) -> TaskPlan:
        task, pool = self._task, self._pool
        basis = ranking_basis(pool, task)
        self._run.record_input(f"pool of {task.name}", pool.fingerprint)
        refuse_stale_rules(self._draws, self._store, task.name, basis)
        ranker, blocks = self._draw()
        rows = TaskRows(task, ranker, basis, pool, document_groups(pool))
        self._reject_unanswered()
        train = dev = 0
        for examples, block in blocks:
            self._run.plan(len(examples))
            further, kept = self._part(examples, block)
            self._sink.add(rows, "dev", further)
            self._sink.add(rows, "train", kept)
            train, dev = train + len(kept), dev + len(further)
        held = self._held_examples()
        self._sink.add(rows, "dev", held)
        self._sink.finish(rows)
        self._tell_parts()
        parts = dict(sorted(self._parts.items()))
        return TaskPlan(rows, train, dev + len(held), parts, self._sources())

    def _draw(self) -> tuple[str, Iterator[_Drawn]]:
        """The ranker that scores, and the draw in force made again; else the given negatives."""
        task = self._task
        settings = self._store.in_force("draw", task.name).get(DRAW)
        if settings:
            drawn_with = DrawSettings.from_json(settings)
            return drawn_with.scorer, self._draw_again(drawn_with)
        self._run.warn(
            f"task {task.name}: nobody mined it; its rows have only the negatives that came with "
            f"the data. `kalm-data mine --task {task.name}` finds more."
        )
        return "", self._as_given()

    def _draw_again(self, settings: DrawSettings) -> Iterator[_Drawn]:
        for drawn in draw_blocks(self._draws, self._task, settings, self._training):
            yield drawn.block.examples, rows_of_block(drawn, self._text_hashes)

    def _as_given(self) -> Iterator[_Drawn]:
        for examples in self._draws.example_blocks(self._task.name, BLOCK):
            yield examples, rows_as_given(self._training, examples, self._text_hashes)

    def _part(
        self, examples: Sequence[MiningExample], block: RowBlock
    ) -> tuple[RowBlock, RowBlock]:
        """(dev rows, training rows); the others are rejected."""
        dev: dict[str, tuple[str, ...]] = {}
        keeps, rejects = [], []
        for example, refusal in zip(examples, block.refusals, strict=True):
            barred = self._why_barred(example)
            held = () if barred else self._held_positives(example)
            reason = barred or refusal
            if held:
                dev[example.example_id] = held
            elif reason:
                rejects.append(self._reject(example, reason))
            keeps.append(not (held or reason))
        self._run.reject(rejects)
        self._leave_out(examples, block, keeps)
        kept = block if all(keeps) else block.select(keeps)
        return rows_of_positives(list(dev), list(dev.values())), kept

    def _why_barred(self, example: MiningExample | EvalQuery) -> str:
        """The reason word of a query that no row of a set asks, else empty."""
        if example.example_id in self._foreign:
            return OTHER_LANGUAGE
        return "protected_query" if example.example_id in self._protected else ""

    def _held_positives(self, example: MiningExample) -> tuple[str, ...]:
        """Those that are held for dev, may be used, and that no rule dropped."""
        if not self._dev_documents:
            return ()
        return tuple(
            text_hash
            for text_hash in example.positives
            if self._is_held(text_hash, "train")
            and (example.example_id, text_hash) not in self._training.dropped
        )

    def _is_held(self, text_hash: str, split: Split) -> bool:
        """Whether dev may hold a document: one of the train split only if it is held for dev."""
        place = self._training.index.get(text_hash)
        if place is None or self._barred.get(text_hash) == OTHER_LICENCE:
            return False
        if self._pool.columns.splits[place] != split:
            return False
        return split == "dev" or text_hash in self._dev_documents

    def _held_examples(self) -> RowBlock:
        """The dev rows of the dev split: their positives are documents that neither training nor a
        test has.
        """
        found: dict[str, tuple[str, ...]] = {}
        rejects = []
        examples = self._store.dev_examples(self._task.name)
        self._run.plan(len(examples))
        for example in examples:
            held = tuple(
                one
                for one in example.positives
                if self._is_held(one, "dev") or self._is_held(one, "train")
            )
            barred = self._why_barred(example)
            if held and not barred:
                found[example.example_id] = held
            else:
                reason = barred or self._why_not_held(example)
                rejects.append(self._reject(example, reason))
        self._run.reject(rejects)
        return rows_of_positives(list(found), list(found.values()))

    def _why_not_held(self, example: EvalQuery) -> str:
        """The reason word of a dev example that is no row."""
        if not example.positives:
            return "no_positive"
        places = [self._training.index.get(text_hash) for text_hash in example.positives]
        splits = {self._pool.columns.splits[place] for place in places if place is not None}
        if not splits:
            return NOT_IN_POOL
        if any(self._barred.get(text_hash) == OTHER_LICENCE for text_hash in example.positives):
            return OTHER_LICENCE
        return IN_TRAINING if "train" in splits else HELD_OUT

    def _reject_unanswered(self) -> None:
        unanswered = self._store.without_positive(self._task.name)
        self._run.plan(len(unanswered))
        self._run.reject(
            [
                no_row(self._run, "no_positive", id_, source, line, query)
                for id_, query, source, line in unanswered
            ]
        )

    def _reject(self, example: MiningExample | EvalQuery, reason: str) -> Reject:
        numbers = json.dumps({"positives": len(example.positives)})
        return no_row(
            self._run, reason, example.example_id, example.source, example.line, example.query,
            numbers,
        )  # fmt: skip

    def _leave_out(
        self, examples: Sequence[MiningExample], block: RowBlock, keeps: Sequence[bool]
    ) -> None:
        """Store which positives of kept rows are not written; parts of rows are no units."""
        found = [
            Reject(
                self._run.run_id, "build-shards-part", reason, f"{example.example_id}:{text_hash}",
                "{}", example.source, example.line, example.query,
            )
            for example, left_out, kept in zip(examples, block.left_out, keeps, strict=True)
            if kept
            for text_hash, reason in left_out.items()
        ]  # fmt: skip
        self._parts.update(reject.reason for reject in found)
        self._run.append(found)

    def _tell_parts(self) -> None:
        if self._parts:
            told = ", ".join(f"{reason} {count}" for reason, count in sorted(self._parts.items()))
            task = self._task.name
            self._run.warn(f"task {task}: positives left out of rows that have others: {told}")

    def _sources(self) -> dict[str, str]:
        task = self._task.name
        rules = self._store.in_force("rule", task).items()
        found = {f"rule {rule}": settings for rule, settings in rules}
        for settings in self._store.in_force("draw", task).values():
            found["draw"] = DrawSettings.from_json(settings).told
        return {"pool": self._pool.fingerprint, **found}
