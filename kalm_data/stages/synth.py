"""Have queries or whole rows written, turn away the bad ones, and journal every reply."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.diversity import distinct_n
from kalm_data.core.errors import InputError
from kalm_data.core.judging import Judge, Settled
from kalm_data.core.near_duplicates import near_duplicates
from kalm_data.core.records import Head
from kalm_data.core.seeded import digest
from kalm_data.core.shortfall import PlanEnd, shortfall
from kalm_data.core.spending import candidates_left, price
from kalm_data.core.synth_result import Offer, SynthResult
from kalm_data.core.synthesis import Plan
from kalm_data.core.written_rows import RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.journal import RunJournal
    from kalm_data.core.protocols import Author, LanguageDetector, Run
    from kalm_data.core.records import Decision, Record, Split, Text
    from kalm_data.core.splits import KnownTexts
    from kalm_data.core.synthesis import AnsweredQuery
    from kalm_data.core.tasks import Task
    from kalm_data.core.written_rows import Writing


class SynthStore(Protocol):
    """What is read of the workspace."""

    def sources(self, task: Task, split: Split) -> list[str]:
        """Hashes of the distinct texts of the split in the task's pool, sorted."""
        ...

    def queries(self, task: str, hashes: Sequence[str]) -> Mapping[str, Sequence[AnsweredQuery]]:
        """Text hash → the task's queries that the document answers, and who said so."""
        ...

    def other_queries(self, task: str, plan: str) -> Iterator[str]:
        """The queries of the task, of all splits, that the plan did not make; in order of id."""
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

    def known_texts(self) -> KnownTexts:
        """The texts of all documents there ever were."""
        ...


@dataclass(frozen=True, slots=True)
class Writer:
    """What one task is written with; up to `chunk` candidates are looked up and asked together,
    and no result depends on it.
    """

    author: Author
    journal: RunJournal
    writing: Writing
    offer: Offer
    chunk: int


def synth(
    store: SynthStore,
    run: Run,
    writer: Writer,
    detector: LanguageDetector,
    plan: Plan,
    config: SynthConfig,
) -> SynthResult:
    """Ask what the journal does not hold, in the order of the plan, until it or the target ends.

    Every reply, recalled ones too, is judged by the gates of today: what was accepted and fails
    them now is dropped by a rule, what passes them now becomes an example. What is accepted beyond
    the target is `surplus`: journalled, and taken up when the target is raised.
    """
    task = writer.writing.task.name
    run.merge()  # what another task of this run asked is recalled, not asked again
    before = store.count_generated(task, config.split)
    books = _Books(run, writer.writing, config, store.drops(task, RULE))
    judge = make_judge(store, writer.writing, detector, config)
    run.record_input(f"items of {task}", digest("sources", *plan.items))
    if not config.is_bounded:
        run.plan(len(plan))
    place = 0
    while left := _left(config, len(plan) - place, place, books.accepted, writer.journal):
        run.expect(left)
        chunk = plan.read(place, min(left, writer.chunk))
        if config.is_bounded:
            run.plan(len(chunk))
        writer.journal.begin_chunk()
        drafts = writer.author.write(chunk)
        answered = store.queries(task, [draft.positive for draft in drafts])
        books.enter(judge.settle(draft, answered.get(draft.positive, ())) for draft in drafts)
        run.checkpoint()
        place += len(chunk)
    books.close(store.known_texts)
    result = books.result(writer, len(plan.items), others=before - books.met)
    is_over = place >= len(plan)
    end = books.plan_end(len(plan.items))
    if is_over and not end.unanswered and result.accepted < (config.target or 1):
        run.warn(f"{task}: {shortfall(end, config.target)}")
    _tell(run, result, config, is_over=is_over)
    return result


def preview(
    store: SynthStore,
    author: Author,
    judge: Judge,
    task: str,
    plan: Plan,
    count: int,
) -> tuple[Settled, ...]:
    """The first candidates in the order of the plan; nothing is written."""
    shown: list[Settled] = []
    place, end = 0, min(count, len(plan))
    while place < end:
        chunk = plan.read(place, end - place)
        drafts = author.write(chunk)
        answered = store.queries(task, [draft.positive for draft in drafts])
        shown += [judge.settle(draft, answered.get(draft.positive, ())) for draft in drafts]
        place += len(chunk)
    return tuple(shown)


def document_plan(store: SynthStore, task: Task, config: SynthConfig) -> Plan:
    """The documents of the split in seeded order. InputError where there is none."""
    hashes = store.sources(task, config.split)
    if not hashes:
        message = (
            f"task {task.name}: no {config.split} document in {', '.join(task.pool)} to write "
            "queries for. Import documents into it, or name another --split."
        )
        raise InputError(message)
    return ordered_plan(hashes, config)


def ordered_plan(items: Iterable[str], config: SynthConfig) -> Plan:
    """The items in seeded order."""
    order = sorted(items, key=lambda item: digest(config.seed, "synth", item))
    return Plan(tuple(order), config.per_doc)


def make_judge(
    store: SynthStore, writing: Writing, detector: LanguageDetector, config: SynthConfig
) -> Judge:
    protected = store.protected_queries(config.split)
    others = () if config.is_extractive else store.other_queries(writing.task.name, writing.plan)
    return Judge(config, detector, protected, others)


def _left(config: SynthConfig, here: int, done: int, accepted: int, journal: RunJournal) -> int:
    """About how many more candidates are wanted, of those that are `here`."""
    wanted = candidates_left(config, done, accepted, journal.requests_left())
    return here if wanted is None else min(here, wanted)


def _tell(run: Run, result: SynthResult, config: SynthConfig, *, is_over: bool) -> None:
    missing = config.target is not None and result.accepted < config.target
    if not is_over and (missing or config.target is None):
        run.warn(
            f"{result.task}: stopped by --max-requests or --budget. The same command goes on from "
            "here."
        )
    if result.cut:
        run.warn(f"{result.task}: {result.cut} documents were cut to fit into a prompt")
    if result.others:
        run.warn(
            f"{result.task}: {result.others} queries of earlier plans (another seed, engine, "
            "--facets, --per-doc or --target) stay beside those of this one"
        )


class _Books:
    """Writes what was settled, and counts it.

    `drops` are what the gates dropped before: of requests that are not met again, they stand.
    `met` counts the queries that the workspace had, and had not dropped, from just these requests.
    """

    def __init__(
        self, run: Run, writing: Writing, config: SynthConfig, drops: Iterable[Decision]
    ) -> None:
        self._run, self._writing, self._config = run, writing, config
        self._facets: Counter[str] = Counter()
        self._away: Counter[str] = Counter()
        self._personas: set[str] = set()
        self._queries: list[str] = []
        self._made: dict[str, Text] = {}
        self._standing = {drop.cause: drop for drop in drops}
        self._had_drops = bool(self._standing)
        self._dropped = self.met = 0

    @property
    def accepted(self) -> int:
        return self._facets.total()

    def enter(self, settled: Iterable[Settled]) -> None:
        """Store and count all, in the order of the plan."""
        kept: list[Settled] = []
        away: list[Settled] = []
        rows: list[Record] = []
        for one in settled:
            if one.is_accepted and self.accepted == self._config.target:
                away.append(replace(one, outcome="surplus"))
                continue
            if one.draft.key in one.said_by and one.draft.key not in self._standing:
                self.met += 1
            self._standing.pop(one.draft.key, None)
            rows += self._rows(one)
            (kept if one.is_accepted else away).append(one)
            if one.is_accepted:
                self._count(one)
        self._away.update(one.outcome for one in away)
        self._run.append(rows)
        self._run.keep(len(kept))
        self._run.reject([self._writing.rejected(one) for one in away])

    def close(self, known_texts: Callable[[], KnownTexts]) -> None:
        """Put the verdicts of today in force, and tie new documents to what is like them."""
        if self._made:
            new = list(self._made.values())
            known = [text for text in known_texts().texts if text.text_hash not in self._made]
            self._run.append(near_duplicates(new, known))
        if not (self._had_drops or self._dropped):
            return
        run_id = self._run.run_id
        self._run.append([replace(drop, run_id=run_id) for drop in self._standing.values()])
        gates = self._config.model_dump(include={"min_words", "max_words", "max_verbatim"})
        settings = json.dumps(gates, sort_keys=True)
        task = self._writing.task.name
        self._run.append([Head("rule", task, RULE, self._run.sequence, settings, "", run_id)])

    def plan_end(self, items: int) -> PlanEnd:
        config = self._config
        of_documents = config.type is None
        return PlanEnd(
            items, config.per_doc, self.accepted, self._away, config.is_extractive, of_documents
        )

    def result(self, writer: Writer, items: int, others: int) -> SynthResult:
        journal = writer.journal
        return SynthResult(
            task=self._writing.task.name,
            engine=self._writing.engine,
            items=items,
            requests=journal.requests,
            accepted=self.accepted,
            dropped=self._dropped,
            others=others,
            cut=len(writer.author.cut),
            facets=dict(sorted(self._facets.items())),
            personas=len(self._personas),
            offered=writer.offer,
            distinct_2=round(distinct_n(self._queries, 2), 4),
            tokens_in=journal.tokens_in,
            tokens_out=journal.tokens_out,
            seconds_asked=round(journal.seconds, 3),
            cost=round(price(self._config, journal.tokens_in, journal.tokens_out), 6),
        )

    def _count(self, one: Settled) -> None:
        self._facets[one.draft.kind] += 1
        self._queries.append(one.draft.query)
        self._made |= {text.text_hash: text for text in one.draft.documents}
        if one.draft.asked_by:
            self._personas.add(one.draft.asked_by)

    def _rows(self, one: Settled) -> list[Record]:
        key = one.draft.key
        if one.is_accepted and key not in one.said_by:
            return self._writing.accepted(one.draft)
        if not one.is_accepted and key in one.said_by:
            self._dropped += 1
            return [self._writing.dropped(one)]
        return []
