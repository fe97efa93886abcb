"""The rows of one task for a training set: queries with documents, labelled texts, scored pairs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.config.filter import filter_command
from kalm_data.core.config.mine import DrawSettings, mine_command
from kalm_data.core.errors import StaleMeasurement
from kalm_data.core.mining import DRAW, ranking_basis
from kalm_data.core.pool import document_groups, make_pool
from kalm_data.core.records import Reject, example_id
from kalm_data.core.tasks import Task
from kalm_data.measures.draws import BLOCK, draw_blocks
from kalm_data.measures.holding_out import OTHER_LICENCE, like_held
from kalm_data.measures.label_draws import LabelDraw, draw_by_label
from kalm_data.measures.row_block import (
    rows_as_given,
    rows_of,
    rows_of_block,
    rows_of_positives,
)
from kalm_data.measures.rules.seen import seen_by
from kalm_data.measures.scored_rows import ScoreLimits, rows_by_score
from kalm_data.measures.shard_rows import QueryText, TaskRows
from kalm_data.measures.training_pool import NOT_IN_POOL, training_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kalm_data.core.config.shards import ShardsConfig
    from kalm_data.core.labelled import ClassTexts
    from kalm_data.core.mining import MiningExample
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Text
    from kalm_data.core.scored import ScoredTexts, TextPair
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.negatives import Drawn
    from kalm_data.measures.row_block import RowBlock
    from kalm_data.measures.shard_rows import HeldExample, RowKind

    _Drawn = tuple[Sequence[MiningExample], RowBlock]
    """Examples of a task, and a row for each, maybe refused."""

IN_TRAINING = "positive_in_training"
"""Reason word of a dev example all of whose positives are documents of the train split."""


class TrainingStore(Protocol):
    """The training side of a workspace."""

    def without_positive(self, task: str) -> list[tuple[str, str, str, int]]:
        """(Example id, query, source, line) of train examples that nobody answered, by id."""
        ...

    def protected(self, task: str) -> set[str]:
        """Ids of train examples whose query, in normal form, is one of dev or test of any task."""
        ...

    def dev_examples(self, task: str) -> list[HeldExample]:
        """The examples of the dev split with the positives that no rule drops, by id."""
        ...

    def labelled(self, task: str) -> ClassTexts | None:
        """The labelled texts of the train split; None where the task has no labels."""
        ...

    def scored(self, task: str) -> ScoredTexts | None:
        """The scored pairs of the train split; None where the task has none."""
        ...

    def in_force(self, kind: str, task: str) -> dict[str, str]:
        """The settings of the rules or draws ('rule', 'draw') of a task, by name."""
        ...

    def rules(self, task: str) -> list[tuple[str, str, int]]:
        """(Name, basis, positives it has not judged) of the rules in force that have a basis."""
        ...


class RowSink(Protocol):
    """Takes the rows of a set."""

    def add(self, rows: TaskRows, kind: RowKind, block: RowBlock) -> None:
        """Rows of a task; an example is added once."""
        ...

    def finish(self, rows: TaskRows) -> None:
        """All rows of the task are there."""
        ...


@dataclass(frozen=True, slots=True)
class Barred:
    """What training rows do without, by task: text hash → reason word. `dev` are the documents
    among them that are held for dev; `held_texts` these and those of dev and test, which tasks of
    labels or scores do without, too.
    """

    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dev: frozenset[str] = frozenset()
    held_texts: Sequence[Text] = ()


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """The rows of one task, all of them staged: how many, and what was left out of them.

    `parts_rejected` counts, by reason, single positives left out of rows that are kept. `sources`
    has the fingerprint of pool, labels or scores, and the settings of rules and draw in force.
    """

    rows: TaskRows
    train: int
    dev: int
    parts_rejected: Mapping[str, int]
    sources: Mapping[str, str]
    scored: Sequence[TextPair] = ()


def plan_rows(
    draws: DrawStore,
    store: TrainingStore,
    sink: RowSink,
    run: Run,
    task: Task,
    config: ShardsConfig,
    barred: Barred,
) -> TaskPlan:
    """Stage the rows of a task; counts and rejects the examples that get none."""
    _warn_of_ignored(run, task)
    labelled = store.labelled(task.name)
    if labelled is not None:
        held = like_held(barred.held_texts, (one.text for one in labelled.texts))
        labelled = labelled.protecting(held)
        return _plan_labelled(sink, run, task, labelled, config)
    scored = store.scored(task.name)
    if scored is not None:
        held = like_held(barred.held_texts, (one.text for one in scored.texts))
        scored = scored.protecting(held)
        return _plan_scored(sink, run, task, scored, config)
    return _Examples(draws, store, sink, run, task, barred).plan()


def _plan_labelled(
    sink: RowSink, run: Run, task: Task, labelled: ClassTexts, config: ShardsConfig
) -> TaskPlan:
    """Rows without in-batch negatives, whatever the task was declared to be later."""
    draw = LabelDraw(config.label_positives, config.label_negatives, config.seed)
    drawn = list(draw_by_label(task.name, labelled.texts, draw))
    queries = {
        example_id(task.name, one.text.text): QueryText(
            one.text.text_hash, one.language, one.source, one.line
        )
        for one in labelled.texts
    }
    rows = TaskRows(
        task.model_copy(update={"in_batch": False}), "", "", make_pool([], [], ""),
        labelled.groups, queries,
    )  # fmt: skip
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


def _plan_scored(
    sink: RowSink, run: Run, task: Task, scored: ScoredTexts, config: ShardsConfig
) -> TaskPlan:
    limits = ScoreLimits(config.sts_positive, config.sts_negative)
    found = rows_by_score(task.name, scored, limits)
    queries = {
        example_id(task.name, one.text.text): QueryText(
            one.text.text_hash, one.language, one.source, one.line
        )
        for one in scored.texts
    }
    rows = TaskRows(task, "", "", make_pool([], [], ""), scored.groups, queries)
    texts = [one.text.text for one in scored.texts]
    kept = _add_texts(sink, run, rows, found.drawn, texts, [{}] * len(texts))
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


class _Examples:
    """Plans the rows of queries that documents answer."""

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
        pool = self._pool = draws.pool(task)
        dropped = frozenset(draws.dropped(task.name))
        self._training = training_pool(pool, pool.index(), dropped, self._barred)
        self._text_hashes = np.array([one.text_hash for one in pool.documents], object)
        self._dev_documents = barred.dev
        self._protected = store.protected(task.name)
        self._parts: Counter[str] = Counter()

    def plan(self) -> TaskPlan:
        task, pool = self._task, self._pool
        basis = ranking_basis(pool, task)
        self._run.record_input(f"pool of {task.name}", pool.fingerprint)
        _refuse_stale_rules(self._draws, self._store, task.name, basis)
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
        for drawn in draw_blocks(self._draws, self._task, settings, self._barred):
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
            protected = "protected_query" if example.example_id in self._protected else ""
            held = () if protected else self._held_positives(example)
            reason = protected or refusal
            if held:
                dev[example.example_id] = held
            elif reason:
                rejects.append(self._reject(example, reason))
            keeps.append(not (held or reason))
        self._run.reject(rejects)
        self._leave_out(examples, block, keeps)
        kept = block if all(keeps) else block.select(keeps)
        return rows_of_positives(list(dev), list(dev.values())), kept

    def _held_positives(self, example: MiningExample) -> tuple[str, ...]:
        """Those that are held for dev, and that no rule dropped."""
        if not self._dev_documents:
            return ()
        dropped = self._training.dropped
        return tuple(
            text_hash
            for text_hash in example.positives
            if text_hash in self._dev_documents
            and text_hash in self._training.index
            and (example.example_id, text_hash) not in dropped
        )

    def _held_examples(self) -> RowBlock:
        """The dev rows of the dev split: their positives are documents that training never sees."""
        found: dict[str, tuple[str, ...]] = {}
        rejects = []
        examples = self._store.dev_examples(self._task.name)
        self._run.plan(len(examples))
        for example in examples:
            known = [h for h in example.positives if h in self._training.index]
            held = tuple(h for h in known if not self._training.trainable[self._training.index[h]])
            allowed = tuple(h for h in held if self._barred.get(h) != OTHER_LICENCE)
            if allowed:
                found[example.example_id] = allowed
                continue
            reason = _dev_refusal(example, known, held)
            rejects.append(
                Reject(
                    self._run.run_id, "build-shards", reason, example.example_id, "{}",
                    example.source, example.line, example.query,
                )
            )  # fmt: skip
        self._run.reject(rejects)
        return rows_of_positives(list(found), list(found.values()))

    def _reject_unanswered(self) -> None:
        unanswered = self._store.without_positive(self._task.name)
        self._run.plan(len(unanswered))
        self._run.reject(
            [
                Reject(self._run.run_id, "build-shards", "no_positive", id_, "{}", source, line,
                       query)
                for id_, query, source, line in unanswered
            ]
        )  # fmt: skip

    def _reject(self, example: MiningExample, reason: str) -> Reject:
        numbers = json.dumps({"positives": len(example.positives)})
        return Reject(
            self._run.run_id, "build-shards", reason, example.example_id, numbers, example.source,
            example.line, example.query,
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
            drawn_with = DrawSettings.from_json(settings)
            # models are told by their fingerprints: an option may be a folder of this machine
            models = {"ranker", "rescored", "denoise"}
            told = drawn_with.config.model_dump(mode="json", exclude=models)
            told |= {"rankers": drawn_with.rankers, "denoiser": drawn_with.denoiser}
            found["draw"] = json.dumps(told, sort_keys=True)
        return {"pool": self._pool.fingerprint, **found}


def _dev_refusal(example: HeldExample, known: Sequence[str], held: Sequence[str]) -> str:
    if not example.positives:
        return "no_positive"
    if not known:
        return NOT_IN_POOL
    return OTHER_LICENCE if held else IN_TRAINING


def _refuse_stale_rules(draws: DrawStore, store: TrainingStore, task: str, basis: str) -> None:
    """Verdicts of another pool, of some positives only, or that looked at what other rules kept
    before, are no filter of this set.
    """
    for rule, judged_on, unjudged in store.rules(task):
        told = json.loads(store.in_force("rule", task)[rule])
        again = filter_command(told.get("tasks", [task]), told["options"])
        if judged_on != basis or unjudged:
            what = f"{unjudged} positives are new" if unjudged else "the pool has changed"
            rankers = told["rankers"]
            mined = [mine_command(task, draws.mine_config(task, ranker)) for ranker in rankers]
            line = f"task {task}: rule {rule} is stale: {what} since."
            raise StaleMeasurement(line, [*dict.fromkeys(mined), again])
        dropped = {name: draws.dropped_by(name) for name in told.get("tasks", ())}
        if dropped and told["saw"] != seen_by(rule, dropped):
            line = f"task {task}: rule {rule} is stale: other rules keep other rows since."
            raise StaleMeasurement(line, [again])


def _warn_of_ignored(run: Run, task: Task) -> None:
    """What a task can declare already and this version does not apply yet."""
    ignored = [name for name in ("languages", "symmetric")
               if getattr(task, name) != Task.model_fields[name].default]  # fmt: skip
    if ignored:
        run.warn(f"task {task.name}: not applied in this version: {', '.join(ignored)}")
