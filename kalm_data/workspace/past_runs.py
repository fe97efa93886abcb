"""The runs of a workspace, for who must know whether others have worked on it since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.workspace.database import Database

# A run that failed or was stopped left something only where it can be resumed.
_RUNS = """
SELECT sequence, run_id, command FROM runs
WHERE status = 'ok' OR command IN ('synth', 'mine') ORDER BY sequence
"""


@dataclass(frozen=True, slots=True)
class LeftRun:
    """A run whose rows are in the workspace."""

    sequence: int
    run_id: str
    command: str


def read_runs(database: Database) -> tuple[LeftRun, ...]:
    """In order; none where there is no workspace yet."""
    if not database.file.exists():
        return ()
    with database.read() as connection:
        return tuple(LeftRun(*row) for row in connection.execute(_RUNS).fetchall())
