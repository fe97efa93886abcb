"""The DuckDB file of a workspace: opened briefly, by many readers or by one writer.

DuckDB admits one writing process and no reader beside it, so nobody keeps the file open: readers
and writers come and go, and wait for one another with a growing pause.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cached_property
from threading import Condition
from typing import TYPE_CHECKING, Literal

import duckdb

from kalm_data import __version__
from kalm_data.core.errors import InputError, WorkspaceBusy
from kalm_data.core.text import without_surrogates
from kalm_data.workspace.full_disk import told_full
from kalm_data.workspace.schema import CREATE, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 30.0
_NAME = "workspace"
"""The file, as SQL names it."""
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.25


class Database:
    """The tables of one workspace folder."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        if not without_surrogates(str(folder)):
            message = f"{folder}: DuckDB takes no name that is not UTF-8. Name another --workspace."
            raise InputError(message)
        self.folder = folder
        self.file = folder / "workspace.duckdb"
        self._patience_s = patience_s
        self._guard, self._users = Condition(), 0
        self._is_kept = False
        self._mode: Literal["", "READ_ONLY", "READ_WRITE"] = ""  # empty: the file is not open
        self._is_ours = False  # whether what is open is known to be a workspace of this version

    def create(self) -> None:
        """Make the folder and the tables unless they are there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.folder}: no workspace can be made there: {error.strerror}"
            raise InputError(message) from error
        if not self.file.exists():
            self._make_empty()
        if self._has_tables():
            return
        with self.write() as connection:
            for statement in CREATE:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES (?, ?)", [SCHEMA_VERSION, __version__])

    def _has_tables(self) -> bool:
        """Those of a workspace; raises InputError where they are of something else."""
        with self._attached(read_only=True) as connection:
            self._refuse_foreign(connection, may_be_new=True)
            return bool(_tables(connection))

    def _make_empty(self) -> None:
        """A file without tables, there whole or not at all: DuckDB opens no half of one."""
        partial = self.file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        try:
            self._engine.execute(f"ATTACH {_quoted(partial)} AS made")
            self._engine.execute("DETACH made")
        except duckdb.IOException as error:
            message = f"{partial}: cannot be written: {_first_line(error)}"
            raise InputError(told_full(error) or message) from error
        partial.replace(self.file)

    def refuse_missing(self) -> None:
        """Raise InputError where no workspace is there."""
        if not self.file.exists():
            message = (
                f"{self.folder}: no workspace is there. "
                "Import something first, or name the folder with --workspace."
            )
            raise InputError(message)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Reads leave the file open for the next one, until somebody writes.

        For whoever holds the workspace's lock: no writer but that one is kept waiting. To open a
        file takes longer than most reads.
        """
        self._is_kept = True
        try:
            yield
        finally:
            with self._guard:
                self._is_kept = False
                if not self._users:
                    self._detach()

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection; take what is needed and leave: a writer may be waiting."""
        self.refuse_missing()
        with self._attached(read_only=True) as connection:
            self._refuse_foreign(connection)
            with _interrupts():
                yield connection

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        try:
            with self._attached(read_only=False) as connection:
                self._refuse_foreign(connection, may_be_new=True)
                connection.begin()
                with _interrupts():
                    yield connection
                    connection.commit()
        except (duckdb.IOException, duckdb.TransactionException) as error:
            message = told_full(error)
            if message is None and isinstance(error, duckdb.TransactionException):
                raise
            told = message or f"{self.file}: cannot be written: {_first_line(error)}"
            raise InputError(told) from error

    @contextmanager
    def _attached(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own, for as long as the block takes; the first one opens the file.

        Who writes waits for the threads of this process that still read.
        """
        with self._guard:
            if not read_only and self._mode == "READ_ONLY":
                self._guard.wait_for(lambda: not self._users, self._patience_s)
            if not self._users:
                self._open(read_only=read_only)
            self._users += 1
        connection = self._engine.cursor()
        try:
            connection.execute(f"USE {_NAME}")
            yield connection
        finally:
            connection.close()  # rolls back what was not committed
            with self._guard:
                self._users -= 1
                self._guard.notify_all()
                if not self._users and not (self._is_kept and self._mode == "READ_ONLY"):
                    self._detach()

    def _open(self, *, read_only: bool) -> None:
        """What is open while nobody uses it was left by a read."""
        if not read_only:
            self._detach()
        if not self._mode:
            self._attach(read_only=read_only)
            self._mode = "READ_ONLY" if read_only else "READ_WRITE"

    def _detach(self) -> None:
        if self._mode:
            self._is_ours = False
            self._mode = ""  # also where there is no room for the last of it: it is detached then
            self._engine.execute(f"DETACH {_NAME}")

    @cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        """DuckDB without a file: to start it takes ten times as long as to open a file with it."""
        settings: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(self.folder / "tmp"),
            "autoinstall_known_extensions": False,
        }
        return duckdb.connect(config=settings)

    def _attach(self, *, read_only: bool) -> None:
        mode = "READ_ONLY" if read_only else "READ_WRITE"
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._engine.execute(f"ATTACH {_quoted(self.file)} AS {_NAME} ({mode})")
            except duckdb.IOException as error:
                if "lock" not in str(error):
                    message = f"{self.file}: not a readable workspace: {_first_line(error)}"
                    raise InputError(told_full(error) or message) from error
                if time.monotonic() > deadline:
                    message = (
                        f"{self.file}: held by another process for {self._patience_s:.0f} s: "
                        f"{_first_line(error)}"
                    )
                    raise WorkspaceBusy(message) from error
            else:
                return
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _refuse_foreign(
        self, connection: duckdb.DuckDBPyConnection, *, may_be_new: bool = False
    ) -> None:
        if self._is_ours:
            return
        try:
            rows = connection.execute("SELECT schema_version, kalm_data FROM meta").fetchall()
        except duckdb.CatalogException as error:
            if may_be_new and not _tables(connection):
                return
            message = f"{self.file}: a DuckDB file, but not a workspace of kalm-data"
            raise InputError(message) from error
        version, writer = rows[0] if rows else (SCHEMA_VERSION + 1, "an unknown version")
        if version != SCHEMA_VERSION:
            remedy = "Upgrade kalm-data." if version > SCHEMA_VERSION else (
                "Import into a new workspace, or use the older kalm-data."
            )  # fmt: skip
            message = (
                f"{self.file}: schema version {version}, written by kalm-data {writer}; this is "
                f"kalm-data {__version__} and knows version {SCHEMA_VERSION}. {remedy}"
            )
            raise InputError(message)
        self._is_ours = True


@contextmanager
def _interrupts() -> Iterator[None]:
    """Ctrl-C stops a query with an error of DuckDB's own; raise KeyboardInterrupt in its place."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = ?"


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute(_TABLES, [_NAME]).fetchall()}


def _quoted(file: Path) -> str:
    """As SQL writes it."""
    return "'" + str(file).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
