"""Chat completions on the wire: the body of a request, and what a body that came back says."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, Field, ValidationError, field_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.synthesis import Request

FAILED = "failed"
"""In place of a finish reason where nothing was finished."""

_TOO_LONG = re.compile(
    r"context[ _-]?(?:length|size|window)"  # OpenAI, vLLM, SGLang, llama.cpp, LM Studio
    r"|maximum (?:model|prompt) length"  # vLLM's engine, xAI
    r"|max_tokens must be at least 1, got -"  # vLLM: the prompt leaves no room
    r"|(?:prompt|input) is too long|too large for model with"  # Anthropic, Mistral
    r"|input token count",  # Gemini
    re.IGNORECASE,
)


def make_body(request: Request, model: str, extra_body: Mapping[str, object]) -> dict[str, object]:
    """The body of one chat completion; a field of `extra_body` wins, None takes one away."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    body: dict[str, object] = {
        "model": model,
        "messages": [*system, {"role": "user", "content": request.prompt}],
        "seed": request.seed,
        "n": 1,
    }
    if request.sampling:
        body["temperature"] = request.sampling.temperature
        body["top_p"] = request.sampling.top_p
        body["max_tokens"] = request.sampling.max_tokens
    if request.schema:
        body["response_format"] = _read_response_format(request.schema)
    merged = {**body, **extra_body}
    return {name: value for name, value in merged.items() if value is not None}


@lru_cache(maxsize=64)
def _read_response_format(schema: str) -> dict[str, object]:
    named = {"name": "reply", "strict": True, "schema": json.loads(schema)}
    return {"type": "json_schema", "json_schema": named}


class CompletionAnswer(NamedTuple):
    """What one sending of a request came to; `raw` and `failure` as in `Reply`."""

    raw: str
    failure: str = ""
    finish_reason: str = FAILED
    tokens_in: int = 0
    tokens_out: int = 0
    retry_after_s: float = 0.0
    cached_tokens: int = 0


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(BaseModel):
    cached_tokens: int = Field(0, ge=0)


class _Usage(BaseModel):
    prompt_tokens: int = Field(0, ge=0)
    completion_tokens: int = Field(0, ge=0)
    prompt_tokens_details: _PromptDetails | None = None


class _Completion(BaseModel):
    choices: tuple[_Choice]
    usage: _Usage = _Usage()

    @field_validator("usage", mode="before")
    @classmethod
    def _count_nothing_where_usage_is_no_usage(cls, value: object) -> object:
        try:
            return _Usage.model_validate(value)
        except ValidationError:
            return _Usage()


def read_completion(received: bytes) -> CompletionAnswer:
    """The answer that a body of status 200 holds; some servers report errors in such bodies too."""
    try:
        completion = _Completion.model_validate_json(received)
    except ValidationError:
        failure = "too_long_prompt" if _TOO_LONG.search(read_error(received)[1]) else "bad_reply"
        return CompletionAnswer(received.decode(errors="replace"), failure)
    (choice,) = completion.choices
    usage, details = completion.usage, completion.usage.prompt_tokens_details
    raw = choice.message.content or choice.message.refusal or ""
    return CompletionAnswer(
        raw,
        _judge(choice),
        choice.finish_reason or "",
        usage.prompt_tokens,
        usage.completion_tokens,
        cached_tokens=details.cached_tokens if details else 0,
    )


def _judge(choice: _Choice) -> str:
    """The failure of a choice, empty where it is a reply. Some servers give no finish reason."""
    if choice.finish_reason == "length":
        return "length"
    if choice.finish_reason == "content_filter" or choice.message.refusal:
        return "refusal"
    if choice.finish_reason not in {"stop", None}:
        return "bad_reply"
    return "" if (choice.message.content or "").strip() else "empty"


def name_failure(status: int, said: str) -> str:
    if status == 429:
        return "rate_limited"
    if _TOO_LONG.search(said):  # llama.cpp said so with status 500
        return "too_long_prompt"
    if status == 408:
        return "timeout"
    return "server" if status >= 500 else "bad_request"


def read_error(received: bytes) -> tuple[str, str]:
    """The sentence of an error body, and its code and type, in whichever form servers have them."""
    try:
        said = json.loads(received)
    except (ValueError, RecursionError):
        return received.decode(errors="replace"), ""
    error = said.get("error", said) if isinstance(said, dict) else said
    if not isinstance(error, dict):
        return str(error), ""
    sentence = error.get("message") or error.get("detail") or error
    return str(sentence), f"{error.get('code')} {error.get('type')}"
