"""The tasks that a workspace knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.workspace.database import Database


def read_tasks(database: Database, names: Sequence[str] = ()) -> tuple[Task, ...]:
    """The named tasks as they were declared last, in the order given; all, by name, if none is.

    Raises InputError where a name, or any task at all, is missing.
    """
    with database.read() as connection:
        rows = connection.execute(
            "SELECT task, definition FROM current_tasks ORDER BY task"
        ).fetchall()
    known = {name: Task.model_validate_json(definition) for name, definition in rows}
    if not known:
        message = f"{database.folder}: no task yet. Import something with --task first."
        raise InputError(message)
    for name in names:
        if name not in known:
            message = f"{name}: no such task in {database.folder}. Known: {', '.join(known)}."
            raise InputError(message)
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())


def read_ranked_tasks(database: Database, names: Sequence[str]) -> tuple[Task, ...]:
    """The same; where none is named, those that are searched, and tasks of labels are left out."""
    tasks = read_tasks(database, names)
    return tasks if names else tuple(task for task in tasks if task.is_ranked) or tasks
