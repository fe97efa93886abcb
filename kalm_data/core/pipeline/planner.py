"""Which steps of a pipeline are due, and why."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.pipeline.commands import CHANGES_NOTHING
from kalm_data.core.pipeline.digests import ABSENT, code_fingerprint, content_of
from kalm_data.core.pipeline.fingerprint import Ingredients, differences
from kalm_data.core.pipeline.named_within import named_within
from kalm_data.core.pipeline.sent_files import sent_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from kalm_data.core.pipeline.file import Pipeline
    from kalm_data.core.pipeline.record import Done, Record
    from kalm_data.core.pipeline.sent_files import LanguagesOf
    from kalm_data.core.pipeline.step import Step

    class PastRun(Protocol):
        """A run of the workspace."""

        @property
        def sequence(self) -> int: ...
        @property
        def run_id(self) -> str: ...
        @property
        def command(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a step is due. `maybe`: it depends on what steps before it will have written."""

    due: bool
    why: tuple[str, ...]
    made_from: Ingredients
    maybe: bool = False


class Planner:
    """Judges the steps of a pipeline in their order. `languages` looks at the workspace as it is
    when a step is judged.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        record: Record,
        runs: Sequence[PastRun],
        languages: LanguagesOf,
    ) -> None:
        self._pipeline, self._record, self._languages = pipeline, record, languages
        self._others = [
            run
            for run in runs
            if run.sequence not in record.runs
            and not is_of(run, record.begun)
            and run.command != "run"
        ]
        self._changed_by: dict[str, str] = {}  # step → fingerprint, of those that change things
        self._pending: dict[str, str] = {}  # output → the step that is to write it
        self._uncertain: set[str] = set()
        self._made: dict[str, float] = {}  # step → its latest run, of those that are runs

    def leave_out(self, step: Step) -> None:
        """Take an earlier step as it is. Raises InputError where it was never done."""
        done = self._record.steps.get(step.name)
        if done is None:
            message = f"step {step.name} has not run yet, so it cannot be left out. Drop --from."
            raise InputError(f"{self._pipeline.file}:{step.line}: {message}")
        if step.command.changes:
            self._changed_by[step.name] = done.made_from.fingerprint
        self._note_run(step, done.sequence)

    def judge(self, step: Step) -> Verdict:
        """Raises InputError where an input cannot be read."""
        made_from = self._ingredients(step)
        done = self._record.steps.get(step.name)
        if step.command.changes:
            self._changed_by[step.name] = made_from.fingerprint
        if done is None:
            return Verdict(True, ("has not run yet",), made_from)
        certain = list(self._reasons(step, done, made_from))
        self._note_run(step, done.sequence)
        if certain:
            return Verdict(True, tuple(certain), made_from)
        waits = tuple(f"depends on what {name} writes" for name in self._waits_for(step))
        return Verdict(bool(waits), waits, made_from, maybe=bool(waits))

    def expect(self, step: Step, verdict: Verdict) -> None:
        """The step would run: what it would write is not known yet."""
        if step.output is not None:
            self._pending[os.path.normpath(step.output)] = step.name
        if verdict.maybe:
            self._uncertain.add(step.name)
        else:
            self.begin(step)

    def begin(self, step: Step) -> None:
        """The step runs, or would."""
        self._note_run(step, math.inf)

    def _note_run(self, step: Step, sequence: float) -> None:
        if step.command.is_run:
            self._made[step.name] = sequence

    def _reasons(self, step: Step, done: Done, now: Ingredients) -> Iterator[str]:
        known, before = self._known(now), self._known(done.made_from)
        if before.fingerprint != known.fingerprint:
            yield from differences(before, known)
        yield from self._later_runs(step, done)
        if (told := self._output_words(step, done)) is not None:
            yield told

    def _later_runs(self, step: Step, done: Done) -> Iterator[str]:
        """Runs since, which it would have seen."""
        for run in self._others:
            if run.sequence <= done.sequence:
                continue
            if step.reads and run.command not in CHANGES_NOTHING:
                yield f"run {run.run_id} changed the workspace since"
            elif step.command.shows_runs:
                yield f"run {run.run_id} came since"
        if step.command.shows_runs:
            later = [name for name, sequence in self._made.items() if sequence > done.sequence]
            if later:
                yield f"shows {', '.join(later)}"

    def _known(self, made_from: Ingredients) -> Ingredients:
        """Without what steps before it are still to write."""
        return replace(
            made_from,
            inputs={
                path: told
                for path, told in made_from.inputs.items()
                if os.path.normpath(path) not in self._pending
            },
            after={
                name: told for name, told in made_from.after.items() if name not in self._uncertain
            },
        )

    def _output_words(self, step: Step, done: Done) -> str | None:
        if step.output is None:
            return None
        found = self.output_digest(step)
        if found == done.output:
            return None
        return f"{step.output} is {'missing' if found == ABSENT else 'not what the step wrote'}"

    def output_digest(self, step: Step) -> str:
        """Digest of what the step wrote; empty where it writes nothing."""
        if step.output is None:
            return ""
        return content_of(self._pipeline.file.parent / step.output).digest

    def _waits_for(self, step: Step) -> Iterator[str]:
        for path in self._inputs(step):
            if (name := self._pending.get(os.path.normpath(path))) is not None:
                yield name
        read = self._made if step.command.shows_runs else self._changed_by if step.reads else {}
        yield from (name for name in read if name in self._uncertain)

    def _ingredients(self, step: Step) -> Ingredients:
        folder = self._pipeline.file.parent
        contents = {path: content_of(folder / path) for path in self._inputs(step)}
        sent = sent_files(step, self._pipeline.places, self._languages)
        contents |= {name: content_of(file) for name, file in sent.items()}
        after = dict(self._changed_by) if step.reads else {}
        return Ingredients(
            step.command.name,
            code_fingerprint(),
            {name: _shown(value) for name, value in step.resolved().items()},
            {path: content.digest for path, content in contents.items()},
            {path: dict(content.files) for path, content in contents.items() if content.files},
            {name: told for name, told in after.items() if name != step.name},
        )

    def _inputs(self, step: Step) -> Iterator[str]:
        """As the file has them, and what files that the step names have in turn."""
        yield from step.inputs(self._pipeline.places)
        yield from named_within(step, self._pipeline.places)


def is_of(run: PastRun, begun: tuple[int, str] | None) -> bool:
    """Whether a run is one of the step that was begun last."""
    if begun is None or run.sequence <= begun[0]:
        return False
    is_import = begun[1].startswith("import ") and run.command.startswith("import-")
    return is_import or run.command == begun[1]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
