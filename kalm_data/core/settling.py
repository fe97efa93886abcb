"""From planned candidates to settled ones: recalled from the journal or asked, and judged anew.

A reply is a measurement and kept for good; what the gates say of it is a decision, and made again
by every run. So other gates change the verdicts, and ask nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.candidates import judge, make_request, try_again
from kalm_data.core.gates import LengthLimits
from kalm_data.core.records import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.protocols import LanguageDetector, QueryEngine
    from kalm_data.core.synthesis import (
        AnsweredQuery,
        Candidate,
        Journalled,
        Reply,
        Request,
        SourceDocument,
    )
    from kalm_data.core.tasks import Task

    Answered = Mapping[str, Sequence[AnsweredQuery]]

ACCEPTED = "accepted"


class JournalStore(Protocol):
    """What is read of the workspace for a chunk of candidates."""

    def documents(self, task: Task, hashes: Sequence[str]) -> Mapping[str, SourceDocument]:
        """Text hash → document."""
        ...

    def journal(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        """Request key → the latest attempt at it, whoever asked; keys never asked are missing."""
        ...

    def queries(self, task: str, hashes: Sequence[str]) -> Answered:
        """Text hash → the task's queries that the document answers, and who said so."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one attempt; `outcome` is 'accepted' or a reason word, `numbers` JSON.

    `recalled` replies stood in the journal. `said_by` names who had the document answer just this
    query before: keys of requests, "" for an import. An attempt that failed is not `final` while
    others are left.
    """

    request: Request
    reply: Reply
    outcome: str
    numbers: str
    recalled: bool
    said_by: AbstractSet[str]
    final: bool

    @property
    def query(self) -> str:
        """The query, or what the engine gave instead of one."""
        return self.reply.raw


class Settler:
    """Settles the candidates of one task, chunk by chunk in the order of the plan.

    Chunks must name no document twice: then a verdict depends on the document and its earlier
    draws alone, and neither the order of replies nor the size of chunks changes it.
    """

    def __init__(
        self,
        store: JournalStore,
        engine: QueryEngine,
        detector: LanguageDetector,
        task: Task,
        config: SynthConfig,
        protected: AbstractSet[str],
    ) -> None:
        self._store, self._engine, self._detector = store, engine, detector
        self._task, self._config, self._protected = task, config, protected
        self._limits = LengthLimits(config.min_words, config.max_words)
        self._accepted: dict[str, set[str]] = defaultdict(set)

    def settle(self, chunk: Sequence[Candidate]) -> Iterator[Settled]:
        """Each candidate finally once, and before it the attempts that failed; in no order."""
        requests = self._requests(chunk)
        journal = self._store.journal([request.key for request in requests])
        answered = self._store.queries(self._task.name, [one.text_hash for one in chunk])
        pending: list[Request] = []
        for request in requests:
            stored = journal.get(request.key)
            if stored is None:
                pending.append(request)
            elif stored.reply.failure and self._has_attempts_left(stored.attempt):
                pending.append(self._next_attempt(request, stored.attempt))
            else:
                made = try_again(request, stored.attempt, self._config.seed)
                yield self._settle(made, stored.reply, answered, recalled=True)
        while pending:
            failed: list[Request] = []
            by_key = {request.key: request for request in pending}
            for reply in self._engine.generate(pending):
                settled = self._settle(by_key[reply.key], reply, answered, recalled=False)
                if not settled.final:
                    failed.append(self._next_attempt(settled.request, settled.request.attempt))
                yield settled
            pending = failed

    def _requests(self, chunk: Sequence[Candidate]) -> list[Request]:
        documents = self._store.documents(self._task, [one.text_hash for one in chunk])
        return [
            make_request(one, documents[one.text_hash], self._engine.name, self._config)
            for one in chunk
        ]

    def _settle(
        self, request: Request, reply: Reply, answered: Answered, *, recalled: bool
    ) -> Settled:
        text = Text.of(reply.raw)
        others = answered.get(request.document.text_hash, ())
        said_by = frozenset(one.said_by for one in others if one.query_hash == text.text_hash)
        found = Settled(request, reply, ACCEPTED, "{}", recalled, said_by, True)
        if reply.failure:
            final = recalled or not self._has_attempts_left(request.attempt)
            return replace(found, outcome=reply.failure, final=final)
        accepted = self._accepted[request.document.text_hash]
        known = {one.norm_hash for one in others if one.said_by != request.key}
        failing = judge(
            request, reply.raw, self._limits, self._detector, known | accepted, self._protected
        )
        if failing:
            return replace(found, outcome=failing.reason, numbers=failing.numbers)
        accepted.add(text.norm_hash)
        return found

    def _next_attempt(self, request: Request, attempt: int) -> Request:
        return try_again(request, attempt + 1, self._config.seed)

    def _has_attempts_left(self, attempt: int) -> bool:
        return attempt + 1 < self._config.attempts
