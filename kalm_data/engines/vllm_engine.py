"""Language models that vLLM runs here, on this machine's GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.engines.model_files import read_model_files
from kalm_data.engines.models import resolve_model
from kalm_data.engines.vllm_processes import VllmProcesses

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from kalm_data.core.synthesis import Reply, Request
    from kalm_data.engines.vllm_model import VllmModel

_MISSING = (
    "engine vllm: vLLM is not installed. It needs Linux and a GPU: "
    '`pip install "kalm-data[vllm]"`. Or ask a server: --engine openai.'
)


@dataclass(frozen=True, slots=True)
class VllmSettings:
    """Which model runs, and on what.

    model: a folder, or a name of the hub. max_model_len: tokens of a prompt and its reply
    together; None for as many as the model takes. tensor_parallel: GPUs that share one copy of the
    model. data_parallel: copies, each on GPUs of its own. gpu_memory: share (0–1) of each GPU's
    memory. seed: vLLM's own; a reply follows its request's.
    """

    model: str
    max_model_len: int | None = None
    tensor_parallel: int = 1
    data_parallel: int = 1
    gpu_memory: float = 0.9
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, and the tokens of its prompt that were found in the prefix cache."""

    reply: Reply
    cached_tokens: int


class VllmEngine:
    """Satisfies `core.protocols.QueryEngine`. Weights are loaded when the first request comes.

    A reply's `seconds` are those from its sending to its end, so they hold the wait for a place.
    """

    cached_tokens: int = 0
    """Tokens of prompts that the prefix cache held, of all replies so far."""

    def __init__(self, settings: VllmSettings) -> None:
        if find_spec("vllm") is None:
            raise InputError(_MISSING)
        resolved = resolve_model(settings.model)
        files = read_model_files(resolved.path)
        self.name = f"vllm:{resolved.name}@{files.content[:12]}"
        self.note = resolved.note
        self._path, self._settings = resolved.path, settings
        self._processes = VllmProcesses(resolved.path, settings)

    @property
    def context(self) -> int:
        """Tokens of a prompt and its reply together. No weights are loaded to tell."""
        return self._model.context

    def count_tokens(self, text: str) -> int:
        """Tokens of the text alone, without the chat template. No weights are loaded to tell."""
        return self._model.count_tokens(text)

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        """One reply a request, as they end; those that begin alike are sent one after another.

        One call at a time: whoever stops iterating cancels what is in flight.
        """
        if not requests:
            return
        ordered = sorted(requests, key=lambda request: (request.system, request.prompt))
        for answer in self._processes.answer(ordered):
            self.cached_tokens += answer.cached_tokens
            yield answer.reply

    @cached_property
    def _model(self) -> VllmModel:
        from kalm_data.engines.vllm_model import VllmModel

        return VllmModel(self._path, self._settings)
