"""vLLM in processes of its own, one for each copy of the model, so that it ends when we do.

Within our process, vLLM's engine, a process too, would outlive a kill of ours and keep the GPU's
memory, and Ctrl-C would be told to it as well as to us.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import weakref
from contextlib import suppress
from functools import cached_property
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, TimeoutExpired
from typing import TYPE_CHECKING, NamedTuple

from kalm_data.core.errors import InputError
from kalm_data.engines.vllm_errors import find_cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from kalm_data.core.synthesis import Request
    from kalm_data.engines.vllm_engine import Answer, VllmSettings

    Line = Connection[object, list[Answer] | InputError | None]
    """What `vllm_worker` reads and writes, from the other end."""

_WORKER = "kalm_data.engines.vllm_worker"
_PATIENCE_S = 20.0
_BLOCK = 256
"""Requests dealt together, neighbours in the order in which prefixes are shared."""


class _Copy(NamedTuple):
    process: Popen[bytes]
    line: Line


class VllmProcesses:
    """They start with the first requests, and live as long as this object."""

    def __init__(self, path: Path, settings: VllmSettings) -> None:
        self._path, self._settings = path, settings
        self._gpus = share_gpus(settings.data_parallel, settings.tensor_parallel)

    def answer(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """One answer a request, in any order. Whoever stops iterating cancels the rest."""
        busy = [copy.line for copy in self._copies]
        try:
            for line, share in zip(busy, deal(requests, len(busy)), strict=True):
                line.send(share)
            yield from _receive(busy)
        except GeneratorExit:
            _cancel(busy)
            raise
        except (EOFError, OSError) as error:
            raise InputError(self._explain()) from error
        finally:
            if busy:
                self._end()
                del self._copies

    def _explain(self) -> str:
        """Why a process ended, from what all of them said, which is kept."""
        self._log.seek(0)
        said = self._log.read()
        kept, name = tempfile.mkstemp(prefix="kalm-data-vllm-", suffix=".log")
        os.close(kept)
        Path(name).write_bytes(said)
        cause = find_cause(said.decode(errors="replace"))
        return f"{self._path}: vLLM failed: {cause} All that it said: {name}"

    @cached_property
    def _copies(self) -> list[_Copy]:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as they do
        copies = [self._start(gpus) for gpus in self._gpus]
        self._end = weakref.finalize(self, _end, copies)
        return copies

    def _start(self, gpus: str) -> _Copy:
        ours, theirs = Pipe()
        process = Popen(
            [sys.executable, "-P", "-m", _WORKER, str(theirs.fileno())],
            env={**os.environ, **({"CUDA_VISIBLE_DEVICES": gpus} if gpus else {})},
            stdin=PIPE,  # when it ends, so does the process
            stdout=self._log,
            stderr=STDOUT,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for us alone
        )
        theirs.close()
        ours.send((self._path, self._settings))
        return _Copy(process, ours)


def deal(requests: Sequence[Request], shares: int) -> list[list[Request]]:
    """Blocks of neighbours in turn, so that shares are alike and prefixes stay together."""
    block = min(_BLOCK, len(requests) // shares + 1)
    dealt: list[list[Request]] = [[] for _ in range(shares)]
    for place, start in enumerate(range(0, len(requests), block)):
        dealt[place % shares] += requests[start : start + block]
    return dealt


def share_gpus(copies: int, size: int) -> list[str]:
    """CUDA_VISIBLE_DEVICES of each copy: `size` of ours, or of all by number; empty: as it is."""
    if copies == 1:
        return [""]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(number) for number in range(copies * size)]
    if len(names) < copies * size:
        message = f"CUDA_VISIBLE_DEVICES={visible}: {copies} copies of {size} GPUs each do not fit."
        raise InputError(f"{message} Lower --data-parallel or --tensor-parallel.")
    return [",".join(names[n * size : (n + 1) * size]) for n in range(copies)]


def _receive(busy: list[Line], patience_s: float | None = None) -> Iterator[Answer]:
    """Until every line has said None, or all are silent for too long; `busy` keeps the others."""
    while busy and (ready := wait(busy, patience_s)):
        for line in [line for line in busy if line in ready]:
            said = line.recv()
            if isinstance(said, list):
                yield from said
                continue
            busy.remove(line)
            if said is not None:
                raise said


def _cancel(busy: list[Line]) -> None:
    with suppress(InputError, EOFError, OSError):
        for line in busy:
            line.send(None)
        for _ in _receive(busy, _PATIENCE_S):
            pass


def _end(copies: list[_Copy]) -> None:
    """First all are told, then waited for: the next run needs their memory."""
    for process, line in copies:
        line.close()
        if process.stdin:
            process.stdin.close()
    for process, _ in copies:
        with suppress(TimeoutExpired):
            process.wait(_PATIENCE_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it may have left
        process.wait()
