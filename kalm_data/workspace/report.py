"""Reads what `kalm-data report` shows; briefly, so that it may run beside a long command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from kalm_data.core.eval_result import EvalResult, by_task
from kalm_data.core.lint import LintFound
from kalm_data.core.manifest import MANIFEST
from kalm_data.core.report.figures import Evaluated
from kalm_data.workspace import report_measures, report_sizes, report_texts
from kalm_data.workspace.results import read_result
from kalm_data.workspace.vectors import read_stored, stored_encoders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32
    from numpy.typing import NDArray

    from kalm_data.core.report.figures import (
        Contamination,
        Coverage,
        Reason,
        Repeats,
        RunFigures,
        SampleRow,
        TaskSize,
    )
    from kalm_data.core.report.measured import (
        DrawnNegatives,
        FoundHits,
        MeasuredPositives,
        SampledText,
        StoredEncoder,
    )
    from kalm_data.core.tasks import Task
    from kalm_data.workspace.database import Database

_EVAL = TypeAdapter(EvalResult)


class ReportStore:
    """What a workspace tells of the tasks; samples are seeded, by sha256."""

    def __init__(self, database: Database, tasks: Sequence[Task], seed: int) -> None:
        self._database, self._tasks, self._seed = database, tasks, seed
        self._names = [task.name for task in tasks]

    def sizes(self) -> tuple[TaskSize, ...]:
        with self._database.read() as connection:
            return report_sizes.read_sizes(connection, self._tasks)

    def reasons(self, runs: Sequence[str]) -> tuple[Reason, ...]:
        with self._database.read() as connection:
            return report_sizes.read_reasons(connection, self._tasks, runs)

    def coverage(self) -> Coverage:
        with self._database.read() as connection:
            return report_sizes.read_coverage(connection, self._tasks)

    def repeats(self) -> tuple[Repeats, ...]:
        with self._database.read() as connection:
            return report_sizes.read_repeats(connection, self._tasks)

    def runs(self) -> tuple[RunFigures, ...]:
        with self._database.read() as connection:
            return report_sizes.read_runs(connection, self._tasks)

    def positives(self) -> list[MeasuredPositives]:
        with self._database.read() as connection:
            return report_measures.read_positives(connection, self._names)

    def negatives(self, suspects: int) -> DrawnNegatives:
        with self._database.read() as connection:
            return report_measures.read_negatives(connection, self._names, suspects)

    def top_k(self) -> dict[tuple[str, str], int]:
        """(Task, ranker) → the k that rule top-k is in force with."""
        with self._database.read() as connection:
            return report_measures.read_top_k(connection)

    def hits(self, task: str, most: int, depth: int) -> list[FoundHits]:
        """The first hits of a sample of the task's training examples, by example and ranker."""
        with self._database.read() as connection:
            return report_measures.read_hits(connection, task, self._seed, most, depth)

    def queries(self, task: Task, most: int) -> list[SampledText]:
        with self._database.read() as connection:
            return report_texts.read_queries(connection, task, self._seed, most)

    def documents(self, task: Task, most: int) -> list[SampledText]:
        with self._database.read() as connection:
            return report_texts.read_documents(connection, task, self._seed, most)

    def contamination(self, most: int) -> Contamination:
        with self._database.read() as connection:
            return report_texts.read_contamination(connection, self._names, most)

    def sample(self, runs: Sequence[str], most: int, longest: int) -> tuple[SampleRow, ...]:
        """Rows that were kept, then rows that the runs turned away; `most` of each."""
        with self._database.read() as connection:
            kept = report_texts.read_kept(connection, self._names, self._seed, most, longest)
            rejected = report_texts.read_rejected(connection, runs, self._seed, most, longest)
        return kept + rejected

    def encoders(self) -> list[StoredEncoder]:
        return stored_encoders(self._database)

    def vectors(
        self, encoder: str, hashes: Sequence[str]
    ) -> tuple[list[int], NDArray[float32] | None]:
        """Which of the rendered texts have a vector, and (N, D) these vectors."""
        return read_stored(self._database, encoder, hashes)

    def evaluated(self, runs: Sequence[RunFigures]) -> tuple[Evaluated, ...]:
        """The latest evaluation of each task whose figures were kept, in order of task."""
        found: dict[str, Evaluated] = {}
        for run in runs:
            kept = read_result(self._database.folder, run.run_id) if run.command == "eval" else None
            if kept is None or run.status != "ok":
                continue
            try:
                result = _EVAL.validate_python(kept)
            except ValidationError:  # kept by another kalm-data
                continue
            for task, one in (by_task(result) or {result.task: result}).items():
                found[task] = Evaluated(run.run_id, one)
        return tuple(found[task] for task in sorted(found) if task in self._names)

    def lint(self, shards: Path, runs: Sequence[RunFigures]) -> tuple[LintFound, ...] | None:
        """What the run that built the set found in its rows; None where it is not known."""
        for run in reversed(runs):
            kept = read_result(self._database.folder, run.run_id)
            if run.command != "build-shards" or run.status != "ok" or kept is None:
                continue
            if _is_of(str(kept.get("manifest", "")), shards):
                return tuple(
                    LintFound(one["name"], one["count"], tuple(one["sample"]))
                    for one in kept.get("lint", [])
                )
        return None


def _is_of(manifest: str, shards: Path) -> bool:
    """Whether the path, as a run told it, is the manifest of the set."""
    return Path(manifest).is_file() and (shards / MANIFEST).samefile(manifest)
