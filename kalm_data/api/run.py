"""The whole pipeline from one file; only what changed runs again."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kalm_data.core.config.run import RunConfig
from kalm_data.core.errors import InputError, Interrupted, KalmError
from kalm_data.core.pipeline.file import Pipeline, read_pipeline
from kalm_data.core.pipeline.planner import Planner, is_of
from kalm_data.core.pipeline.record import Done, Record, read_record, record_file, write_record
from kalm_data.core.pipeline.result import PipelineResult, StepReport
from kalm_data.core.records import Reject
from kalm_data.core.summary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from kalm_data.core.pipeline.planner import Verdict
    from kalm_data.core.pipeline.result import Action
    from kalm_data.core.pipeline.step import Step
    from kalm_data.core.summary import Progress
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.past_runs import LeftRun
    from kalm_data.workspace.runs import WorkspaceRun

__all__ = ["PipelineResult", "RunConfig", "StepReport", "plan_pipeline", "run_pipeline"]


def plan_pipeline(
    file: Path, config: RunConfig, *, workspace: Path | None = None
) -> PipelineResult:
    """What `run_pipeline` would do, and why; nothing is done."""
    pipeline = read_pipeline(file)
    planner = _Work(pipeline, workspace).planner
    reports = []
    for step in _chosen(pipeline, config, planner):
        verdict = planner.judge(step)
        if not verdict.due:
            reports.append(StepReport(step.name, step.command.name, "unchanged"))
            continue
        planner.expect(step, verdict)
        action: Action = "may run" if verdict.maybe else "would run"
        reports.append(StepReport(step.name, step.command.name, action, verdict.why))
    return PipelineResult(str(file), tuple(reports))


def run_pipeline(
    file: Path,
    config: RunConfig,
    *,
    workspace: Path | None = None,
    on_step: Callable[[StepReport], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[PipelineResult]:
    """Do the steps that are due, in their order; stop where a gate is missed.

    `workspace` takes the place of the file's. Every step is a run of the workspace, and so is the
    pipeline, whose configuration is the resolved file. An error names the step; what was done
    before it is done. Run again after a kill, it goes on where it was.
    """
    pipeline = read_pipeline(file)
    work = _Work(pipeline, workspace)
    reports: list[StepReport] = []
    chosen = _chosen(pipeline, config, work.planner)

    def note(report: StepReport) -> None:
        reports.append(report)
        if on_step:
            on_step(report)

    try:
        for step in chosen:
            note(work.do(step, on_progress))
            if reports[-1].missed:
                break
    except Interrupted as stopped:
        stopped.args = (f"{stopped} Finished steps of {file} stay: they are not done again.",)
        raise
    except KalmError as error:
        failed = chosen[len(reports)]
        error.args = (f"step {failed.name} ({file}:{failed.line}): {error}",)
        note(StepReport(failed.name, failed.command.name, "failed", (str(error),)))
        work.record_run(config, chosen, reports, error)
    return work.record_run(config, chosen, reports)


class _Work:
    """A pipeline on its workspace."""

    def __init__(self, pipeline: Pipeline, workspace: Path | None) -> None:
        from kalm_data.workspace.database import Database
        from kalm_data.workspace.past_runs import read_runs
        from kalm_data.workspace.pools import read_languages

        self._pipeline = pipeline
        self._folder = workspace or pipeline.file.parent / pipeline.workspace
        self._database = Database(self._folder)
        self._file = record_file(self._folder, pipeline.file)
        self._record = read_record(self._file)
        runs = read_runs(self._database)
        left = tuple(run.sequence for run in runs if is_of(run, self._record.begun))
        self._record = replace(self._record, runs=self._record.runs + left)
        languages = partial(read_languages, self._database)
        self.planner = Planner(pipeline, self._record, runs, languages)

    def do(self, step: Step, on_progress: Callable[[Progress], None] | None) -> StepReport:
        """Do the step if it is due."""
        from kalm_data.api.pipeline_steps import run_step

        verdict = self.planner.judge(step)
        if not verdict.due:
            return StepReport(step.name, step.command.name, "unchanged")
        before = self._begin(step)
        self.planner.begin(step)
        outcome = run_step(self._folder, step.located(self._pipeline.places), on_progress)
        self._end(step, verdict, before, missed=bool(outcome.missed))
        return StepReport(
            step.name, step.command.name, "ran", verdict.why, outcome.run, outcome.result,
            outcome.missed,
        )  # fmt: skip

    def _begin(self, step: Step) -> int:
        """Remember which runs were there; what comes now is the step's, also after a kill."""
        last = max((run.sequence for run in self._runs()), default=0)
        self._write(replace(self._record, begun=(last, step.command.name)))
        return last

    def _end(self, step: Step, verdict: Verdict, before: int, *, missed: bool) -> None:
        begun = before, step.command.name
        made = tuple(run.sequence for run in self._runs() if is_of(run, begun))
        record = replace(self._record, runs=self._record.runs + made)
        if not missed:
            output = self.planner.output_digest(step)
            last = max(made, default=before)
            record = record.with_done(step.name, Done(verdict.made_from, last, output))
        self._write(record)

    def record_run(
        self,
        config: RunConfig,
        chosen: Sequence[Step],
        reports: Sequence[StepReport],
        error: KalmError | None = None,
    ) -> Outcome[PipelineResult]:
        """Write down the run of the pipeline itself: the resolved file, and how far it came.

        Units are steps. Raises the error that ended it.
        """
        from kalm_data.api.execution import execute

        def stage(database: Database, run: WorkspaceRun) -> None:
            run.plan(len(chosen))
            done = [one for one in reports if one.action != "failed" and not one.missed]
            run.keep(len(done))
            for one in done:
                run.record_input(
                    f"step {one.name}", self._record.steps[one.name].made_from.fingerprint
                )
            if error is not None:
                raise error
            run.reject([
                Reject(run.run_id, "run", "not_reached" if place else "gate_missed", step.name,
                       "{}", str(self._pipeline.file), step.line, "")
                for place, step in enumerate(chosen[len(done) :])
            ])  # fmt: skip

        resolved = [
            {"name": step.name, "command": step.command.name, **step.resolved()}
            for step in self._pipeline.steps
        ]
        outcome = execute(
            self._folder, "run", config, {"file": self._pipeline.file, "step": resolved}, stage,
            creates=True,
        )  # fmt: skip
        missed = tuple(f"step {one.name}: {gate}" for one in reports for gate in one.missed)
        result = PipelineResult(str(self._pipeline.file), tuple(reports))
        return Outcome(outcome.run, result, missed)

    def _runs(self) -> Sequence[LeftRun]:
        from kalm_data.workspace.past_runs import read_runs

        return read_runs(self._database)

    def _write(self, record: Record) -> None:
        self._record = record
        write_record(self._file, record)


def _chosen(pipeline: Pipeline, config: RunConfig, planner: Planner) -> list[Step]:
    """The steps from --from until --until; those before are taken as they are."""
    names = [step.name for step in pipeline.steps]
    for name in filter(None, (config.from_step, config.until)):
        if name not in names:
            message = f"{pipeline.file}: no step {name}. Its steps: {', '.join(names)}."
            raise InputError(message)
    first = names.index(config.from_step) if config.from_step else 0
    last = names.index(config.until) if config.until else len(names) - 1
    if last < first:
        message = f"--from {config.from_step} comes after --until {config.until}. Swap them."
        raise InputError(message)
    for step in pipeline.steps[:first]:
        planner.leave_out(step)
    return list(pipeline.steps[first : last + 1])
