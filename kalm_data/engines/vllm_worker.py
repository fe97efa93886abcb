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
from contextlib import suppress
from multiprocessing.connection import Connection

from kalm_data.core.errors import InputError
from kalm_data.engines.vllm_model import VllmModel

_PATIENCE_S = 20.0


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that vLLM ends its own processes
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with suppress(EOFError, ConnectionError):
        serve(Connection(int(sys.argv[1])))


def serve(line: Connection) -> None:
    """Until the other end of the line is closed."""
    model = VllmModel(*line.recv())
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


def _end_with_the_parent() -> None:
    """The parent holds our stdin open as long as it lives, however it ends."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
