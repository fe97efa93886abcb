"""Language models behind an OpenAI-compatible server: OpenAI's, vLLM's, llama.cpp's and others'.

Requests are sent from an event loop in a thread of its own, so that `generate` is a plain
iterator. aiohttp rather than openai's client: it reached 96 % of the ideal rate, that client 72 %.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import unit
from kalm_data.core.synthesis import Reply
from kalm_data.engines.chat_wire import (
    FAILED,
    CompletionAnswer,
    make_body,
    name_failure,
    read_completion,
    read_error,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from kalm_data.core.synthesis import Request

_RETRIED = frozenset({"server", "rate_limited", "timeout"})
_COUNTED = _RETRIED | {"bad_request"}
"""Failures that, one after another, mean that the server will fill no request at all. A server
that does not know a field of the body refuses each request in the same way."""

_MAX_BACKOFF_S = 60.0
_MAX_RETRY_AFTER_S = 300.0
"""A request that a server puts off for longer fails now and is asked again by the next run."""

_UNTAKEN_PER_SLOT = 8
"""Requests asked for and not yet taken by the consumer, for each one that may be in flight."""

_MAX_SENTENCE = 500
"""Characters kept of what a server says about a failure."""

_OURS = frozenset({"model", "messages", "n", "stream"})
"""Fields of the body on which the reading of the reply depends."""

_MAY_HIDE_A_KEY = re.compile("[@?#]")

_REMEDIES = {
    401: "Set the environment variable {variable} to a key that the server takes.",
    402: "The account of the key in {variable} has no credit left.",
    403: "The key in {variable} may not use model {model!r}.",
    404: "Check the base URL (most end in /v1) and the model name, {model!r}.",
    405: "Check the base URL (most end in /v1).",
}
_REDIRECT_REMEDY = "The server redirects: give the base URL that it redirects to."


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where a model is served and how it is asked.

    base_url: as other clients take it, `http://localhost:8000/v1`.
    key_variable: the environment variable that `api_key` came from, for messages.
    concurrency: requests in flight at most. timeout_s: seconds for one sending of a request.
    retries: sendings after the first. backoff_s: mean seconds before the first retry, doubled with
    each. failures_allowed: requests that may fail one after another until the engine stops.
    extra_body: fields to add to each body or to put in place of ours; None takes a field away.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    key_variable: str = "OPENAI_API_KEY"
    concurrency: int = 128
    timeout_s: float = 600.0
    retries: int = 5
    backoff_s: float = 0.5
    failures_allowed: int = 256
    extra_body: Mapping[str, object] = field(default_factory=dict)


class OpenAIServer:
    """Fills requests by chat completions; satisfies `core.protocols.QueryEngine`.

    A reply's `seconds` are those from the first sending to the last answer, waits included. Its
    `raw` is the content of the message as it came, or what went wrong, with the key blotted out.
    `cached_tokens` counts tokens of prompts that the server had read before, where it tells.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Nothing is sent yet; InputError says what in the settings cannot be sent."""
        _check_base_url(settings.base_url)
        _check_key(settings)
        taken = sorted(_OURS & settings.extra_body.keys())
        if taken:
            message = f"extra body: {', '.join(taken)} cannot be set there. Leave it out."
            raise InputError(message)
        self.name = f"openai:{settings.model}"
        self._settings = settings
        self._url = f"{settings.base_url.rstrip('/')}/chat/completions"
        self._failed_in_a_row = 0
        self.cached_tokens = 0

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        """One reply a request, as they arrive; `requests` is read in another thread, bit by bit.

        Whoever stops iterating cancels what is in flight. InputError: the server refuses the key
        or the model, or `failures_allowed` requests failed one after another, in this call or
        across calls.
        """
        handover = _Handover(self._settings.concurrency * _UNTAKEN_PER_SLOT)
        with running_loop() as loop:
            work = asyncio.run_coroutine_threadsafe(self._fill_all(requests, handover), loop)
            work.add_done_callback(lambda _: handover.close())
            yield from handover.drain(loop)
            work.result()

    async def _fill_all(self, requests: Sequence[Request], handover: _Handover) -> None:
        waiting = iter(requests)
        slots = min(self._settings.concurrency, len(requests))
        try:
            async with self._open_session() as session, asyncio.TaskGroup() as group:
                for _ in range(slots):
                    group.create_task(self._fill_one_by_one(session, waiting, handover))
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def _open_session(self) -> aiohttp.ClientSession:
        key = self._settings.api_key
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the slots are the limit
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
        )

    async def _fill_one_by_one(
        self, session: aiohttp.ClientSession, waiting: Iterator[Request], handover: _Handover
    ) -> None:
        """The life of one slot; all slots take from the same `waiting`."""
        for request in waiting:
            await handover.reserve()
            reply = await self._fill(session, request)
            handover.put(reply)
            self._count(reply)

    async def _fill(self, session: aiohttp.ClientSession, request: Request) -> Reply:
        started = time.perf_counter()
        body = make_bytes(request, self._settings)
        answer = await self._send(session, body)
        for retry in range(self._settings.retries):
            if answer.failure not in _RETRIED or answer.retry_after_s > _MAX_RETRY_AFTER_S:
                break
            backoff_s = draw_backoff_s(request, retry, self._settings.backoff_s)
            await asyncio.sleep(answer.retry_after_s + backoff_s)
            answer = await self._send(session, body)
        seconds = time.perf_counter() - started
        self.cached_tokens += answer.cached_tokens
        return Reply(
            request.key,
            answer.raw,
            answer.failure,
            answer.finish_reason,
            answer.tokens_in,
            answer.tokens_out,
            seconds,
        )

    async def _send(self, session: aiohttp.ClientSession, body: bytes) -> CompletionAnswer:
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                received = await response.read()
        except TimeoutError:
            return CompletionAnswer(f"no answer within {self._settings.timeout_s:g} s", "timeout")
        except (aiohttp.ClientError, OSError) as error:
            return CompletionAnswer(self._redact(f"{type(error).__name__}: {error}"), "server")
        if response.status // 100 != 2:
            return self._read_refusal(response, received)
        answer = read_completion(received)
        if answer.finish_reason == FAILED:
            return answer._replace(raw=self._redact(answer.raw))
        return answer

    def _read_refusal(self, response: aiohttp.ClientResponse, received: bytes) -> CompletionAnswer:
        status = response.status
        sentence, label = read_error(received)
        sentence = self._redact(sentence)
        remedy = _REDIRECT_REMEDY if status // 100 == 3 else _REMEDIES.get(status, "")
        if remedy:
            # A server's sentence on a wrong key may show parts of it.
            said = f" ({sentence})" if sentence and status != 401 else ""
            hint = remedy.format(variable=self._settings.key_variable, model=self._settings.model)
            message = f"{self._url} answered HTTP {status}{said}. {hint}"
            raise InputError(message)
        failure = name_failure(status, f"{label} {sentence}")
        retry_after_s = read_retry_after_s(response.headers.get("Retry-After", ""))
        return CompletionAnswer(f"HTTP {status}: {sentence}", failure, retry_after_s=retry_after_s)

    def _redact(self, said: str) -> str:
        """At most 500 characters on one line, each of them printable, without the key."""
        key = self._settings.api_key
        shown = said.replace(key, "[key]") if key else said
        printable = "".join(letter if letter.isprintable() else " " for letter in shown)
        return " ".join(printable.split())[:_MAX_SENTENCE]

    def _count(self, reply: Reply) -> None:
        self._failed_in_a_row = self._failed_in_a_row + 1 if reply.failure in _COUNTED else 0
        if self._failed_in_a_row < self._settings.failures_allowed:
            return
        message = (
            f"{self._url}: {self._failed_in_a_row} requests failed one after another, the last "
            f"with {reply.failure}: {reply.raw} Every reply so far is kept: see to the server, "
            "then run the same command again; it goes on from here."
        )
        raise InputError(message)


def make_bytes(request: Request, settings: ServerSettings) -> bytes:
    """The JSON of one chat completion."""
    return json.dumps(make_body(request, settings.model, settings.extra_body)).encode()


def draw_backoff_s(request: Request, retry: int, backoff_s: float) -> float:
    """Seconds before a retry (0-based): full jitter, uniform up to a bound that doubles each time.

    A pure function of the request's seed, so that requests that failed together come back apart.
    """
    bound_s = min(_MAX_BACKOFF_S, 2.0 * backoff_s * 2.0**retry)
    return bound_s * unit(request.seed, "backoff", f"{request.key}:{retry}")


def read_retry_after_s(header: str) -> float:
    """Seconds to wait by a Retry-After header (RFC 9110, section 10.2.3); 0 where it says none.

    header: seconds or an HTTP date.
    """
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    date = date.replace(tzinfo=date.tzinfo or UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _check_base_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        port_is_good = parts.port != 0
    except ValueError:
        port_is_good = False
    if not port_is_good or parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = "" if _MAY_HIDE_A_KEY.search(base_url) else f" {base_url!r}"
        message = f"base URL{shown}: not of the form http://localhost:8000/v1"
        raise InputError(message)
    if parts.username is not None or parts.query or parts.fragment:
        message = "base URL: holds a user, a query or a fragment. Keys belong in the environment."
        raise InputError(message)


def _check_key(settings: ServerSettings) -> None:
    key = settings.api_key or ""
    if not key.isascii() or not key.isprintable() or " " in key:
        message = (
            f"{settings.key_variable}: the key holds white space or a character that no HTTP "
            "header carries. Set it anew."
        )
        raise InputError(message)


class _Handover:
    """Replies on their way from the loop's thread to the consumer.

    At most `places` are asked for and not taken, so a slow consumer slows the asking.
    """

    def __init__(self, places: int) -> None:
        self._room = asyncio.Semaphore(places)
        self._replies: SimpleQueue[Reply | None] = SimpleQueue()

    async def reserve(self) -> None:
        await self._room.acquire()

    def put(self, reply: Reply) -> None:
        self._replies.put(reply)

    def close(self) -> None:
        self._replies.put(None)

    def drain(self, loop: asyncio.AbstractEventLoop) -> Iterator[Reply]:
        while (reply := self._replies.get()) is not None:
            loop.call_soon_threadsafe(self._room.release)
            yield reply


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own; in the end both are gone, tasks cancelled."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="event-loop", daemon=True)
    # A finalizer, because a generator that is left unfinished may outlive the threads at exit.
    stop = weakref.finalize(thread, _stop, loop, thread)
    thread.start()
    try:
        yield loop
    finally:
        stop()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    asyncio.run_coroutine_threadsafe(_cancel_other_tasks(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _cancel_other_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
