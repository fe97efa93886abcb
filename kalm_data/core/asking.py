"""Asks a query engine for what the journal does not hold, and hands on every reply as it comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.request_keys import attempt_seed

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from kalm_data.core.protocols import QueryEngine
    from kalm_data.core.synthesis import Journalled, Reply, Request

Fields = dict[str, object]
"""What a reply says: its keys and values, as its schema has them."""


UNANSWERED = "unanswered"
"""Reason word of a request that is left for later: nothing of it is in the journal."""


class ReplyReader(Protocol):
    """Reads what a reply says."""

    def __call__(self, raw: str, schema: str) -> Fields | str:
        """The fields of a reply that follows the schema (JSON), else a reason word."""
        ...


class Journal(Protocol):
    """Where replies are kept."""

    def recall(self, keys: Sequence[str]) -> Mapping[str, Journalled]:
        """Request key → the latest attempt at it, whoever asked; keys never asked are missing."""
        ...

    def requests_left(self) -> int | None:
        """How many more may be sent in this run; None: without end."""
        ...

    def enter(self, request: Request, reply: Reply) -> None:
        """Keep the reply; it is on disk after a few hundred of them, or after `flush`."""
        ...

    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The last reply to a request; `fields` are empty where `failure` is a reason word."""

    request: Request
    raw: str
    failure: str
    fields: Fields = field(default_factory=dict)


class Silent:
    """Satisfies `core.protocols.QueryEngine`: every request is left for later."""

    def __init__(self, name: str) -> None:
        self.name = name

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        yield from ()


class Asker:
    """Asks each request once, and a failed one again until `tries` are used up."""

    def __init__(
        self, engine: QueryEngine, journal: Journal, read: ReplyReader, tries: int, seed: int
    ) -> None:
        self._engine, self._journal, self._read = engine, journal, read
        self._tries, self._seed = tries, seed

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return self._engine.name

    def ask(self, requests: Sequence[Request]) -> dict[str, Answer]:
        """Request key → answer; requests of one key are asked once."""
        answers: dict[str, Answer] = {}
        pending: list[Request] = []
        distinct = {request.key: request for request in requests}
        journal = self._journal.recall(list(distinct))
        for key, request in distinct.items():
            stored = journal.get(key)
            if stored is None:
                pending.append(request)
                continue
            made = self._attempt(request, stored.attempt)
            if stored.reply.failure and stored.attempt + 1 < self._tries:
                pending.append(self._attempt(request, stored.attempt + 1))
            else:
                answers[key] = self._answer(made, stored.reply)
        while pending:
            pending = self._ask_once(pending, answers)
        for key, request in distinct.items():
            answers.setdefault(key, Answer(request, "", UNANSWERED))
        return answers

    def _ask_once(self, requests: Sequence[Request], answers: dict[str, Answer]) -> list[Request]:
        """Fill `answers`; the requests that are to be tried again."""
        requests = requests[: self._journal.requests_left()]
        by_key = {request.key: request for request in requests}
        again: list[Request] = []
        replies = self._engine.generate(requests)
        try:
            for reply in replies:
                request = by_key[reply.key]
                answer = self._answer(request, reply)
                self._journal.enter(request, replace(reply, failure=answer.failure))
                if answer.failure and request.attempt + 1 < self._tries:
                    again.append(self._attempt(request, request.attempt + 1))
                else:
                    answers[reply.key] = answer
        finally:  # what is in flight ends with the loop, and what came is kept
            replies.close()
            self._journal.flush()
        return again

    def _answer(self, request: Request, reply: Reply) -> Answer:
        if reply.failure:
            return Answer(request, reply.raw, reply.failure)
        if not request.schema:
            return Answer(request, reply.raw, "", {"query": reply.raw})
        said = self._read(reply.raw, request.schema)
        if isinstance(said, str):
            return Answer(request, reply.raw, said)
        return Answer(request, reply.raw, "", said)

    def _attempt(self, request: Request, attempt: int) -> Request:
        seed = attempt_seed(self._seed, request.key, attempt)
        return replace(request, attempt=attempt, seed=seed)
