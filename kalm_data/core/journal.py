"""The journal of a run: replies are kept as they come, a few hundred at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Generation
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
    """Satisfies `core.asking.Journal`; counts what this run asked."""

    def __init__(self, store: JournalStore, run: Run, writing: Writing) -> None:
        self._store, self._run, self._writing = store, run, writing
        self._waiting: list[Generation] = []
        self._flushed_at = time.monotonic()
        self.requests = self.tokens_in = self.tokens_out = 0

    def recall(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        return self._store.journal(keys)

    def enter(self, request: Request, reply: Reply) -> None:
        self._waiting.append(self._writing.generation(request, reply))
        self.requests += 1
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        late = time.monotonic() - self._flushed_at >= FLUSH_EVERY_S
        if late or len(self._waiting) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        self._run.append(self._waiting)
        self._waiting = []
        self._flushed_at = time.monotonic()
        if self.requests:
            self._run.tell(f"{self.requests:,} replies received")


class NoJournal:
    """Satisfies `core.asking.Journal` for a preview: reads what there is, and keeps nothing."""

    def __init__(self, store: JournalStore) -> None:
        self._store = store

    def recall(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        return self._store.journal(keys)

    def enter(self, request: Request, reply: Reply) -> None: ...

    def flush(self) -> None: ...
