"""The real vLLM on a model that writes at random: only what the schemas force is certain."""

import json
import pickle
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator

from kalm_data.core.errors import InputError
from kalm_data.core.synthesis import Reply, Request, Sampling
from kalm_data.engines.vllm_engine import VllmEngine, VllmSettings

from .conftest import CONTEXT, make_model

pytestmark = pytest.mark.vllm

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 4, "maxLength": 60},
            "difficulty": {"enum": ["high school", "college", "PhD"]},
            "keywords": {
                "type": "array",
                "items": {"type": "string", "maxLength": 8},
                "maxItems": 3,
            },
        },
        "required": ["query", "difficulty", "keywords"],
        "additionalProperties": False,
    }
)
SYSTEM = "You are a sailor who has seen every harbour of the north and asks short questions. " * 4
SAMPLING = Sampling(temperature=1.0, top_p=0.95, max_tokens=512)


def make_requests(count: int) -> list[Request]:
    return [
        Request(
            key=f"key-{n}",
            place=n,
            attempt=0,
            seed=n * 0x9E3779B1,
            prompt_name="tides",
            system=SYSTEM if n % 2 else "",
            prompt=f"Write query {n} about the tide, 写一个搜索查询.",
            schema=SCHEMA,
            sampling=SAMPLING,
        )
        for n in range(count)
    ]


def by_key(engine: VllmEngine, requests: list[Request]) -> dict[str, Reply]:
    replies = list(engine.generate(requests))
    assert Counter(reply.key for reply in replies) == Counter(r.key for r in requests)
    return {reply.key: reply for reply in replies}


def test_every_reply_follows_its_schema_and_comes_once(engine: VllmEngine) -> None:
    replies = by_key(engine, make_requests(300))
    assert {reply.failure for reply in replies.values()} <= {"", "length"}
    good = [reply for reply in replies.values() if not reply.failure]
    assert len(good) > 150
    for reply in good:
        Draft202012Validator(json.loads(SCHEMA)).validate(json.loads(reply.raw))
        assert reply.finish_reason == "stop"
        assert 0 < reply.tokens_out < SAMPLING.max_tokens
        assert 0 < reply.tokens_in < CONTEXT
        assert 0 < reply.seconds < 60


def test_shared_prefixes_are_read_once(engine: VllmEngine) -> None:
    before = engine.cached_tokens
    requests = [request for request in make_requests(40) if request.system]
    replies = by_key(engine, requests)
    read = sum(reply.tokens_in for reply in replies.values())
    assert 0.3 * read < engine.cached_tokens - before < read


def test_more_prompts_than_one_step_reads_are_all_answered(engine: VllmEngine) -> None:
    long = [replace(request, prompt=f"{request.key} tide" * 150) for request in make_requests(40)]
    assert {reply.failure for reply in by_key(engine, long).values()} <= {"", "length"}


def test_a_prompt_too_long_fails_alone(engine: VllmEngine) -> None:
    first, second, third = make_requests(3)
    beyond = replace(first, prompt="tide " * CONTEXT)
    no_room = replace(second, sampling=replace(SAMPLING, max_tokens=CONTEXT))
    replies = by_key(engine, [beyond, no_room, third])
    assert replies["key-0"] == Reply("key-0", "", "too_long_prompt", "", 0, 0)
    assert replies["key-1"].failure == "too_long_prompt"
    assert not replies["key-2"].failure


def test_a_prompt_that_just_fits_is_sent(engine: VllmEngine) -> None:
    request = make_requests(1)[0]
    tokens = by_key(engine, [request])["key-0"].tokens_in
    fits = replace(request, sampling=replace(SAMPLING, max_tokens=CONTEXT - tokens))
    assert not by_key(engine, [fits])["key-0"].failure
    beyond = replace(request, sampling=replace(SAMPLING, max_tokens=CONTEXT - tokens + 1))
    assert by_key(engine, [beyond])["key-0"].failure == "too_long_prompt"


def test_a_reply_that_is_cut_is_a_failure(engine: VllmEngine) -> None:
    cut = replace(make_requests(1)[0], sampling=replace(SAMPLING, max_tokens=5))
    reply = by_key(engine, [cut])["key-0"]
    assert (reply.failure, reply.finish_reason, reply.tokens_out) == ("length", "length", 5)
    assert reply.raw.startswith('{"')


def test_the_seed_decides_the_reply(engine: VllmEngine) -> None:
    request = make_requests(1)[0]
    among_others = by_key(engine, [*make_requests(20)])["key-0"]
    alone = by_key(engine, [request])["key-0"]
    assert alone.raw == among_others.raw
    assert by_key(engine, [replace(request, seed=7)])["key-0"].raw != alone.raw


def test_without_a_schema_the_model_writes_what_it_likes(engine: VllmEngine) -> None:
    free = replace(make_requests(1)[0], schema="", sampling=replace(SAMPLING, max_tokens=20))
    reply = by_key(engine, [free])["key-0"]
    assert reply.raw
    assert reply.tokens_out <= 20


def test_a_schema_that_vllm_does_not_know_is_an_error(engine: VllmEngine) -> None:
    wrong = replace(make_requests(1)[0], schema='{"type": "no such type"}')
    with pytest.raises(InputError, match="prompt tides: vLLM does not take it"):
        list(engine.generate([*make_requests(3), wrong]))
    assert len(by_key(engine, make_requests(3))) == 3


def test_who_stops_taking_replies_cancels_the_rest(engine: VllmEngine) -> None:
    replies = engine.generate(make_requests(2000))
    next(replies)
    started = time.monotonic()
    replies.close()
    assert len(by_key(engine, make_requests(10))) == 10
    assert time.monotonic() - started < 10  # neither written to the end nor loaded again


def test_no_request_starts_no_process(tiny_model: Path) -> None:
    before = psutil.Process().children()
    assert list(VllmEngine(VllmSettings(str(tiny_model))).generate([])) == []
    assert psutil.Process().children() == before


def test_vllm_ends_when_its_user_is_killed(tiny_model: Path, tmp_path: Path) -> None:
    """Else it would keep the GPU's memory, and the next run could not start."""
    script, requests = tmp_path / "write.py", tmp_path / "requests.pickle"
    script.write_text(
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "from kalm_data.engines.vllm_engine import VllmEngine, VllmSettings\n"
        "requests = pickle.loads(Path(sys.argv[2]).read_bytes())\n"
        "for reply in VllmEngine(VllmSettings(sys.argv[1])).generate(requests):\n"
        "    print(reply.key, file=sys.stderr, flush=True)\n"
    )
    requests.write_bytes(pickle.dumps(make_requests(5000)))
    command = [sys.executable, str(script), str(tiny_model), str(requests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert any(line.startswith(b"key-") for line in process.stderr)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        assert process.stdout.read() == b""
    assert len(family) >= 2
    assert psutil.wait_procs(family, timeout=40)[1] == []


def test_the_context_and_tokens_are_those_of_the_model(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    text = "The tide 写一个."
    engine = VllmEngine(VllmSettings(str(tiny_model), max_model_len=512))
    assert engine.context == 512
    assert VllmEngine(VllmSettings(str(tiny_model))).context == CONTEXT
    assert engine.count_tokens(text) == len(AutoTokenizer.from_pretrained(tiny_model).encode(text))


def test_the_name_changes_with_the_weights_not_with_the_folder(
    tiny_model: Path, tmp_path: Path, engine: VllmEngine
) -> None:
    copy = shutil.copytree(tiny_model, tmp_path / "elsewhere" / "tiny")
    assert VllmEngine(VllmSettings(str(copy))).name == engine.name
    other = make_model(tmp_path / "tiny", seed=1)
    assert VllmEngine(VllmSettings(str(other))).name != engine.name
    assert engine.name.startswith("vllm:tiny@")


def test_a_model_that_cannot_be_loaded_is_one_line(tiny_model: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_model, tmp_path / "broken")
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "architectures": ["NoSuchModel"]}))
    with pytest.raises(InputError, match=r"broken: vLLM failed: .*NoSuchModel") as e:
        list(VllmEngine(VllmSettings(str(broken))).generate(make_requests(1)))
    assert "\n" not in str(e.value)


def engine_cores() -> set[psutil.Process]:
    family = psutil.Process().children(recursive=True)
    return {process for process in family if "EngineCore" in process.name()}


def test_copies_of_the_model_answer_as_one_does_until_one_is_killed(
    tiny_model: Path, engine: VllmEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    requests = make_requests(30)
    expected = {key: reply.raw for key, reply in by_key(engine, requests).items()}
    before = engine_cores()
    copies = VllmEngine(VllmSettings(str(tiny_model), data_parallel=2))
    assert {key: reply.raw for key, reply in by_key(copies, requests).items()} == expected
    assert capfd.readouterr() == ("", "")
    started = engine_cores() - before
    assert len(started) == 2
    started.pop().kill()
    with pytest.raises(InputError, match=r"vLLM failed: \w+: ."):
        list(copies.generate(make_requests(2000)))
    assert psutil.wait_procs(started, timeout=5)[1] == []


def test_vllms_own_server_answers_with_what_the_schema_wants(vllm_server: str) -> None:
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Write a query about the tide."}],
        "max_tokens": 512,
        "seed": 1,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": json.loads(SCHEMA)},
        },
    }
    request = urllib.request.Request(
        f"{vllm_server}/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        choice = json.load(response)["choices"][0]
    assert choice["finish_reason"] == "stop"
    Draft202012Validator(json.loads(SCHEMA)).validate(json.loads(choice["message"]["content"]))
