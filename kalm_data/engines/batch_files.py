"""Batch files: requests written for a batch service to fill, and its results read back.

The format is that of OpenAI's batches, which hosted services and `vllm run-batch` take: one JSON
object a line, known by its `custom_id`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.lines import numbered_lines, read_json
from kalm_data.core.synthesis import Reply
from kalm_data.engines.chat_wire import make_body, name_failure, read_completion, read_error

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.synthesis import Request

_URL = "/v1/chat/completions"


class BatchFiles:
    """Satisfies `core.protocols.QueryEngine`: a request without a result is left unanswered.

    What is left unanswered goes to the file `export`, which appears when `close` is called. Replies
    have the name of the model behind a server, so that both share the journal.
    """

    def __init__(
        self,
        model: str,
        extra_body: Mapping[str, object],
        results: Path | None,
        export: Path | None,
    ) -> None:
        """Raises InputError where the results cannot be read, naming file and line."""
        self.name = f"openai:{model}"
        self.exported = 0
        self._model, self._extra_body, self._export = model, extra_body, export
        self._results = _read_results(results) if results else {}
        self._partial = export.with_name(export.name + ".partial") if export else None
        if self._partial:
            _write(self._partial, "w", "")

    def generate(self, requests: Sequence[Request]) -> Generator[Reply]:
        lines = []
        for request in requests:
            result = self._results.get(_custom_id(request))
            if result is None:
                lines.append(json.dumps(self._line(request)) + "\n")
            else:
                yield _reply(request, result)
        if self._partial:
            _write(self._partial, "a", "".join(lines))
            self.exported += len(lines)

    def close(self) -> None:
        """Give the exported file its name."""
        if self._partial and self._export:
            self._partial.replace(self._export)

    def _line(self, request: Request) -> dict[str, object]:
        body = make_body(request, self._model, self._extra_body)
        return {"custom_id": _custom_id(request), "method": "POST", "url": _URL, "body": body}


def _custom_id(request: Request) -> str:
    return f"{request.key}-{request.attempt}"


def _write(file: Path, mode: str, text: str) -> None:
    try:
        with file.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        message = f"{file}: cannot be written: {error.strerror}"
        raise InputError(message) from error


def _read_results(file: Path) -> dict[str, dict[str, object]]:
    """Each line by its `custom_id`, the last of equals."""
    found: dict[str, dict[str, object]] = {}
    for place, line in numbered_lines(file, "file of batch results"):
        result = _parse(line, place)
        found[str(result["custom_id"])] = result
    if not found:
        message = f"{file}: no result in it. Name the file that the batch service gave."
        raise InputError(message)
    return found


def _parse(line: str, place: str) -> dict[str, object]:
    result = read_json(line, place)
    if not isinstance(result, dict) or "custom_id" not in result:
        message = f"{place}: no batch result: an object with the key custom_id is wanted"
        raise InputError(message)
    return result


def _reply(request: Request, result: Mapping[str, object]) -> Reply:
    """A result with status 200 holds a completion; any other says what went wrong."""
    response = result.get("response")
    if not isinstance(response, dict):
        said, _ = read_error(json.dumps(result.get("error") or "no response").encode())
        return Reply(request.key, said, "server", "failed", 0, 0)
    body = json.dumps(response.get("body")).encode()
    status = response.get("status_code", 200)
    if status != 200:
        said, label = read_error(body)
        failure = name_failure(int(str(status)), f"{label} {said}")
        return Reply(request.key, said, failure, "failed", 0, 0)
    answer = read_completion(body)
    return Reply(
        request.key, answer.raw, answer.failure, answer.finish_reason, answer.tokens_in,
        answer.tokens_out,
    )  # fmt: skip
