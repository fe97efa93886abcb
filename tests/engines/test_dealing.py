import threading
from collections.abc import Iterator

import pytest

from kalm_data.engines.dealing import dealt


def test_results_come_in_the_order_of_the_work_whoever_did_it() -> None:
    first_may_end = threading.Event()

    def slow(piece: int) -> int:
        if piece == 0:
            assert first_may_end.wait(10)
        return piece * piece

    def quick(piece: int) -> int:
        if piece == 3:
            first_may_end.set()
        return slow(piece)

    assert list(dealt(range(50), [slow, quick])) == [n * n for n in range(50)]


def test_two_workers_work_at_the_same_time_and_neither_on_two_pieces() -> None:
    both = threading.Barrier(2, timeout=10)
    busy = [threading.Lock(), threading.Lock()]

    def worker(number: int, piece: int) -> int:
        assert busy[number].acquire(blocking=False)
        both.wait()
        busy[number].release()
        return piece

    found = dealt(range(20), [lambda n: worker(0, n), lambda n: worker(1, n)])
    assert list(found) == list(range(20))


def test_work_is_taken_only_a_little_ahead() -> None:
    taken = 0

    def pieces() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    results = dealt(pieces(), [abs, abs])
    next(results)
    assert taken < 10
    results.close()
    assert taken < 10


def test_what_a_worker_raises_comes_in_its_turn() -> None:
    def refuse(piece: int) -> int:
        if piece == 7:
            raise ValueError(piece)
        return piece

    results = dealt(range(20), [refuse, refuse])
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(ValueError, match="7"):
        next(results)
