"""Files of a set that is being written: what a killed run finished is not made again."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError

from kalm_data.core.folders import PARTIAL
from kalm_data.core.manifest import ShardFile, describe_file

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL = ".finished.jsonl"


class FinishedFiles:
    """Keeps a journal of what was finished in a folder, and from what it was made.

    Files that the journal does not name, or that are no longer what it says, are taken away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known = {
            file.path: (made_from, file)
            for made_from, file in _read(folder / JOURNAL)
            if (folder / file.path).is_file()
            and describe_file(folder, file.path, file.rows) == file
        }
        self._used: set[str] = set()
        _keep_only(folder, {*self._known, JOURNAL})

    def reuse(self, path: str, made_from: str) -> ShardFile | None:
        """The file at `path`, where it was made from the same; None where it must be made."""
        known_from, file = self._known.get(path, ("", None))
        if file is None or known_from != made_from:
            return None
        self._used.add(path)
        return file

    def note(self, made_from: str, file: ShardFile) -> None:
        """`file` is finished; on return that is on disk."""
        line = json.dumps({"made_from": made_from, "file": file.model_dump()})
        with (self._folder / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(f"{line}\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._used.add(file.path)

    def close(self) -> None:
        """Take the journal away, and what was not used."""
        _keep_only(self._folder, self._used)


def _read(journal: Path) -> list[tuple[str, ShardFile]]:
    """The whole lines of a journal, of which a kill may have cut the last."""
    found = []
    if journal.is_file():
        for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError, ValidationError):
                noted = json.loads(line)
                found.append((str(noted["made_from"]), ShardFile.model_validate(noted["file"])))
    return found


def _keep_only(folder: Path, paths: set[str]) -> None:
    for file in [path for path in folder.rglob("*") if path.is_file()]:
        if file.relative_to(folder).as_posix() not in {*paths, PARTIAL}:
            file.unlink()
    for empty in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):  # not empty
            empty.rmdir()
