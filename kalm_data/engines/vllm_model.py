"""One copy of a language model in vLLM. No other module imports vLLM."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any, NamedTuple

# Where the user did not set them, before vLLM reads them. A fork would inherit our line to the
# parent and hold it open.
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")

from vllm import LLM, EngineArgs, RequestOutput, SamplingParams
from vllm.exceptions import VLLMValidationError
from vllm.platforms import current_platform
from vllm.renderers import ChatParams
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.tokenizers import cached_tokenizer_from_config
from vllm.v1.engine.exceptions import EngineDeadError

from kalm_data.core.errors import InputError
from kalm_data.core.synthesis import Reply
from kalm_data.engines.vllm_engine import Answer
from kalm_data.engines.vllm_errors import find_cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kalm_data.core.synthesis import Request, Sampling
    from kalm_data.engines.vllm_engine import VllmSettings

_STRUCTURED = {"backend": "guidance", "disable_any_whitespace": True}
"""vLLM's first choice, xgrammar, breaks JSON where a string has a `maxLength`: it lets control
characters pass and forbids escapes. It also took 10.5 s to compile a schema with a string of 4,000
characters for a vocabulary of 120,000 (guidance: 4 ms; xgrammar 0.2.8, llguidance 1.7.6)."""

TEMPLATE = {"add_generation_prompt": True, "enable_thinking": False}
"""A reply that must follow a schema from its first token on has no room for reasoning; templates
that know no reasoning ignore the word."""

_SEEDS = 2**32
_SENT = 4096
"""Requests at vLLM at a time, several for each that it runs: so it never waits for those who take
the answers, and preparing requests between its steps, which took 7 % more CPU, is rare."""


class _Flight(NamedTuple):
    request: Request
    started: float


class VllmModel:
    """`context` and `count_tokens` read the model's folder; `answer` loads the weights."""

    def __init__(self, path: Path, settings: VllmSettings) -> None:
        self._path = path
        self._arguments: dict[str, Any] = {
            "model": str(path),
            "max_model_len": settings.max_model_len,
            "tensor_parallel_size": settings.tensor_parallel,
            "gpu_memory_utilization": settings.gpu_memory,
            "seed": settings.seed,
            "enable_prefix_caching": True,
            "structured_outputs_config": _STRUCTURED,
            # On a CPU vLLM 0.32 dies of a request with a seed whose prompt it reads in parts.
            "enable_chunked_prefill": False if current_platform.is_cpu() else None,
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
        }
        self._numbers = count()

    @property
    def context(self) -> int:
        return int(self._config.max_model_len)

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def answer(self, requests: Sequence[Request]) -> Iterator[list[Answer]]:
        """One answer a request, in lists of those that end together. They are sent in their order.

        Whoever stops iterating cancels what is in flight.
        """
        waiting, flying = deque(requests), dict[str, _Flight]()
        try:
            while waiting or flying:
                yield from self._send(waiting, flying)
                if flying and (landed := self._land(flying)):
                    yield landed
        finally:
            if flying:
                with suppress(EngineDeadError):
                    self.llm.llm_engine.abort_request(list(flying))

    def _send(self, waiting: deque[Request], flying: dict[str, _Flight]) -> Iterator[list[Answer]]:
        """Fill the places there are; requests that do not fit the context are answered at once."""
        while waiting and len(flying) < _SENT:
            request = waiting.popleft()
            prompt = self._render(request)
            if prompt is None:
                yield [Answer(Reply(request.key, "", "too_long_prompt", "", 0, 0), 0)]
                continue
            number = str(next(self._numbers))
            with _refusals_told(request):
                self.llm.llm_engine.add_request(number, prompt, make_parameters(request))
            flying[number] = _Flight(request, time.perf_counter())

    def _land(self, flying: dict[str, _Flight]) -> list[Answer]:
        """The answers of one step of the engine, which it makes for all that run; mostly few."""
        outputs = self.llm.llm_engine.step()
        flights = [flying.pop(output.request_id) for output in outputs]
        return [
            _read(output, flight.request.key, time.perf_counter() - flight.started)
            for output, flight in zip(outputs, flights, strict=True)
        ]

    def _render(self, request: Request) -> Any | None:  # noqa: ANN401  # one of vLLM's inputs
        """What the model reads; None where the context cannot hold it and the whole reply."""
        engine = self.llm.llm_engine
        tokenizing = engine.renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        room = engine.model_config.max_model_len - _sampling_of(request).max_tokens
        with _refusals_told(request):
            try:
                _, (prompt,) = engine.renderer.render_chat(
                    [make_messages(request)], ChatParams(chat_template_kwargs=TEMPLATE), tokenizing
                )
            except VLLMValidationError as error:
                if error.parameter in {"input_tokens", "input_text"}:
                    return None
                raise
        return prompt if len(prompt["prompt_token_ids"]) <= room else None

    def load(self) -> None:
        """Load the weights now; else `answer` does."""
        _ = self.llm

    @cached_property
    def llm(self) -> Any:  # noqa: ANN401  # vLLM is not installed where types are checked
        return LLM(**self._arguments)

    @cached_property
    def _config(self) -> Any:  # noqa: ANN401
        try:
            return EngineArgs(**self._arguments).create_model_config()
        except (OSError, ValueError) as error:
            cause = find_cause("".join(format_exception_only(error)))
            raise InputError(f"{self._path}: vLLM cannot read the model: {cause}") from error

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401
        return cached_tokenizer_from_config(self._config)


def make_messages(request: Request) -> list[dict[str, str]]:
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, {"role": "user", "content": request.prompt}]


def make_parameters(request: Request) -> SamplingParams:
    sampling = _sampling_of(request)
    structure = StructuredOutputsParams(json=request.schema) if request.schema else None
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=request.seed % _SEEDS,
        structured_outputs=structure,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _sampling_of(request: Request) -> Sampling:
    if request.sampling is None:
        raise ValueError(f"request {request.key} tells no sampling")
    return request.sampling


def _read(output: RequestOutput, key: str, seconds: float) -> Answer:
    made = output.outputs[0]
    reply = Reply(
        key=key,
        raw=made.text,
        failure=_failure(made.finish_reason, made.text),
        finish_reason=made.finish_reason or "",
        tokens_in=len(output.prompt_token_ids),
        tokens_out=len(made.token_ids),
        seconds=seconds,
    )
    return Answer(reply, output.num_cached_tokens or 0)


def _failure(finish_reason: str | None, text: str) -> str:
    if finish_reason == "length":
        return "length"
    if finish_reason != "stop":
        return "server"
    return "" if text.strip() else "empty"


@contextmanager
def _refusals_told(request: Request) -> Iterator[None]:
    """A template or a schema that vLLM refuses is refused for every request of its prompt."""
    try:
        yield
    except (VLLMValidationError, ValueError) as error:
        line = str(error.args[0]).splitlines()[0]
        name = request.prompt_name or request.key
        raise InputError(f"prompt {name}: vLLM does not take it: {line}") from error
