"""Why a set has a row and another has not: what the workspace that built both knows of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from kalm_data.core.difference import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from kalm_data.core.difference import RowChange
    from kalm_data.core.manifest import Manifest
    from kalm_data.workspace.database import Database

_RULE_RUNS = """
SELECT run_id FROM heads WHERE kind = 'rule' AND task = ? AND name = ? AND settings = ?
ORDER BY sequence DESC LIMIT 1
"""

_BUILDS = """
SELECT sequence, run_id, configuration ->> 'out' AS out FROM runs
WHERE command = 'build-shards' AND status = 'ok' AND out IS NOT NULL ORDER BY sequence DESC
"""

_DROPPED = """
SELECT p.example_id, p.text_hash, r.side, d.rule, d.reason, d.numbers, d.run_id
FROM asked p JOIN asked_runs r ON r.side = p.side
JOIN decisions d ON d.run_id = r.run_id AND d.rule = r.rule AND d.task = r.task
    AND d.example_id = p.example_id AND d.text_hash = p.text_hash
WHERE d.verdict = 'drop'
ORDER BY p.example_id, r.side, p.text_hash, d.rule
"""

_REJECTED = """
SELECT j.key, j.reason, j.numbers FROM rejects j
WHERE j.run_id = ? AND j.key IN (SELECT example_id FROM asked) ORDER BY j.key, j.reason
"""

_ORIGINS = """
SELECT e.example_id, r.sequence, r.run_id, r.command FROM examples e JOIN runs r USING (run_id)
WHERE e.example_id IN (SELECT example_id FROM asked) ORDER BY e.example_id
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sets. `run_id` built it, empty where no run of the workspace did."""

    rule_runs: Sequence[tuple[str, str, str]]
    """(Task, rule, run) of the rules that were in force when the set was built."""
    sequence: int
    run_id: str


class RowCauses:
    """Looks up what decided about rows that only one of two sets has."""

    def __init__(
        self, database: Database, a: tuple[Path, Manifest], b: tuple[Path, Manifest]
    ) -> None:
        self._database = database
        with database.read() as connection:
            self._sides = {"a": _side(connection, *a), "b": _side(connection, *b)}

    @property
    def builds(self) -> tuple[str, str]:
        """The runs that built the two sets; empty where the workspace knows of none."""
        return self._sides["a"].run_id, self._sides["b"].run_id

    def explain(self, rows: Sequence[RowChange]) -> list[RowChange]:
        """The same rows with their causes, where they can be known."""
        asked = list(_asked(rows))
        if not asked:
            return list(rows)
        with self._database.read() as connection:
            connection.register("asked", _table(asked, ("example_id", "text_hash", "side")))
            found = self._dropped(connection)
            for side in ("a", "b"):
                self._rejected(connection, side, found)
            self._not_there_yet(connection, found)
        return [replace(row, causes=tuple(_of(row, found))) for row in rows]

    def _dropped(self, connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[Cause]]:
        """(Example, side that lacks it) → the rules that dropped its positives there."""
        runs = [(side, *run) for side, known in self._sides.items() for run in known.rule_runs]
        found: dict[tuple[str, str], list[Cause]] = {}
        if not runs:
            return found
        connection.register("asked_runs", _table(runs, ("side", "task", "rule", "run_id")))
        for id_, _, side, rule, reason, numbers, run_id in connection.execute(_DROPPED).fetchall():
            found.setdefault((id_, side), []).append(Cause(rule, reason, numbers, run_id))
        return found

    def _rejected(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        found: dict[tuple[str, str], list[Cause]],
    ) -> None:
        side = self._sides[name]
        for id_, reason, numbers in connection.execute(_REJECTED, [side.run_id]).fetchall():
            if (id_, name) not in found:
                found[id_, name] = [Cause("build-shards", reason, numbers, side.run_id)]

    def _not_there_yet(
        self, connection: duckdb.DuckDBPyConnection, found: dict[tuple[str, str], list[Cause]]
    ) -> None:
        for id_, sequence, run_id, command in connection.execute(_ORIGINS).fetchall():
            for name, side in self._sides.items():
                if (id_, name) not in found and side.run_id and sequence > side.sequence:
                    found[id_, name] = [Cause(command, "added later", "{}", run_id)]


def _side(connection: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest) -> Side:
    runs = []
    for entry in manifest.tasks:
        for name, settings in entry.sources.items():
            rule = name.removeprefix("rule ")
            if rule == name:
                continue
            given = [entry.task.name, rule, settings]
            for (run_id,) in connection.execute(_RULE_RUNS, given).fetchall():
                runs.append((entry.task.name, rule, run_id))
    wanted = folder.resolve()
    for sequence, run_id, out in connection.execute(_BUILDS).fetchall():
        if Path(out).resolve() == wanted:
            return Side(runs, sequence, run_id)
    return Side(runs, 0, "")


def _asked(rows: Iterable[RowChange]) -> Iterable[tuple[str, str, str]]:
    """(Example, positive, side that lacks it)."""
    for row in rows:
        yield from ((row.key, text_hash, "a") for text_hash in row.positives_came)
        yield from ((row.key, text_hash, "b") for text_hash in row.positives_went)


def _of(row: RowChange, found: dict[tuple[str, str], list[Cause]]) -> Iterable[Cause]:
    if row.positives_came:
        yield from found.get((row.key, "a"), ())
    if row.positives_went:
        yield from found.get((row.key, "b"), ())


def _table(rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table({
        name: pa.array(list(column), pa.string())
        for name, column in zip(names, columns, strict=True)
    })  # fmt: skip
