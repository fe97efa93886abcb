"""The DuckDB file of a workspace: opened briefly, by many readers or by one writer.

DuckDB admits one writing process and no reader beside it, so nobody keeps the file open: readers
and writers come and go, and wait for one another with a growing pause.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from kalm_data import __version__
from kalm_data.core.errors import InputError, WorkspaceBusy
from kalm_data.core.text import without_surrogates
from kalm_data.workspace.schema import CREATE, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 30.0
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

    def create(self) -> None:
        """Make the folder and the tables unless they are there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.folder}: no workspace can be made there: {error.strerror}"
            raise InputError(message) from error
        with self.write() as connection:
            if not _tables(connection):
                for statement in CREATE:
                    connection.execute(statement)
                connection.execute("INSERT INTO meta VALUES (?, ?)", [SCHEMA_VERSION, __version__])

    def refuse_missing(self) -> None:
        """Raise InputError where no workspace is there."""
        if not self.file.exists():
            message = (
                f"{self.folder}: no workspace is there. "
                "Import something first, or name the folder with --workspace."
            )
            raise InputError(message)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection; take what is needed and leave: a writer may be waiting."""
        self.refuse_missing()
        connection = self._connect(read_only=True)
        try:
            self._refuse_foreign(connection)
            with _interrupts():
                yield connection
        finally:
            connection.close()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        connection = self._connect(read_only=False)
        try:
            if _tables(connection):
                self._refuse_foreign(connection)
            connection.begin()
            with _interrupts():
                yield connection
                connection.commit()
        except duckdb.IOException as error:
            message = f"{self.file}: cannot be written: {_first_line(error)}"
            raise InputError(message) from error
        finally:
            connection.close()  # rolls back what was not committed

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "temp_directory": str(self.folder / "tmp"),
            "autoinstall_known_extensions": False,
        }
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return duckdb.connect(str(self.file), read_only=read_only, config=settings)
            except duckdb.IOException as error:
                if "lock" not in str(error):
                    message = f"{self.file}: not a readable workspace: {_first_line(error)}"
                    raise InputError(message) from error
                if time.monotonic() > deadline:
                    message = (
                        f"{self.file}: held by another process for {self._patience_s:.0f} s: "
                        f"{_first_line(error)}"
                    )
                    raise WorkspaceBusy(message) from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _refuse_foreign(self, connection: duckdb.DuckDBPyConnection) -> None:
        if "meta" not in _tables(connection):
            message = f"{self.file}: a DuckDB file, but not a workspace of kalm-data"
            raise InputError(message)
        rows = connection.execute("SELECT schema_version, kalm_data FROM meta").fetchall()
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


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {
        name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    }


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
