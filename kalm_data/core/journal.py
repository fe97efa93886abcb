"""The journal of a run: replies are kept as they come, a few hundred at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Generation
    from kalm_data.core.spending import Spending
    from kalm_data.core.synthesis import Journalled, Reply, Request
    from kalm_data.core.written_rows import Writing

FLUSH = 128
FLUSH_EVERY_S = 0.5
"""Replies that are written together, at most, and how long they wait: what a kill loses."""


class JournalStore(Protocol):
    """Reads the journal of the workspace."""

    def journal(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        """Request key → the latest attempt at it, whoever asked; keys never asked are missing."""
        ...


class RunJournal:
    """Satisfies `core.asking.Journal`; counts what this run asked.

    `seconds` passed from the first request to the latest reply.
    """

    def __init__(
        self,
        store: JournalStore,
        run: Run,
        writing: Writing,
        spending: Spending,
        requests_each: int = 1,
    ) -> None:
        """requests_each: those of a candidate, by which progress is told while they come."""
        self._store, self._run, self._writing = store, run, writing
        self._spending, self._requests_each = spending, requests_each
        self._waiting: list[Generation] = []
        self._flushed_at = time.monotonic()
        self._started = 0.0  # when the first request was sent
        self.requests = self.tokens_in = self.tokens_out = 0
        self.seconds = 0.0
        self._requests_before = 0  # those of the candidates that are settled

    def begin_chunk(self) -> None:
        """What is entered from now on belongs to candidates that are not settled yet."""
        self._requests_before = self.requests

    def recall(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        return self._store.journal(keys)

    def requests_left(self) -> int | None:
        return self._spending.requests_left()

    def enter(self, request: Request, reply: Reply) -> None:
        now = time.monotonic()
        self._started = self._started or now - reply.seconds
        self.seconds = now - self._started
        self._spending.enter(reply)
        self._waiting.append(self._writing.generation(request, reply))
        self.requests += 1
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        late = now - self._flushed_at >= FLUSH_EVERY_S
        if late or len(self._waiting) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        self._run.append(self._waiting)
        self._waiting = []
        self._flushed_at = time.monotonic()
        if self.requests:
            rate = self.requests / max(self.seconds, 1e-3)
            under_way = (self.requests - self._requests_before) / self._requests_each
            self._run.tell(f"{self.requests:,} replies, {rate:,.1f}/s", under_way)


class NoJournal:
    """Satisfies `core.asking.Journal` for a preview: reads what there is, and keeps nothing."""

    def __init__(self, store: JournalStore) -> None:
        self._store = store

    def recall(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        return self._store.journal(keys)

    def requests_left(self) -> None: ...

    def enter(self, request: Request, reply: Reply) -> None: ...

    def flush(self) -> None: ...
