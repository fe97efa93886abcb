"""One writing command at a time; the second one is told who is at work."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from kalm_data.core.errors import InputError, WorkspaceBusy
from kalm_data.core.full_disk import naming

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE_S = 1.0
"""`is_held` takes the lock for an instant; a writer outwaits that."""


@contextmanager
def writing(folder: Path, command: str) -> Iterator[None]:
    """Hold the workspace for one command. The system frees it when the process dies.

    Raises WorkspaceBusy, naming the command and the process that hold it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: no workspace can be made there: {error.strerror}"
        raise InputError(message) from error
    lock = FileLock(folder / "workspace.lock")
    try:
        lock.acquire(timeout=_PATIENCE_S)
    except Timeout as error:
        message = f"{folder}: {_holder(folder)}. Wait for it, or use another --workspace."
        raise WorkspaceBusy(message) from error
    try:
        state = {"command": command, "pid": os.getpid(), "since": _now()}
        holder = folder / "workspace.holder.json"
        with naming(holder):
            holder.write_text(json.dumps(state))
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a command writes to the workspace now."""
    lock = FileLock(folder / "workspace.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _holder(folder: Path) -> str:
    try:
        state = json.loads((folder / "workspace.holder.json").read_text())
        command, pid, since = state["command"], state["pid"], state["since"]
        return f"`kalm-data {command}` (pid {pid}) writes to it since {since}"
    except (OSError, ValueError, KeyError):
        return "another command writes to it"


def _now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S UTC")
