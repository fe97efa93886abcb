from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.synthesis import Request, Sampling
from kalm_data.engines.batch_files import BatchFiles

if TYPE_CHECKING:
    from pathlib import Path


def request(number: int, attempt: int = 0) -> Request:
    return Request(
        f"key{number}", number, attempt, 7, system="A sailor.", prompt=f"Write query {number}.",
        schema='{"type": "object"}', sampling=Sampling(0.5, 0.9, 64),
    )  # fmt: skip


def result(number: int, content: str = '{"query": "why"}', **more: object) -> dict[str, object]:
    choice = {"index": 0, "message": {"content": content}, "finish_reason": "stop"}
    body = {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    response = {"status_code": 200, "body": body}
    return {"custom_id": f"key{number}-0", "response": response, **more}


def write(file: Path, *lines: object) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_what_has_no_result_is_exported_as_a_batch_service_takes_it(tmp_path: Path):
    files = BatchFiles("m", {"top_k": 20}, None, tmp_path / "out.jsonl")
    assert list(files.generate([request(1), request(2)])) == []
    assert not (tmp_path / "out.jsonl").exists()
    files.close()
    one, two = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (one["custom_id"], two["custom_id"], files.exported) == ("key1-0", "key2-0", 2)
    assert (one["method"], one["url"]) == ("POST", "/v1/chat/completions")
    assert one["body"]["messages"] == [
        {"role": "system", "content": "A sailor."},
        {"role": "user", "content": "Write query 1."},
    ]
    assert (one["body"]["model"], one["body"]["top_k"], one["body"]["seed"]) == ("m", 20, 7)


def test_results_are_replies_and_the_rest_is_exported(tmp_path: Path):
    results = write(tmp_path / "results.jsonl", result(2), result(9))
    files = BatchFiles("m", {}, results, tmp_path / "out.jsonl")
    (reply,) = files.generate([request(1), request(2), request(2, attempt=1)])
    files.close()
    assert (reply.key, reply.raw, reply.failure) == ("key2", '{"query": "why"}', "")
    assert (reply.tokens_in, reply.tokens_out) == (9, 4)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["custom_id"] for line in lines] == ["key1-0", "key2-1"]


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({"response": {"status_code": 500, "body": {"error": {"message": "busy"}}}}, "server"),
        ({"response": {"status_code": 429, "body": {}}}, "rate_limited"),
        ({"response": None, "error": {"message": "expired"}}, "server"),
        ({"response": {"status_code": 200, "body": {"nonsense": 1}}}, "bad_reply"),
        ({"response": {"status_code": 400, "body": {"error": {
            "message": "maximum context length is 4096"}}}}, "too_long_prompt"),
    ],
)  # fmt: skip
def test_a_failed_result_has_its_reason(tmp_path: Path, changed: dict, failure: str):
    files = BatchFiles("m", {}, write(tmp_path / "r.jsonl", result(1, **changed)), None)
    (reply,) = files.generate([request(1)])
    assert reply.failure == failure


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no result in it"), ("{", ":1: no JSON"), ('{"a": 1}', ":1: no batch result"),
     ("\n[1]", ":2: no batch result")],
)  # fmt: skip
def test_a_bad_file_of_results_is_said_with_its_line(tmp_path: Path, content: str, said: str):
    (tmp_path / "r.jsonl").write_text(content)
    with pytest.raises(InputError, match=said):
        BatchFiles("m", {}, tmp_path / "r.jsonl", None)
    with pytest.raises(InputError, match="not a readable file"):
        BatchFiles("m", {}, tmp_path / "none.jsonl", None)
