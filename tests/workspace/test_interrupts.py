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
    from collections.abc import Iterator

    from kalm_data.workspace.database import Database

LONG = "SELECT count(DISTINCT sha256(range::VARCHAR)) FROM range(3_000_000)"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT reaches the main thread half a second from now."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.2, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    yield
    timer.join()
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_a_query_is_an_interruption(database: Database):
    with (
        pytest.raises(Interrupted),
        running(database, "mine", "{}", resumable=True),
        database.read() as connection,
    ):
        connection.execute(LONG).fetchall()


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_during_a_write_is_an_interruption(database: Database):
    with pytest.raises(KeyboardInterrupt), database.write() as connection:
        connection.execute(f"CREATE TEMP TABLE long AS {LONG}")


def test_duckdb_interrupt_errors_are_interruptions(database: Database):
    with pytest.raises(KeyboardInterrupt), database.read():
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
