"""Ctrl-C while DuckDB works is an interruption like any other."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import duckdb
import pytest

from kalm_data.core.errors import Interrupted
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kalm_data.workspace.database import Database

# long beside 0.1 s, and not longer: now and then DuckDB hears of it at the end alone
LONG = "SELECT count(DISTINCT sha256(range::VARCHAR)) FROM range(6_000_000)"


@pytest.fixture
def press_ctrl_c() -> Iterator[Callable[[], None]]:
    """Called, it lets SIGINT reach the main thread a moment later."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, [main, signal.SIGINT])
    yield timer.start
    timer.join()
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_during_a_query_is_an_interruption(
    database: Database, press_ctrl_c: Callable[[], None]
):
    with (
        pytest.raises(Interrupted),
        running(database, "mine", "{}", resumable=True),
        database.read() as connection,
    ):
        press_ctrl_c()
        connection.execute(LONG).fetchall()


def test_ctrl_c_during_a_write_is_an_interruption(
    database: Database, press_ctrl_c: Callable[[], None]
):
    with pytest.raises(KeyboardInterrupt), database.write() as connection:
        press_ctrl_c()
        connection.execute(f"CREATE TEMP TABLE long AS {LONG}")


def test_duckdb_interrupt_errors_are_interruptions(database: Database):
    with pytest.raises(KeyboardInterrupt), database.read():
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
