"""What was turned away, where and why; and what a person keeps all the same."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from kalm_data.api.execution import execute
from kalm_data.core.by_hand import Restored, can_be_restored
from kalm_data.core.config.rejects import RejectsConfig
from kalm_data.core.config.settings import Settings
from kalm_data.core.errors import InputError
from kalm_data.core.records import Reject
from kalm_data.core.rejected import RejectCount, Rejected
from kalm_data.core.text import storable

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.summary import Outcome
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = [
    "Reject",
    "RejectCount",
    "Rejected",
    "RejectsConfig",
    "Restored",
    "can_be_restored",
    "export_rejects",
    "rejects",
    "restore",
]


def rejects(workspace: Path, config: RejectsConfig) -> Rejected:
    """The rejects asked for, the latest run first; other commands may be writing meanwhile."""
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.rejects import read_rejects

    return read_rejects(Database(workspace), config)


def export_rejects(workspace: Path, config: RejectsConfig, file: Path) -> int:
    """Write the rejects asked for to a file, as its suffix says (.jsonl, .csv, .tsv, .parquet);
    returns how many. Without a limit they are all.
    """
    from kalm_data.engines.writers.record_files import refuse_unknown_format, write_records
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.rejects import reject_blocks

    refuse_unknown_format(file)
    columns = {name: int if name == "line" else str for name in Reject.__dataclass_fields__}
    blocks = reject_blocks(Database(workspace), config)
    return write_records(file, columns, ([asdict(one) for one in block] for block in blocks))


def restore(workspace: Path, wanted: str, note: str) -> Outcome[Restored]:
    """Keep a positive that a rule dropped, whatever rules say, until `filter --reset by-hand`.

    wanted: the key of its reject, or the id or query of an example that has one dropped positive.
    Raises InputError where no decision of filter keeps it out, and without a note.
    """
    from kalm_data.stages.restore import restore as stage
    from kalm_data.workspace.explanations import ExplanationStore

    said = storable(note).strip()
    if not said:
        raise InputError(f'{wanted}: restored without a reason. Say why with --note "…".')

    def one(database: Database, run: WorkspaceRun) -> Restored:
        return stage(ExplanationStore(database), run, wanted, said)

    return execute(workspace, "restore", Settings(), {"restored": wanted, "note": said}, one)
