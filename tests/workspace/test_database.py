from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from kalm_data.core.errors import InputError
from kalm_data.workspace.database import Database
from kalm_data.workspace.schema import SCHEMA_VERSION


def test_a_newer_schema_is_refused_with_both_versions(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE meta SET schema_version = ?", [SCHEMA_VERSION + 1])
    expected = rf"version {SCHEMA_VERSION + 1}.*knows version {SCHEMA_VERSION}.*Upgrade"
    with pytest.raises(InputError, match=expected), database.read():
        pass
    with pytest.raises(InputError, match=expected), database.write():
        pass


def test_an_older_schema_is_refused_with_both_versions(database: Database) -> None:
    with database.write() as connection:
        connection.execute("UPDATE meta SET schema_version = ?", [SCHEMA_VERSION - 1])
    expected = rf"version {SCHEMA_VERSION - 1}.*knows version {SCHEMA_VERSION}.*new workspace"
    with pytest.raises(InputError, match=expected), database.read():
        pass


def test_a_folder_whose_name_is_no_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        Database(tmp_path / os.fsdecode(b"caf\xe9"))


def test_a_missing_workspace_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--workspace"), Database(tmp_path / "none").read():
        pass


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workspace.duckdb").write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="not a readable workspace"):
        Database(tmp_path).create()


def test_a_foreign_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "workspace.duckdb")) as connection:
        connection.execute("CREATE TABLE theirs (x INTEGER)")
    with pytest.raises(InputError, match="not a workspace"):
        Database(tmp_path).create()
    with duckdb.connect(str(tmp_path / "workspace.duckdb")) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [
            ("theirs",)
        ]


def test_a_failed_transaction_is_rolled_back(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute("INSERT INTO texts VALUES ('h', 'n', 't')")
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute("SELECT count(*) FROM texts").fetchall() == [(0,)]


def test_kept_open_others_read_but_do_not_write_and_writing_goes_on(database: Database) -> None:
    with database.kept_open():
        for number in range(2):
            with database.write() as connection:
                connection.execute(f"INSERT INTO texts VALUES ('h{number}', 'n', 't')")
            with database.read() as connection:
                assert connection.execute("SELECT count(*) FROM texts").fetchall() == [
                    (number + 1,)
                ]
        assert opens(database, read_only=True)
        assert not opens(database, read_only=False)  # it is open, though nobody reads
    assert opens(database, read_only=False)


def test_what_was_written_is_not_kept_open(database: Database) -> None:
    with database.kept_open():
        with database.write() as connection:
            connection.execute("INSERT INTO texts VALUES ('h', 'n', 't')")
        assert opens(database, read_only=False)


def opens(database: Database, *, read_only: bool) -> bool:
    """Whether another process may open the file."""
    code = f"import duckdb; duckdb.connect({str(database.file)!r}, read_only={read_only})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_who_writes_waits_for_a_thread_that_still_reads(database: Database) -> None:
    def read_slowly() -> int:
        with database.read() as connection:
            time.sleep(0.5)
            return len(connection.execute("SELECT * FROM meta").fetchall())

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(read_slowly)
        time.sleep(0.1)
        with database.write() as connection:
            connection.execute("UPDATE meta SET kalm_data = 'other'")
        assert reading.result() == 1
