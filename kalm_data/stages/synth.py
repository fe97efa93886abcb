"""Have queries written for documents, turn away the bad ones, and journal every reply."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.errors import InputError
from kalm_data.core.records import (
    Decision,
    Example,
    Generation,
    Head,
    Judgement,
    Reject,
    Text,
    example_id,
)
from kalm_data.core.seeded import digest
from kalm_data.core.settling import ACCEPTED, JournalStore, Settled, Settler
from kalm_data.core.synthesis import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.protocols import LanguageDetector, QueryEngine, Run
    from kalm_data.core.records import Record, Split
    from kalm_data.core.tasks import Task

CHUNK = 1024
"""Candidates that are looked up and asked together; no result depends on it."""

FLUSH = 256
"""Replies that are written together: the most that a kill loses."""

RULE = "gates"
"""Name of the rule that drops queries which were accepted once and fail the gates of today."""

_SHOWN_CHARACTERS = 1000
"""Of a query that was turned away; the journal holds all of it."""


class SynthStore(JournalStore, Protocol):
    """What is read of the workspace."""

    def sources(self, task: Task, split: Split) -> list[str]:
        """Hashes of the distinct texts of the split in the task's pool, sorted."""
        ...

    def protected_queries(self, split: Split) -> AbstractSet[str]:
        """Norm hashes of the queries of every other split, of all tasks."""
        ...

    def count_generated(self, task: str, split: Split) -> int:
        """How many positives of the task's examples of the split were generated."""
        ...

    def drops(self, task: str, rule: str) -> list[Decision]:
        """What the rule in force drops."""
        ...


@dataclass(frozen=True, slots=True)
class SynthResult:
    """Figures of a run. `requests` and tokens are what this run asked; `accepted` is that of the
    whole plan, by `facets`, recalled replies included. `dropped` counts queries that were accepted
    once and are no more, `others` those of earlier plans, which stay.
    """

    task: str
    engine: str
    documents: int
    requests: int
    accepted: int
    dropped: int
    others: int
    facets: Mapping[str, int]
    tokens_in: int
    tokens_out: int


def synth(
    store: SynthStore,
    run: Run,
    engine: QueryEngine,
    detector: LanguageDetector,
    task: Task,
    config: SynthConfig,
    chunk_size: int = CHUNK,
) -> SynthResult:
    """Ask what the journal does not hold, in the order of the plan, until it or the target ends.

    No more is asked at once than is still missing to the target, so no reply is surplus and the
    candidates asked are the same whatever `chunk_size` is. Every reply, recalled ones too, is
    judged by the gates of today: what was accepted and fails them now is dropped by a rule, what
    passes them now becomes an example. Raises InputError where the task has no document of the
    split.
    """
    plan = _make_plan(store, task, config)
    settler = _make_settler(store, engine, detector, task, config)
    before = store.count_generated(task.name, config.split)
    books = _Books(run, engine.name, task.name, config, store.drops(task.name, RULE))
    run.record_input(f"documents of {task.name}", digest("sources", *plan.documents))
    if config.target is None:
        run.plan(len(plan))
    place = 0
    while place < len(plan) and (count := _missing(config, books.accepted, chunk_size)):
        chunk = plan.read(place, count)
        if config.target is not None:
            run.plan(len(chunk))
        books.enter(settler.settle(chunk))
        run.checkpoint()
        place += len(chunk)
    if config.target is not None and books.accepted < config.target:
        run.warn(
            f"{task.name}: {books.accepted} of {config.target} queries accepted, and no candidate "
            "is left. Raise --per-doc."
        )
    books.close()
    result = books.result(len(plan.documents), others=before - books.met)
    if result.others:
        run.warn(
            f"{task.name}: {result.others} queries of earlier plans (another seed, engine, "
            "--facets, --per-doc or --target) stay beside those of this one"
        )
    return result


def preview(
    store: SynthStore,
    engine: QueryEngine,
    detector: LanguageDetector,
    task: Task,
    config: SynthConfig,
) -> tuple[Settled, ...]:
    """The first `config.preview` candidates in the order of the plan; nothing is written."""
    plan = _make_plan(store, task, config)
    settler = _make_settler(store, engine, detector, task, config)
    shown: list[Settled] = []
    place, end = 0, min(config.preview, len(plan))
    while place < end:
        chunk = plan.read(place, end - place)
        shown += [settled for settled in settler.settle(chunk) if settled.final]
        place += len(chunk)
    return tuple(sorted(shown, key=lambda settled: settled.request.place))


def _make_plan(store: SynthStore, task: Task, config: SynthConfig) -> Plan:
    hashes = store.sources(task, config.split)
    if not hashes:
        message = (
            f"task {task.name}: no {config.split} document in {', '.join(task.pool)} to write "
            "queries for. Import documents into it, or name another --split."
        )
        raise InputError(message)
    order = sorted(hashes, key=lambda text_hash: digest(config.seed, "synth", text_hash))
    return Plan(tuple(order), config.per_doc)


def _make_settler(
    store: SynthStore,
    engine: QueryEngine,
    detector: LanguageDetector,
    task: Task,
    config: SynthConfig,
) -> Settler:
    protected = store.protected_queries(config.split)
    return Settler(store, engine, detector, task, config, protected)


def _missing(config: SynthConfig, accepted: int, chunk_size: int) -> int:
    return chunk_size if config.target is None else min(chunk_size, config.target - accepted)


class _Books:
    """Writes what was settled, and counts it.

    `drops` are what the gates dropped before: of requests that are not met again, they stand.
    `met` counts the queries that the workspace had from just these requests.
    """

    def __init__(
        self, run: Run, engine: str, task: str, config: SynthConfig, drops: Iterable[Decision]
    ) -> None:
        self._run, self._engine, self._task, self._config = run, engine, task, config
        self._facets: Counter[str] = Counter()
        self._requests = self._tokens_in = self._tokens_out = 0
        self._standing = {drop.cause: drop for drop in drops}
        self._had_drops = bool(self._standing)
        self._dropped = self.met = 0

    @property
    def accepted(self) -> int:
        return self._facets.total()

    def enter(self, settled: Iterable[Settled]) -> None:
        """Store and count all, as they come; what came before an interruption is stored too."""
        waiting: list[Settled] = []
        try:
            for one in settled:
                waiting.append(one)
                if len(waiting) >= FLUSH:
                    self._flush(waiting)
                    waiting = []
        finally:
            self._flush(waiting)

    def close(self) -> None:
        """Put the verdicts of today in force, where there are any or were."""
        if not (self._had_drops or self._dropped):
            return
        run_id = self._run.run_id
        self._run.append([replace(drop, run_id=run_id) for drop in self._standing.values()])
        settings = json.dumps(
            self._config.model_dump(include={"min_words", "max_words"}), sort_keys=True
        )
        head = Head("rule", self._task, RULE, self._run.sequence, settings, "", run_id)
        self._run.append([head])

    def result(self, documents: int, others: int) -> SynthResult:
        return SynthResult(
            task=self._task,
            engine=self._engine,
            documents=documents,
            requests=self._requests,
            accepted=self.accepted,
            dropped=self._dropped,
            others=others,
            facets=dict(sorted(self._facets.items())),
            tokens_in=self._tokens_in,
            tokens_out=self._tokens_out,
        )

    def _flush(self, waiting: list[Settled]) -> None:
        for one in waiting:
            self._count(one)
        final = [one for one in waiting if one.final]
        kept = [one for one in final if one.outcome == ACCEPTED]
        self._run.append([row for one in waiting for row in self._rows(one)])
        self._run.keep(len(kept))
        self._run.reject([self._reject(one) for one in final if one.outcome != ACCEPTED])

    def _count(self, one: Settled) -> None:
        if not one.recalled:
            self._requests += 1
            self._tokens_in += one.reply.tokens_in
            self._tokens_out += one.reply.tokens_out
        if one.request.key in one.said_by:
            self.met += 1
        if one.outcome == ACCEPTED:
            self._facets[one.request.facet] += 1

    def _rows(self, one: Settled) -> list[Record]:
        self._standing.pop(one.request.key, None)
        rows: list[Record] = [] if one.recalled else [self._generation(one)]
        if one.outcome == ACCEPTED and one.request.key not in one.said_by:
            rows += self._example(one)
        elif one.outcome != ACCEPTED and one.said_by == {one.request.key}:
            self._dropped += 1
            rows.append(self._drop(one))
        return rows

    def _drop(self, one: Settled) -> Decision:
        """The query was accepted once, and nobody but this request says it is answered."""
        return Decision(
            task=self._task,
            rule=RULE,
            example_id=example_id(self._task, one.query),
            text_hash=one.request.document.text_hash,
            verdict="drop",
            reason=one.outcome,
            numbers=one.numbers,
            cause=one.request.key,
            run_id=self._run.run_id,
        )

    def _example(self, one: Settled) -> list[Record]:
        """The query as an example, or one more positive where the task has that query already."""
        text = Text.of(one.query)
        identity = example_id(self._task, one.query)
        return [
            text,
            Example(
                example_id=identity,
                task=self._task,
                query_hash=text.text_hash,
                instruction="",
                language=one.request.language,
                split=self._config.split,
                origin=self._config.engine,
                origin_key=one.request.key,
                source=self._engine,
                line=0,
                run_id=self._run.run_id,
            ),
            Judgement(
                example_id=identity,
                text_hash=one.request.document.text_hash,
                label="positive",
                origin=self._config.engine,
                origin_key=one.request.key,
                run_id=self._run.run_id,
            ),
        ]

    def _generation(self, one: Settled) -> Generation:
        request, reply = one.request, one.reply
        return Generation(
            request_key=request.key,
            attempt=request.attempt,
            task=self._task,
            engine=self._engine,
            facet=request.facet,
            persona=request.persona,
            prompt=request.prompt,
            sampling=request.sampling,
            seed=request.seed,
            document_hash=request.document.text_hash,
            place=request.place,
            reply=reply.raw,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            finish_reason=reply.finish_reason,
            failure=reply.failure,
            run_id=self._run.run_id,
        )

    def _reject(self, one: Settled) -> Reject:
        return Reject(
            run_id=self._run.run_id,
            stage="synth",
            reason=one.outcome,
            key=f"{self._task}:{one.request.key}",
            numbers=one.numbers,
            source=one.request.document.text_hash,
            line=0,
            text=one.query[:_SHOWN_CHARACTERS],
        )
