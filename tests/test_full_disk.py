"""A full disk: one line that names the file, the reason and the remedy, and nothing is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from asked_rows import ask_rows
from mined_world import bytes_of

from kalm_data.cli.app import run
from kalm_data.core.verification import verify_set
from kalm_data.workspace.database import Database
from kalm_data.workspace.shards import count_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PAGE = 4096
FULL = "cannot be written: No space left on device. Make room there, then run the same command"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here: that takes Linux and root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: Path, pages: int) -> Path:
    """Leave so many pages of room, by a file that takes the rest."""
    ballast = folder / "ballast"
    ballast.unlink(missing_ok=True)
    size = shutil.disk_usage(folder).free - pages * PAGE
    with ballast.open("wb") as file:
        for _ in range(size // PAGE):
            file.write(bytes(PAGE))
    return ballast


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit status, and the one line on stderr that is no warning; no traceback ends a test."""
    status = run([str(argument) for argument in arguments])
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning: " not in line]
    assert status == 0 or len(lines) == 1, lines
    return status, lines[0]


def pages_of(folder: Path) -> int:
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


def test_a_build_that_finds_no_room_leaves_the_old_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = ("build-shards", "-w", ask_rows(tmp_path, {"t": 300}), "--rows-per-shard", 100)
    with small_disk(tmp_path / "disk", "1m") as disk:
        out, statuses = disk / "out", []
        assert command(capsys, *build, out)[0] == 0
        older = bytes_of(out)
        needed = pages_of(out)
        for pages in (0, 1, needed // 3, *range(needed - 4, needed + 3)):
            fill_up(disk, pages)
            status, line = command(capsys, *build, out, "--seed", 1)
            statuses.append(status)
            assert verify_set(out, count_rows).rows == 300
            beside = {path.name for path in disk.iterdir()} - {"ballast", "out"}
            if status == 0:
                assert not beside
                break
            assert beside <= {"out.partial"}  # its finished files are used again
            assert status == 1 and FULL in line and str(disk / "out.partial") in line
            assert bytes_of(out) == older
    assert statuses[-1] == 0 and len(statuses) > 3


def test_what_does_not_fit_into_memory_and_finds_no_room_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = ask_rows(tmp_path, {"t": 20_000})
    build = ("build-shards", "-w", workspace, tmp_path / "out")
    assert command(capsys, *build, "--seed", 1)[0] == 0
    older = bytes_of(tmp_path / "out")
    with small_disk(workspace / "tmp", "256k") as spilled:
        status, line = command(capsys, *build, "--memory-limit", "40MB")
        assert not list(spilled.iterdir())
    assert status == 1 and f"{workspace / 'tmp'}: has 0 MiB for what memory does not hold" in line
    assert line.endswith("Give more than --memory-limit 40MB, or make room there.")
    assert bytes_of(tmp_path / "out") == older
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("kib", [4, 12, 64, 700, 1000, 2000])
def test_an_import_that_finds_no_room_is_one_line_and_goes_on_when_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kib: int
) -> None:
    file = tmp_path / "documents.jsonl"
    rows = ({"id": f"d{i}", "text": f"the case {i} " + "of many " * i} for i in range(800))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with small_disk(tmp_path / "disk", f"{kib}k") as disk:
        imports = ("import", "documents", file, "--task", "d", "-w", disk / "w")
        status, line = command(capsys, *imports)
        assert status == 1 and FULL in line and str(disk / "w") in line
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert command(capsys, *imports)[0] == 0
        with Database(disk / "w").read() as connection:
            assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(800,)]
        assert not list((disk / "w" / "runs").iterdir())


def test_a_build_in_a_full_workspace_is_one_line_and_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ask_rows(tmp_path, {"t": 3_000})
    with small_disk(tmp_path / "disk", "16m") as disk:
        workspace, statuses = disk / "w", set()
        shutil.copytree(made, workspace)
        for pages in (0, 1, 2, 16, 64, 1000):
            fill_up(disk, pages)
            build = ("build-shards", "-w", workspace, tmp_path / "out", "--rows", 1000)
            status, line = command(capsys, *build)
            assert status == 0 or (FULL in line and str(workspace) in line)
            statuses.add(status)
    assert statuses == {0, 1}
    verify_set(tmp_path / "out", count_rows)
