"""The tasks that a workspace knows, and what they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.records import TaskRow
from kalm_data.core.tasks import Task
from kalm_data.workspace.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.workspace.database import Database

_TASK = f"SELECT {TABLES[TaskRow].names} FROM current_tasks WHERE task = ?"

_CONTENT = """
SELECT task, min(content) FROM (
    SELECT DISTINCT task, 'queries' AS content FROM examples
    UNION ALL SELECT DISTINCT task, 'labels' FROM labels
    UNION ALL SELECT DISTINCT task, 'scored pairs' FROM scored_pairs
)
GROUP BY task ORDER BY task
"""


def read_task_row(database: Database, name: str) -> TaskRow | None:
    """The latest revision of the task."""
    with database.read() as connection:
        rows = connection.execute(_TASK, [name]).fetchall()
    return TaskRow(*rows[0]) if rows else None


def read_content(database: Database, task: str) -> Content | None:
    """What the task is made of; None where it has nothing yet."""
    return _contents(database).get(task)


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


def read_ranked_tasks(
    database: Database, names: Sequence[str], tell: Callable[[str], None]
) -> tuple[Task, ...]:
    """The same, for commands that look for answers among documents.

    Where none is named, tasks of labels and of scored pairs are left out, and `tell` hears of it.
    Raises InputError where one of scored pairs is named, or nothing else is there.
    """
    tasks = read_tasks(database, names)
    scored = {name for name, content in _contents(database).items() if content == "scored pairs"}
    others = [task for task in tasks if task.name not in scored]
    if len(others) < len(tasks) and (names or not others):
        _refuse_scored(next(task.name for task in tasks if task.name in scored))
    ranked = tuple(task for task in others if task.is_ranked)
    if names or not ranked:
        return tuple(others)
    left_out = [task.name for task in tasks if task not in ranked]
    if left_out:
        tell(f"tasks of labels or scored pairs are left out: {', '.join(left_out)}")
    return ranked


def refuse_scored(database: Database, task: str) -> None:
    """InputError where the task is made of scored pairs."""
    if read_content(database, task) == "scored pairs":
        _refuse_scored(task)


def _refuse_scored(task: str) -> None:
    message = (
        f"task {task}: it has scored pairs, and no queries that documents answer. Name another "
        "task; build-shards takes scored pairs as they are."
    )
    raise InputError(message)


def _contents(database: Database) -> dict[str, Content]:
    with database.read() as connection:
        return dict(connection.execute(_CONTENT).fetchall())
