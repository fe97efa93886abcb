"""From planned candidates to settled ones: recalled from the journal, or asked and judged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, get_args

from kalm_data.core.candidates import judge, make_request, try_again
from kalm_data.core.gates import GateReason, LengthLimits
from kalm_data.core.records import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.protocols import LanguageDetector, QueryEngine
    from kalm_data.core.synthesis import Candidate, Journalled, Reply, Request, SourceDocument
    from kalm_data.core.tasks import Task

ACCEPTED = "accepted"

_FINAL = frozenset([ACCEPTED, *get_args(GateReason)])
"""Outcomes that stand. Every other one is a failure of the engine, which may be tried again."""


class JournalStore(Protocol):
    """What is read of the workspace for a chunk of candidates."""

    def documents(self, task: Task, hashes: Sequence[str]) -> Mapping[str, SourceDocument]:
        """Text hash → document."""
        ...

    def journal(self, task: str, keys: Sequence[str]) -> Mapping[str, Journalled]:
        """Request key → the latest attempt at it; keys never asked are missing."""
        ...

    def queries(self, task: str, hashes: Sequence[str]) -> Mapping[str, AbstractSet[str]]:
        """Text hash → norm hashes of the queries that the document answers."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of one attempt; `outcome` is 'accepted' or a reason word, `numbers` JSON.

    `reply` is None where the journal held it. An attempt that failed is not `final` while others
    are left.
    """

    request: Request
    query: str
    outcome: str
    numbers: str
    reply: Reply | None
    final: bool


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
        journal = self._store.journal(self._task.name, [request.key for request in requests])
        known = self._store.queries(self._task.name, [one.text_hash for one in chunk])
        pending: list[Request] = []
        for request in requests:
            stored = journal.get(request.key)
            if stored is None:
                pending.append(request)
            elif self._is_final(stored.outcome, stored.attempt):
                numbers, reply = stored.numbers, stored.reply
                yield Settled(request, reply, stored.outcome, numbers, None, True)
            else:
                pending.append(self._next_attempt(request, stored.attempt))
        while pending:
            failed: list[Request] = []
            for settled in self._ask(pending, known):
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

    def _ask(
        self, requests: Sequence[Request], known: Mapping[str, AbstractSet[str]]
    ) -> Iterator[Settled]:
        by_key = {request.key: request for request in requests}
        for reply in self._engine.generate(requests):
            request = by_key[reply.key]
            if reply.failure:
                final = self._is_final(reply.failure, request.attempt)
                yield Settled(request, reply.raw, reply.failure, "{}", reply, final)
            else:
                yield self._judge(request, reply, known.get(request.document.text_hash, set()))

    def _judge(self, request: Request, reply: Reply, known: AbstractSet[str]) -> Settled:
        accepted = self._accepted[request.document.text_hash]
        failing = judge(
            request, reply.query, self._limits, self._detector, known | accepted, self._protected
        )
        if failing:
            return Settled(request, reply.query, failing.reason, failing.numbers, reply, True)
        accepted.add(Text.of(reply.query).norm_hash)
        return Settled(request, reply.query, ACCEPTED, "{}", reply, True)

    def _next_attempt(self, request: Request, attempt: int) -> Request:
        return try_again(request, attempt + 1, self._config.seed)

    def _is_final(self, outcome: str, attempt: int) -> bool:
        return outcome in _FINAL or attempt + 1 >= self._config.attempts
