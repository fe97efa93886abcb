"""Work that is dealt to several workers, each of which does one piece at a time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future

W = TypeVar("W")
R = TypeVar("R")

_AHEAD = 2
"""Pieces that each worker is ahead of whoever takes the results, so that none waits."""


def dealt(work: Iterable[W], workers: Sequence[Callable[[W], R]]) -> Generator[R]:
    """What was made of each piece, in order of the work; a worker takes the next when it is free.

    Workers have threads of their own; one alone works in the caller's. What one raises is raised in
    its turn. Closing it waits for the pieces that are being done, and leaves the others.
    """
    if len(workers) == 1:
        yield from map(workers[0], work)
        return
    free: SimpleQueue[Callable[[W], R]] = SimpleQueue()
    for worker in workers:
        free.put(worker)

    def do(piece: W) -> R:
        worker = free.get()
        try:
            return worker(piece)
        finally:
            free.put(worker)

    pool = ThreadPoolExecutor(len(workers))
    begun: deque[Future[R]] = deque()
    try:
        for piece in work:
            begun.append(pool.submit(do, piece))
            if len(begun) > _AHEAD * len(workers):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
