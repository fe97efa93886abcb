from __future__ import annotations

import json
import logging
import socket
import threading
import time
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.errors import InputError
from kalm_data.core.synthesis import Reply, Request, Sampling
from kalm_data.engines.chat_wire import read_completion
from kalm_data.engines.openai_server import (
    OpenAIServer,
    ServerSettings,
    draw_backoff_s,
    read_retry_after_s,
)
from kalm_data.engines.stand_in_server import (
    REPLY_FAULTS,
    Faults,
    StandInServer,
    Words,
    hash_prompt,
    make_value,
    serving,
)

KEY = "sk-test-0123456789/abc+DEF=="
SCHEMA = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "minLength": 5, "maxLength": 40},
        "character": {"type": "integer", "minimum": 1, "maximum": 5},
        "level": {"type": "string", "enum": ["easy", "hard"]},
    },
    "required": ["query", "character", "level"],
    "additionalProperties": False,
}


def make_request(place: int = 0, **changed: object) -> Request:
    prompt = f"Write query {place} about the tides of the North Sea."
    values = {"seed": place, "prompt": prompt, "schema": json.dumps(SCHEMA)}
    values |= {"sampling": Sampling(0.7, 0.9, 64)} | changed
    return Request(key=f"key-{place}", place=place, attempt=0, **values)


def make_requests(count: int) -> list[Request]:
    return [make_request(place) for place in range(count)]


def connect(base_url: str, **changed: object) -> OpenAIServer:
    values = {"timeout_s": 5.0, "retries": 1, "backoff_s": 0.01} | changed
    return OpenAIServer(ServerSettings(base_url, "tiny", **values))


def ask(base_url: str, request: Request | None = None, **changed: object) -> Reply:
    (reply,) = connect(base_url, **changed).generate([request or make_request()])
    return reply


@contextmanager
def answering(*answers: object):
    """A real server that gives these answers in turn, the last for ever; and what it received."""
    received: list[dict] = []
    left = list(answers)

    async def answer(request: web.Request) -> web.Response:
        received.append({"headers": request.headers, "body": await request.json()})
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, tuple):
            status, body, headers = given
            return web.Response(status=status, body=_encode(body), headers=headers)
        return web.Response(body=_encode(given))

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    with serving(app) as base_url:
        yield base_url, received


def _encode(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def complete(content: object = "{}", finish_reason: object = "stop", **more: object) -> dict:
    message = {"role": "assistant", "content": content} | more.pop("message", {})
    return {"choices": [{"message": message, "finish_reason": finish_reason}], **more}


def refuse(status: int, message: str, headers: dict | None = None, **error: object) -> tuple:
    return status, {"error": {"message": message, **error}}, headers


def test_every_request_gets_its_own_reply_and_replies_follow_the_schema():
    requests = make_requests(60)
    with StandInServer() as server:
        replies = list(connect(server.base_url, concurrency=16).generate(requests))
    assert sorted(reply.key for reply in replies) == sorted(request.key for request in requests)
    for reply in replies:
        values = json.loads(reply.raw)
        assert reply.failure == ""
        assert reply.finish_reason == "stop"
        assert min(reply.tokens_in, reply.tokens_out) > 0
        assert reply.seconds > 0
        assert sorted(values) == ["character", "level", "query"]
        assert 5 <= len(values["query"]) <= 40
        assert 1 <= values["character"] <= 5
        assert values["level"] in {"easy", "hard"}


def test_the_same_requests_get_the_same_replies():
    def read(server: StandInServer) -> dict[str, str]:
        engine = connect(server.base_url, concurrency=7)
        return {reply.key: reply.raw for reply in engine.generate(make_requests(20))}

    with StandInServer() as first, StandInServer(latency_s=0.01) as second:
        assert read(first) == read(second)


def test_the_name_is_the_kind_and_the_model():
    assert connect("http://localhost/v1").name == "openai:tiny"


def test_no_requests_need_no_server():
    assert list(connect("http://127.0.0.1:1/v1").generate([])) == []


def test_the_body_carries_system_prompt_sampling_seed_and_schema():
    with answering(complete()) as (base_url, received):
        ask(base_url, make_request(3, system="You are a sailor."), api_key=KEY)
    (sent,) = received
    assert sent["headers"]["Authorization"] == f"Bearer {KEY}"
    assert sent["body"] == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "You are a sailor."},
            {"role": "user", "content": make_request(3).prompt},
        ],
        "seed": 3,
        "n": 1,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 64,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
        },
    }


def test_a_request_without_system_schema_sampling_and_key_sends_none():
    with answering(complete("Tides.")) as (base_url, received):
        reply = ask(base_url, make_request(schema="", sampling=None))
    (sent,) = received
    assert reply.raw == "Tides."
    assert "Authorization" not in sent["headers"]
    assert sorted(sent["body"]) == ["messages", "model", "n", "seed"]
    assert [message["role"] for message in sent["body"]["messages"]] == ["user"]


def test_the_extra_body_arrives_replaces_and_takes_away():
    extra = {
        "chat_template_kwargs": {"enable_thinking": False},
        "response_format": {"type": "json_object"},
        "max_tokens": None,
        "max_completion_tokens": 64,
    }
    with answering(complete()) as (base_url, received):
        ask(base_url, extra_body=extra)
    body = received[0]["body"]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["response_format"] == {"type": "json_object"}
    assert body["max_completion_tokens"] == 64
    assert "max_tokens" not in body


@pytest.mark.parametrize("name", ["model", "messages", "n", "stream"])
def test_the_extra_body_cannot_change_what_replies_are_read_by(name: str):
    with pytest.raises(InputError, match=f"extra body: {name} cannot be set"):
        connect("http://localhost/v1", extra_body={name: 2})


@pytest.mark.parametrize(
    ("kind", "failure", "sendings"),
    [
        ("rate_limited", "rate_limited", 3),
        ("server_error", "server", 3),
        ("hang", "timeout", 3),
        ("cut", "server", 3),
        ("truncated", "length", 1),
        ("two_choices", "bad_reply", 1),
        ("nonsense", "bad_reply", 1),
        ("invalid_json", "", 1),
        ("ignored_schema", "", 1),
    ],
)
def test_each_fault_has_its_failure_and_transport_faults_are_sent_again(
    kind: str, failure: str, sendings: int
):
    with StandInServer(Faults(1.0, (kind,), retry_after="0")) as server:
        reply = ask(server.base_url, timeout_s=0.3, retries=2)
        assert server.asked == {hash_prompt(make_request().prompt): sendings}
    assert reply.failure == failure


@pytest.mark.parametrize("kind", ["rate_limited", "server_error", "hang", "cut"])
def test_a_passing_fault_leaves_a_good_reply(kind: str):
    with StandInServer() as server:
        undisturbed = ask(server.base_url)
    with StandInServer(Faults(1.0, (kind,), times=2, retry_after="0")) as server:
        reply = ask(server.base_url, timeout_s=0.3, retries=2)
    assert (reply.failure, reply.raw) == ("", undisturbed.raw)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (complete(finish_reason=None), ""),
        (complete("prose, not JSON"), ""),
        (complete(finish_reason="length"), "length"),
        (complete(None, "length"), "length"),
        (complete(finish_reason="content_filter"), "refusal"),
        (complete(None, message={"refusal": "I cannot help."}), "refusal"),
        (complete(finish_reason="tool_calls"), "bad_reply"),
        (complete(None), "empty"),
        (complete(" \n"), "empty"),
        (complete("half a pair: \ud800"), "bad_reply"),
        ({"choices": []}, "bad_reply"),
        ({"choices": [{"finish_reason": "stop"}]}, "bad_reply"),
        ({"error": {"message": "overloaded"}}, "bad_reply"),
        ({"error": {"code": 400, "type": "exceed_context_size_error"}}, "too_long_prompt"),
        ([], "bad_reply"),
        (b"", "bad_reply"),
        (b"<html>", "bad_reply"),
        (b'{"choices": "\xff"}', "bad_reply"),
        (b"[" * 100_000, "bad_reply"),
    ],
)
def test_each_body_has_its_failure(answer: object, failure: str):
    assert read_completion(_encode(answer)).failure == failure


def test_content_is_kept_unchanged():
    content = '  {"query": "Gezeiten – 潮汐 🌊"}\n'
    assert read_completion(_encode(complete(content))).raw == content


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}, (7, 3)),
        ({"prompt_tokens": 7}, (7, 0)),
        ({"prompt_tokens": None, "completion_tokens": -1}, (0, 0)),
        (None, (0, 0)),
        ("many", (0, 0)),
    ],
)
def test_tokens_are_those_of_the_usage_or_none(usage: object, tokens: tuple[int, int]):
    answer = read_completion(_encode(complete(usage=usage)))
    assert (answer.failure, answer.tokens_in, answer.tokens_out) == ("", *tokens)


@pytest.mark.parametrize(
    "answer",
    [
        refuse(
            400,
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9000 tokens. Please reduce the length of the messages.",
            code="context_length_exceeded",
        ),
        (400, {"object": "error", "message": "max_tokens must be at least 1, got -7."}, None),
        refuse(400, "The decoder prompt (length 9) is longer than the maximum model length of 4."),
        refuse(400, "request (9000 tokens) exceeds the available context size (4096 tokens)"),
        refuse(400, "see type", type="exceed_context_size_error", n_ctx=256),
        refuse(500, "Context size has been exceeded."),
    ],
)
def test_a_prompt_beyond_the_context_is_sent_once(answer: tuple):
    with answering(answer) as (base_url, received):
        reply = ask(base_url, retries=3)
    assert reply.failure == "too_long_prompt"
    assert len(received) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (refuse(400, "Unknown field\n'seed'."), "HTTP 400: Unknown field 'seed'."),
        ((400, {"object": "error", "message": "No."}, None), "HTTP 400: No."),
        ((400, {"error": "No."}, None), "HTTP 400: No."),
        ((422, {"detail": [{"msg": "No."}]}, None), "HTTP 422: [{'msg': 'No.'}]"),
        ((400, b"No \xff\x00.", None), "HTTP 400: No \ufffd ."),
    ],
)
def test_a_bad_request_is_sent_once_and_keeps_the_servers_sentence(answer: tuple, sentence: str):
    with answering(answer) as (base_url, received):
        reply = ask(base_url, retries=3)
    assert (reply.failure, reply.raw) == ("bad_request", sentence)
    assert len(received) == 1


def test_an_unreachable_server_is_a_server_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        reply = ask(f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
    assert reply.failure == "server"
    assert "refused" in reply.raw or "connect" in reply.raw.lower()


def test_what_is_no_http_is_a_server_failure():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk_nonsense() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x00\xffSSH-2.0\r\n\r\n")

        thread = threading.Thread(target=talk_nonsense)
        thread.start()
        reply = ask(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", retries=0)
        thread.join()
    assert reply.failure == "server"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status: int):
    with answering(refuse(status, "later", {"Retry-After": "1"}), complete()) as (base_url, _):
        reply = ask(base_url)
    assert reply.failure == ""
    assert reply.seconds >= 1.0


def test_a_request_put_off_for_minutes_fails_now():
    with answering(refuse(429, "later", {"Retry-After": "3600"})) as (base_url, received):
        reply = ask(base_url, retries=3)
    assert reply.failure == "rate_limited"
    assert len(received) == 1


def test_retry_after_is_seconds_or_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < read_retry_after_s(soon) <= 30
    assert read_retry_after_s("1.5") == 1.5
    for header in ("", "-3", "nan", "soon", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert read_retry_after_s(header) == 0


@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_backoff_is_a_function_of_the_seed_and_bounded(seed: int, retry: int):
    request = make_request(seed=seed)
    backoff_s = draw_backoff_s(request, retry, 0.5)
    assert backoff_s == draw_backoff_s(request, retry, 0.5)
    assert 0 <= backoff_s < min(60, 2**retry)


def test_concurrency_is_reached_and_never_exceeded():
    with StandInServer(latency_s=0.05) as server:
        assert len(list(connect(server.base_url, concurrency=12).generate(make_requests(60)))) == 60
        assert server.high_water == 12


def test_a_slow_consumer_slows_the_asking():
    with StandInServer() as server:
        replies = connect(server.base_url, concurrency=2).generate(make_requests(200))
        next(replies)
        time.sleep(0.5)
        assert server.asked.total() < 40
        assert len(list(replies)) == 199


@pytest.mark.parametrize("stop", [GeneratorExit, KeyboardInterrupt])
def test_whoever_stops_cancels_what_is_in_flight(stop: type[BaseException]):
    threads = threading.active_count()
    with StandInServer(Faults(1.0, ("hang",), times=1)) as server:
        replies = connect(server.base_url, concurrency=5, timeout_s=0.5).generate(make_requests(50))
        next(replies)
        with pytest.raises(stop):
            replies.throw(stop)
        wait_until_quiet(server)
        assert server.asked.total() < 50
        assert server.cancelled > 0
    assert threading.active_count() == threads


def wait_until_quiet(server: StandInServer, patience_s: float = 10.0) -> None:
    """Nothing in flight, and nothing asked for 0.3 s; requests of 3,600 s would fail it."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        asked = server.asked.total()
        time.sleep(0.3)
        if not server.in_flight and server.asked.total() == asked:
            return
    pytest.fail(f"{server.in_flight} requests in flight after {patience_s} s")


def test_the_engine_stops_after_so_many_failures_one_after_another_and_hands_them_over():
    failures = []
    with StandInServer(Faults(1.0, ("server_error",))) as server:
        engine = connect(server.base_url, failures_allowed=7, retries=0, concurrency=3)
        with pytest.raises(InputError) as stopped:
            for reply in engine.generate(make_requests(50)):
                failures.append(reply.failure)
    message = str(stopped.value)
    assert failures[:7] == ["server"] * 7
    assert "7 requests failed one after another" in message
    assert "HTTP 500: The server had an error." in message
    assert "the same command" in message


def test_failures_between_replies_do_not_stop_the_engine():
    bad, good = refuse(500, "no"), complete()
    with answering(bad, bad, good, bad, bad, good) as (base_url, _):
        engine = connect(base_url, failures_allowed=3, retries=0, concurrency=1)
        failures = [reply.failure for reply in engine.generate(make_requests(6))]
    assert failures == ["server", "server", "", "server", "server", ""]


def test_failures_are_counted_across_calls():
    with answering(refuse(400, "Unknown field.")) as (base_url, _):
        engine = connect(base_url, failures_allowed=3)
        for place in range(2):
            assert [reply.failure for reply in engine.generate([make_request(place)])]
        with pytest.raises(InputError, match="3 requests failed"):
            list(engine.generate([make_request(2)]))


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "MY_KEY"),
        (402, "MY_KEY"),
        (403, "'tiny'"),
        (404, "'tiny'"),
        (405, "/v1"),
        (307, "redirects"),
    ],
)
def test_what_no_request_can_mend_stops_at_once(status: int, remedy: str):
    with answering(refuse(status, f"no: {KEY}")) as (base_url, received):
        engine = connect(base_url, api_key=KEY, key_variable="MY_KEY", concurrency=1)
        with pytest.raises(InputError) as refused:
            list(engine.generate(make_requests(20)))
    message = str(refused.value)
    assert f"{base_url}/chat/completions" in message
    assert str(status) in message
    assert remedy in message
    assert len(received) == 1


def test_the_stand_in_takes_its_own_key_only():
    with StandInServer(api_key=KEY) as server:
        assert ask(server.base_url, api_key=KEY).failure == ""
        with pytest.raises(InputError, match="OPENAI_API_KEY"):
            ask(server.base_url)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500])
def test_the_key_is_never_shown(status: int, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    settings = ServerSettings("http://localhost/v1", "tiny", api_key=KEY)
    shown = [repr(settings), str(settings), repr(OpenAIServer(settings))]
    echo = refuse(status, f"Incorrect API key provided: {KEY}.") if status != 200 else KEY.encode()
    padded = (400, b"x" * 490 + KEY.encode(), None)
    for answer in (echo, padded):
        with answering(answer) as (base_url, _):
            try:
                shown.append(repr(ask(base_url, api_key=KEY, retries=0, failures_allowed=1)))
            except InputError:
                shown.append(traceback.format_exc())
    shown.append(caplog.text)
    assert KEY[:12] not in "\n".join(shown)


@pytest.mark.parametrize("key", ["two words", "sk-1\n", "sk-ключ"])
def test_a_key_that_no_header_carries_is_refused_unseen(key: str):
    with pytest.raises(InputError, match="OPENAI_API_KEY") as refused:
        connect("http://localhost/v1", api_key=key)
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "localhost:8000/v1",
        "host/v1?key=hidden",
        "ftp://localhost",
        "http://",
        "http://h:x/v1",
        "http://[::1/v1",
    ],
)
def test_a_base_url_that_is_none_is_refused(base_url: str):
    with pytest.raises(InputError, match="of the form http://localhost:8000/v1") as refused:
        connect(base_url)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("base_url", ["http://user:hidden@h/v1", "https://h/v1?key=hidden"])
def test_a_base_url_with_a_secret_is_refused_unseen(base_url: str):
    with pytest.raises(InputError, match="environment") as refused:
        connect(base_url)
    assert "hidden" not in str(refused.value)


def test_a_base_url_may_end_in_a_slash():
    with StandInServer() as server:
        assert ask(f"{server.base_url}/").failure == ""


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_faults_are_a_function_of_prompt_seed_and_times_asked(seed: int, asked: int):
    faults = Faults(0.5, seed=3)
    fault = faults.pick("prompt", seed, asked)
    assert fault == faults.pick("prompt", seed, asked)
    if fault in REPLY_FAULTS:
        assert faults.pick("prompt", seed, asked + 1) == fault
    assert Faults(0.5, seed=3, times=asked - 1).pick("prompt", seed, asked) == ""


def test_the_fault_rate_is_the_share_of_faults_and_every_kind_occurs():
    faults = Faults(0.2)
    picked = [faults.pick(hash_prompt(str(place)), place, 1) for place in range(5000)]
    assert 0.18 < sum(map(bool, picked)) / len(picked) < 0.22
    assert {*picked} == {"", *faults.kinds}


@given(st.text(max_size=200), st.integers(0, 2**32 - 1))
def test_made_values_keep_the_bounds_of_their_schema(prompt: str, seed: int):
    schema = {
        "type": "object",
        "properties": {
            "exact": {"type": "string", "minLength": 9, "maxLength": 9},
            "long": {"type": "string", "minLength": 300},
            "above": {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
            "cosine": {"type": "number", "exclusiveMinimum": -1, "maximum": 1},
            "list": {
                "type": "array",
                "minItems": 2,
                "maxItems": 3,
                "items": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
            },
            "fixed": {"const": "yes"},
            "either": {"type": ["null", "string"]},
        },
    }
    made = make_value(schema, Words(prompt, seed), "")
    assert len(made["exact"]) == 9
    assert len(made["long"]) >= 300
    assert made["above"] == 4
    assert -1 < made["cosine"] <= 1
    assert len(made["list"]) in {2, 3}
    assert {*made["list"]} <= {True, False}
    assert (made["fixed"], made["either"]) == ("yes", None)


def test_a_taken_port_is_said_so():
    with (
        StandInServer() as server,
        pytest.raises(InputError, match=r"^port \d+: .*address already in use"),
        StandInServer(port=int(server.base_url.rsplit(":", 1)[1].removesuffix("/v1"))),
    ):
        pass
