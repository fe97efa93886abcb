"""A server that stands in for a language model: tests, benchmarks, and a pipeline's dry run.

    python -m kalm_data.engines.stand_in_server --port 8000 --latency-ms 200 --fault-rate 0.2

It speaks the OpenAI chat-completions protocol on 127.0.0.1. Its replies follow the schema that a
request asks for and are made of the words of the prompt: a pure function of prompt and seed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import choose, unit
from kalm_data.core.text import words
from kalm_data.engines.openai_server import running_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    Schema = dict[str, Any]

TRANSPORT_FAULTS = ("rate_limited", "server_error", "hang", "cut")
REPLY_FAULTS = ("invalid_json", "ignored_schema", "truncated", "two_choices", "nonsense")

_MIN_WORDS, _MAX_WORDS = 4, 12
"""Of a string whose schema gives no length."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Which requests go wrong, and how: a pure function of prompt, seed and times asked.

    rate: share of the sendings that meet a fault (0–1). A faulty reply is a matter of prompt and
    seed, so a request that is sent again with its seed meets it again; transport faults are drawn
    anew each time. times: a prompt meets faults the first so many times that it is asked only.
    retry_after: the header of a 429. hang_s: how long a hanging request is held.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = TRANSPORT_FAULTS + REPLY_FAULTS
    seed: int = 0
    times: int = sys.maxsize
    retry_after: str = "1"
    hang_s: float = 3600.0

    def pick(self, prompt: str, seed: int, asked: int) -> str:
        """The kind of fault for the `asked`-th (1-based) request of a prompt, or nothing."""
        if asked > self.times or not self.kinds:
            return ""
        lasting = [kind for kind in self.kinds if kind in REPLY_FAULTS]
        passing = [kind for kind in self.kinds if kind not in REPLY_FAULTS]
        lasting_rate = self.rate * len(lasting) / len(self.kinds)
        key = f"{prompt}:{seed}"
        if unit(self.seed, "lasting", key) < lasting_rate:
            return choose(lasting, self.seed, "kind", key)
        key = f"{key}:{asked}"
        if passing and unit(self.seed, "passing", key) * (1 - lasting_rate) < (
            self.rate - lasting_rate
        ):
            return choose(passing, self.seed, "kind", key)
        return ""


class StandInServer:
    """A stand-in server that runs in a thread while its `with` block lasts.

    latency_s: seconds before each answer. port: 0 takes a free one. api_key: where it is given,
    requests without it are refused.
    """

    def __init__(
        self,
        faults: Faults | None = None,
        *,
        latency_s: float = 0.0,
        port: int = 0,
        api_key: str | None = None,
    ) -> None:
        self.base_url = ""
        self.asked: Counter[str] = Counter()
        """Requests by `hash_prompt`, faulty ones included."""
        self.in_flight = 0
        self.high_water = 0
        """The most requests that were in flight at one time."""
        self.cancelled = 0
        """Requests that a client gave up before they were answered."""
        self._faults = faults or Faults()
        self._latency_s = latency_s
        self._port = port
        self._api_key = api_key
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_get("/stats", self._tell)
        self.base_url = self._closing.enter_context(serving(app, self._port))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    async def _tell(self, _: web.Request) -> web.Response:
        """The counts, for who started the server as a process."""
        return web.json_response(
            {
                "requests": self.asked.total(),
                "prompts": len(self.asked),
                "high_water": self.high_water,
            }
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self._api_key and request.headers.get("Authorization") != f"Bearer {self._api_key}":
            return _refuse(401, "Incorrect API key provided.")
        self.in_flight += 1
        self.high_water = max(self.high_water, self.in_flight)
        try:
            return await self._complete(request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.in_flight -= 1

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        prompt = "\n".join(message["content"] for message in body["messages"])
        seed = int(body.get("seed") or 0)
        hashed = hash_prompt(prompt)
        self.asked[hashed] += 1
        fault = self._faults.pick(hashed, seed, self.asked[hashed])
        await asyncio.sleep(self._faults.hang_s if fault == "hang" else self._latency_s)
        if fault == "rate_limited":
            headers = {"Retry-After": self._faults.retry_after}
            return _refuse(429, "Too many requests.", headers)
        if fault == "server_error":
            return _refuse(500, "The server had an error.")
        if fault == "cut":
            return await _cut(request)
        return _complete(body, Words(prompt, seed), fault)


def hash_prompt(prompt: str, system: str = "") -> str:
    """The sha256 by which a server counts the requests for a prompt."""
    sent = f"{system}\n{prompt}" if system else prompt
    return hashlib.sha256(sent.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def serving(app: web.Application, port: int = 0) -> Iterator[str]:
    """Serve an application on 127.0.0.1 from a thread; the value is its base URL.

    Nothing is logged. port: 0 takes a free one; InputError where it is taken.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    with running_loop() as loop:
        try:
            started = asyncio.run_coroutine_threadsafe(_start(runner, port), loop).result()
            yield f"http://127.0.0.1:{started}/v1"
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()


async def _start(runner: web.AppRunner, port: int) -> int:
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    except OSError as error:
        message = f"port {port}: {error.strerror}. Choose another port, or 0 for a free one."
        raise InputError(message) from error
    return int(runner.addresses[0][1])


def _refuse(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    error = {"error": {"message": sentence, "type": "stand_in", "code": status}}
    return web.json_response(error, status=status, headers=headers)


async def _cut(request: web.Request) -> web.StreamResponse:
    """Begin an answer and cut the connection."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    if request.transport:
        request.transport.abort()
    return response


def _complete(body: dict[str, Any], drawn: Words, fault: str) -> web.Response:
    if fault == "nonsense":
        return web.Response(body=b"\xff\xfe\x00nonsense", content_type="application/json")
    content = _write_content(body, drawn)
    finish_reason = "stop"
    if fault == "truncated":
        content, finish_reason = content[: len(content) // 2], "length"
    if fault == "invalid_json":
        content = f"Here you are: {content[:-1]}"
    if fault == "ignored_schema":
        content = json.dumps({"unasked": drawn.text("unasked", 0, None)})
    choices = [
        {
            "index": index,
            "message": {"role": "assistant", "content": content},
            "finish_reason": finish_reason,
        }
        for index in range(2 if fault == "two_choices" else 1)
    ]
    usage = {"prompt_tokens": drawn.count, "completion_tokens": len(content.split())}
    return web.json_response(
        {
            "object": "chat.completion",
            "model": body.get("model", ""),
            "choices": choices,
            "usage": usage,
        }
    )


def _write_content(body: dict[str, Any], drawn: Words) -> str:
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema is None:
        return drawn.text("", 0, None)
    return json.dumps(make_value(schema, drawn, ""), ensure_ascii=False)


class Words:
    """Draws from the words of a prompt, by sha256 of prompt and seed; `place` tells draws apart."""

    def __init__(self, prompt: str, seed: int) -> None:
        self._words = words(prompt) or ["nothing"]
        self._prompt = hash_prompt(prompt)
        self._seed = seed

    @property
    def count(self) -> int:
        return len(self._words)

    def share(self, place: str) -> float:
        """A number in [0, 1)."""
        return unit(self._seed, self._prompt, place)

    def pick(self, items: Sequence[Any], place: str) -> Any:  # noqa: ANN401 - any JSON value
        return choose(items, self._seed, self._prompt, place)

    def integer(self, place: str, low: int, high: int) -> int:
        return low + int(self.share(place) * (high - low + 1))

    def text(self, place: str, shortest: int, longest: int | None) -> str:
        """Words of the prompt, `shortest` to `longest` characters."""
        count = self.integer(f"{place}#", _MIN_WORDS, _MAX_WORDS)
        chosen = [self.pick(self._words, f"{place}#{index}") for index in range(count)]
        text = " ".join(dict.fromkeys(chosen))
        while len(text) < shortest:
            text = f"{text} {text}"
        return text[:longest].rstrip().ljust(shortest, "-")


def make_value(schema: Schema, drawn: Words, place: str) -> object:
    """A value that is valid under a JSON schema: types, bounds, lengths, enum, const, anyOf.

    `pattern`, `format`, `uniqueItems` and references are not looked at.
    """
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return drawn.pick(schema["enum"], place)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        return make_value(choice, drawn, place)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return _MAKERS[kind[0] if isinstance(kind, list) else kind](schema, drawn, place)


def _make_object(schema: Schema, drawn: Words, place: str) -> object:
    return {
        name: make_value(inner, drawn, f"{place}.{name}")
        for name, inner in schema.get("properties", {}).items()
    }


def _make_array(schema: Schema, drawn: Words, place: str) -> object:
    fewest = schema.get("minItems", 1)
    size = drawn.integer(f"{place}[]", fewest, schema.get("maxItems", fewest + 2))
    items = schema.get("items", {})
    return [make_value(items, drawn, f"{place}[{index}]") for index in range(size)]


def _make_string(schema: Schema, drawn: Words, place: str) -> object:
    return drawn.text(place, schema.get("minLength", 0), schema.get("maxLength"))


def _make_integer(schema: Schema, drawn: Words, place: str) -> object:
    low, high = _integer_bounds(schema)
    return drawn.integer(place, low, high)


def _make_number(schema: Schema, drawn: Words, place: str) -> object:
    low = schema.get("exclusiveMinimum") or schema.get("minimum") or 0.0
    high = schema.get("exclusiveMaximum", schema.get("maximum"))
    high = low + 1.0 if high is None else high
    return low + (high - low) * (0.1 + 0.8 * drawn.share(place))  # clear of both bounds


def _make_boolean(_: Schema, drawn: Words, place: str) -> object:
    return drawn.pick((False, True), place)


def _make_null(_schema: Schema, _drawn: Words, _place: str) -> object:
    return None


_MAKERS = {
    "object": _make_object,
    "array": _make_array,
    "string": _make_string,
    "integer": _make_integer,
    "number": _make_number,
    "boolean": _make_boolean,
    "null": _make_null,
}


def _integer_bounds(schema: Schema) -> tuple[int, int]:
    """Both inclusive."""
    low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10) - 1)
    return low, high


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C; the base URL is the first line on stdout."""
    parser = argparse.ArgumentParser(description="A stand-in for an OpenAI-compatible server.")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before each answer")
    parser.add_argument("--fault-rate", type=float, default=0.0, help="share of requests, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    given = parser.parse_args(arguments)
    faults = Faults(given.fault_rate, seed=given.seed)
    server = StandInServer(faults, latency_s=given.latency_ms / 1000, port=given.port)
    with suppress(KeyboardInterrupt), server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
