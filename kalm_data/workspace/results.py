"""What each run came to, as `--json` prints it: `results/<run>.json` beside the database."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from kalm_data.core.full_disk import naming

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = "results"


def keep_result(workspace: Path, run_id: str, result: object) -> None:
    """Write the figures of a stage; nothing where it has none. The file appears whole."""
    if not is_dataclass(result) or isinstance(result, type):
        return
    folder = workspace / _FOLDER
    partial = folder / f"{run_id}.partial"
    with naming(partial):
        folder.mkdir(exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            json.dump(asdict(result), stream, ensure_ascii=False, default=str)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(folder / f"{run_id}.json")


def read_result(workspace: Path, run_id: str) -> dict[str, Any] | None:
    """The figures as they were written; None where an older kalm-data kept none."""
    file = workspace / _FOLDER / f"{run_id}.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
