"""The process in which one copy of a model lives: `python -m kalm_data.engines.vllm_worker FD`.

FD is its end of a line. It reads the model's folder and settings, then lists of requests, and
writes lists of their answers, then None, or the InputError that ended them. A None that it reads
cancels what is left of a list.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from multiprocessing import active_children
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.engines.vllm_model import VllmModel

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

_PATIENCE_S = 20.0


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that vLLM ends its own processes
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        serve(Connection(int(sys.argv[1])))
    except (EOFError, ConnectionError):
        return  # the other end of the line is closed
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends already


def serve(line: Connection) -> None:
    """Until the other end of the line is closed, which is an EOFError."""
    model = VllmModel(*line.recv())
    model.load()
    threading.Thread(target=_end_with_the_engine, args=(active_children(),), daemon=True).start()
    while True:
        requests = line.recv()
        if requests is None:
            continue  # the cancelled list had ended by itself
        try:
            for answers in model.answer(requests):
                line.send(answers)
                if line.poll():
                    line.recv()
                    break
            line.send(None)
        except InputError as error:
            line.send(error)


def _end_with_the_engine(processes: list[BaseProcess]) -> None:
    """The main thread would wait for its answers for ever (vLLM 0.32)."""
    wait([process.sentinel for process in processes])
    sys.stderr.write("RuntimeError: the process of vLLM's engine ended; it may lack memory\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGTERM)


def _end_with_the_parent() -> None:
    """The parent holds our stdin open as long as it lives, however it ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
