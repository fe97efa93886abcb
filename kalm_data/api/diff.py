"""What differs between two shard sets, two runs or two workspaces."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kalm_data.core.config.diff import SHOWN_ROWS, DiffConfig
from kalm_data.core.difference import (
    Cause,
    Counts,
    Difference,
    Pair,
    RowChange,
    differing,
    flat,
    side_by_side,
)
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import MANIFEST, read_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kalm_data.core.manifest import Manifest
    from kalm_data.workspace.database import Database

__all__ = [
    "SHOWN_ROWS",
    "Cause",
    "Counts",
    "DiffConfig",
    "Difference",
    "Pair",
    "RowChange",
    "diff",
]

_WORKSPACE_FILE = "workspace.duckdb"


def diff(workspace: Path, a: str, b: str, config: DiffConfig) -> Difference:
    """Compare two folders of shard sets, two folders of workspaces, or two runs of `workspace`.

    Of sets `workspace`, where it is there, tells why a row is in one of them alone. Rows are told
    up to `config.limit`, and all of them written to `config.rows`.
    """
    kinds = {_kind(a), _kind(b)}
    if len(kinds) > 1:
        message = (
            f"{a} and {b}: one is a {' and the other a '.join(sorted(kinds))}. Name two alike."
        )
        raise InputError(message)
    match kinds.pop():
        case "shard set":
            return _diff_sets(workspace, Path(a), Path(b), config)
        case "workspace":
            return _diff_workspaces(Path(a), Path(b), config)
        case _:
            return _diff_runs(workspace, a, b, config)


def _kind(name: str) -> str:
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        return "shard set"
    if (folder / _WORKSPACE_FILE).is_file():
        return "workspace"
    if folder.is_dir():
        message = f"{name}: neither a shard set ({MANIFEST}) nor a workspace ({_WORKSPACE_FILE})."
        raise InputError(f"{message} Name a folder of either.")
    return "run"


def _diff_sets(workspace: Path, a: Path, b: Path, config: DiffConfig) -> Difference:
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.row_causes import RowCauses
    from kalm_data.workspace.set_changes import set_changes

    sides = (a, read_manifest(a)), (b, read_manifest(b))
    notes: tuple[str, ...] = ()
    explain: Callable[[Sequence[RowChange]], list[RowChange]] = list
    builds = ("", "")
    try:
        causes = RowCauses(Database(workspace), *sides)
        explain, builds = causes.explain, causes.builds
    except InputError as error:  # the sets can be compared without it
        notes = (f"no row tells why it differs: {error}",)
    built = _build_settings(Database(workspace), sides, builds)
    with set_changes(*sides) as changes:
        rows = _tell(changes.rows, explain, config)
        counts = changes.counts
    figures = side_by_side(*(_set_figures(manifest) for _, manifest in sides))
    settings = differing(*(_set_settings(manifest) for _, manifest in sides)) + built
    inputs = differing(*(_set_inputs(manifest) for _, manifest in sides))
    return Difference("sets", str(a), str(b), counts, figures, settings, inputs, rows, notes)


def _build_settings(
    database: Database, sides: Sequence[tuple[Path, Manifest]], builds: tuple[str, str]
) -> tuple[Pair, ...]:
    """Those of `build-shards` that differ, by the sets themselves; where one is too old to tell
    them, by the runs that built them, as far as they are known.
    """
    from kalm_data.workspace.run_changes import read_run

    told = [flat(manifest.settings) for _, manifest in sides if manifest.settings is not None]
    if len(told) < len(sides):
        if not all(builds):
            return ()
        told = [flat(read_run(database, run_id).configuration["settings"]) for run_id in builds]
    return tuple(pair for pair in differing(*told) if pair.name != "seed")


def _set_figures(manifest: Manifest) -> dict[str, str | float]:
    figures: dict[str, str | float] = {"rows": manifest.rows}
    for entry in manifest.tasks:
        figures[f"{entry.task.name}: rows"] = entry.rows
        figures[f"{entry.task.name}: dev rows"] = sum(file.rows for file in entry.dev)
        figures[f"{entry.task.name}: scored pairs"] = sum(file.rows for file in entry.scored)
    return figures


def _set_settings(manifest: Manifest) -> dict[str, str]:
    settings = {"seed": str(manifest.seed)} | flat(manifest.versions)
    for entry in manifest.tasks:
        name = entry.task.name
        settings |= flat(entry.task.model_dump(mode="json"), name)
        settings[f"{name}.scores of"] = entry.ranker
        for source, told in entry.sources.items():
            if source.startswith(("rule ", "draw")):
                settings |= {f"{name}: {key}": value for key, value in flat(told, source).items()}
    return settings


def _set_inputs(manifest: Manifest) -> dict[str, str]:
    return {
        f"{entry.task.name}: {source}": told
        for entry in manifest.tasks
        for source, told in entry.sources.items()
        if not source.startswith(("rule ", "draw"))
    }


def _diff_runs(workspace: Path, a: str, b: str, config: DiffConfig) -> Difference:
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.run_changes import RunChanges, read_run

    database = Database(workspace)
    first, second = read_run(database, a), read_run(database, b)
    with database.read() as connection:
        changes = RunChanges(connection, a, b)
        rows = _tell(changes.rows, list, config)
        counts = changes.counts
    told = [flat(each.configuration) | flat(each.versions) for each in (first, second)]
    return Difference(
        "runs", a, b, counts,
        side_by_side(first.figures, second.figures), differing(*told),
        differing(first.inputs, second.inputs), rows,
    )  # fmt: skip


def _diff_workspaces(a: Path, b: Path, config: DiffConfig) -> Difference:
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.workspace_changes import read_facts, workspace_changes

    databases = Database(a), Database(b)
    first, second = map(read_facts, databases)
    with workspace_changes(*databases) as changes:
        rows = _tell(changes.rows, list, config)
        counts = changes.counts
    return Difference(
        "workspaces", str(a), str(b), counts,
        side_by_side(first.figures, second.figures), differing(first.settings, second.settings),
        differing(first.inputs, second.inputs), rows,
    )  # fmt: skip


def _tell(
    read: Callable[[int | None], Iterator[list[RowChange]]],
    explain: Callable[[Sequence[RowChange]], list[RowChange]],
    config: DiffConfig,
) -> tuple[RowChange, ...]:
    """The first rows, explained; all of them to the file that was named."""
    if config.rows is None:
        return tuple(row for some in read(config.limit) for row in explain(some))
    told: list[RowChange] = []
    try:
        with config.rows.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            for some in read(None):
                explained = explain(some)
                _write(stream, explained)
                told += explained if config.limit is None else explained[: config.limit - len(told)]
    except OSError as error:
        message = f"{config.rows}: cannot be written: {error.strerror}. Name another file."
        raise InputError(message) from error
    return tuple(told)


def _write(stream: IO[str], rows: Iterable[RowChange]) -> None:
    stream.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
