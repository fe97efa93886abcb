"""From settings to the engine that writes, and to what it is told."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError, reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.core.authors.asking_model import Room
    from kalm_data.core.config.asking import AskingConfig
    from kalm_data.core.config.language_model import ModelConfig
    from kalm_data.core.protocols import QueryEngine


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine, how many candidates it is given at a time so that it is kept busy, the tokens it
    did not have to read again, what it reads and writes together (None: unknown), the requests that
    it wrote to a file instead of asking them, and what is to be done when all is written.
    """

    engine: QueryEngine
    chunk: int
    cached_tokens: Callable[[], int] = lambda: 0
    context: Callable[[], int | None] = lambda: None
    exported: Callable[[], int] = lambda: 0
    close: Callable[[], None] = lambda: None


def make_engine(config: AskingConfig, model: ModelConfig) -> Engine:
    """The engine that the settings name; a model is loaded when the first request comes."""
    if config.engine == "openai":
        return _server(config, model)
    if config.engine == "vllm":
        return _vllm(config, model)
    from kalm_data.engines.extractive import ExtractiveEngine

    return Engine(ExtractiveEngine(), 1024)


def make_room(config: AskingConfig, model: ModelConfig, engine: Engine) -> Room:
    """What a prompt may hold: the context without the reply."""
    from kalm_data.core.authors.asking_model import TEMPLATE_TOKENS, Endless, TokenRoom
    from kalm_data.engines.tokenizer import ModelTokenizer

    context = config.context or engine.context()
    if context is None:
        return Endless()
    name = tokenizer_name(config, model)
    if not name:
        message = (
            "--context counts tokens: name the model whose tokenizer counts them with --tokenizer."
        )
        raise InputError(message)
    left = context - config.max_tokens - TEMPLATE_TOKENS
    if left <= 0:
        message = f"a context of {context} has no room beside --max-tokens {config.max_tokens}"
        raise InputError(message)
    return TokenRoom(ModelTokenizer(name), left)


def tokenizer_name(config: AskingConfig, model: ModelConfig) -> str:
    """The model whose tokenizer counts; empty where nobody named one."""
    return model.tokenizer or (config.model if config.engine == "vllm" else "")


def read_examples(file: Path | None) -> tuple[str, ...]:
    """The queries of a file, one a line, each once."""
    if file is None:
        return ()
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file}: not a readable file of queries: {reason(error)}"
        raise InputError(message) from error
    found = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not found:
        message = f"{file}: no query in it. Write one a line."
        raise InputError(message)
    return found


def _server(config: AskingConfig, model: ModelConfig) -> Engine:
    from kalm_data.engines.openai_server import OpenAIServer, ServerSettings

    extra_body = _extra_body(model.extra_body)
    if model.export_batch or model.import_batch:
        return _batch(config, model, extra_body)
    settings = ServerSettings(
        base_url=model.base_url,
        model=config.model,
        api_key=os.environ.get(model.api_key_env) or None,
        key_variable=model.api_key_env,
        concurrency=model.concurrency,
        timeout_s=model.timeout,
        retries=model.retries,
        failures_allowed=model.max_failures,
        extra_body=extra_body,
    )
    server = OpenAIServer(settings)
    return Engine(server, 16 * model.concurrency, lambda: server.cached_tokens)


def _batch(config: AskingConfig, model: ModelConfig, extra_body: dict[str, object]) -> Engine:
    from kalm_data.engines.batch_files import BatchFiles

    files = BatchFiles(config.model, extra_body, model.import_batch, model.export_batch)
    return Engine(files, 1024, exported=lambda: files.exported, close=files.close)


def _extra_body(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"--extra-body {text!r}: no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(
            f"--extra-body {text!r}: a JSON object is wanted, e.g. '{{\"top_k\": 20}}'"
        )
    return value


def _vllm(config: AskingConfig, model: ModelConfig) -> Engine:
    from kalm_data.engines.vllm_engine import VllmEngine, VllmSettings

    engine = VllmEngine(
        VllmSettings(
            model=config.model,
            max_model_len=config.context,
            tensor_parallel=model.tensor_parallel,
            data_parallel=model.data_parallel,
            gpu_memory=model.gpu_memory,
            seed=0,
        )
    )
    return Engine(engine, 4096, lambda: engine.cached_tokens, lambda: engine.context)
