"""Export: the rows of a shard set as other trainers read them, block by block."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.errors import InputError
from kalm_data.core.exports.card import write_rows_card
from kalm_data.core.exports.forms import JSON_FORMATS, Form, file_names
from kalm_data.core.exports.losses import count_losses, tell_losses
from kalm_data.core.exports.manifest import (
    EXPORT,
    SCHEMA_VERSION,
    ExportedTask,
    ExportManifest,
    write_export_manifest,
)
from kalm_data.core.exports.places import refuse_overlap, refuse_own_names
from kalm_data.core.exports.result import ExportResult
from kalm_data.core.folders import published
from kalm_data.core.manifest import describe_file
from kalm_data.core.records import Reject
from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kalm_data.core.config.export import ExportConfig
    from kalm_data.core.exports.forms import Key, LineFile
    from kalm_data.core.exports.rows import ShardRow, Survey
    from kalm_data.core.manifest import Manifest, ShardFile, ShardTask
    from kalm_data.core.protocols import Run

_REMEDY = {
    "no_negative": "Mine negatives and build the set again, or write --format pairs.",
    "too_few_negatives": "Ask for fewer with --negatives, or write --format triplet.",
}


class RowFiles(Protocol):
    """The files of a shard set, and those of an export."""

    def count_rows(self, file: Path) -> int:
        """The rows of a shard. Raises InputError where it is none."""
        ...

    def survey(self, files: Sequence[Path]) -> Survey: ...

    def read(self, file: Path) -> Iterator[list[ShardRow]]:
        """The rows in order, a block at a time."""
        ...

    def create(self, file: Path, form: Form) -> LineFile: ...


def export_rows(
    files: RowFiles, run: Run, shards: Path, tasks: Sequence[str], out: Path, config: ExportConfig
) -> ExportResult:
    """Write the rows of the named tasks of a set, of all if none is named; one unit a row.

    `out` appears whole, in the place of an older export, or stays as it is. Raises InputError where
    the set is not what its manifest says, or no row can be written. Reasons of rejects:
    `no_negative`, `too_few_negatives` (of an n-tuple).
    """
    refuse_overlap(out, shards)
    with published(out, EXPORT) as folder:
        manifest = verify_set(shards, files.count_rows)
        run.record_input("shards", manifest.fingerprint)
        chosen = _choose(shards, manifest, tasks)
        refuse_own_names(entry.task.name for entry in chosen)
        run.plan(sum(entry.rows for entry in chosen))
        forms = _forms(files, shards, chosen, config)
        writer = _Writer(files, run, folder, config)
        writer.losses += _left_in_set(chosen)
        entries = [
            writer.write(shards, entry, forms[entry.task.name], manifest.fingerprint)
            for entry in chosen
        ]
        if not any(entry.rows for entry in entries):
            raise InputError(_nothing_left(out, writer.refused))
        exported = ExportManifest(
            schema_version=SCHEMA_VERSION,
            format=config.format,
            settings={
                "titles": config.titles,
                "negatives": {name: form.negatives for name, form in forms.items()},
            },
            tasks=tuple(entries),
            not_carried=dict(sorted(writer.losses.items())),
            versions={"kalm-data": __version__},
        )
        write_export_manifest(folder, exported)
        write_rows_card(folder, exported, {entry.task.name: entry.task for entry in chosen})
    for sentence in tell_losses(writer.losses):
        run.warn(f"{config.format}: {sentence}")
    return ExportResult.of(exported, out)


class _Writer:
    """Writes task after task; `losses` and `refused` count, by word, over all of them."""

    def __init__(self, files: RowFiles, run: Run, folder: Path, config: ExportConfig) -> None:
        self.losses: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._files, self._run, self._folder, self._config = files, run, folder, config

    def write(self, shards: Path, entry: ShardTask, form: Form, source: str) -> ExportedTask:
        name, kept = entry.task.name, 0
        described: list[ShardFile] = []
        targets = file_names(form, name, len(entry.files), in_batch=entry.task.in_batch)
        parts = zip(targets, entry.files, strict=True)
        for target, of_target in groupby(parts, key=lambda part: part[0]):
            file = self._files.create(self._folder / target, form)
            try:
                kept += sum(self._copy(shards / part.path, file, form) for _, part in of_target)
            finally:
                file.close()
            if file.lines:
                described.append(describe_file(self._folder, target, file.lines))
        lines = sum(file.rows for file in described)
        return ExportedTask(
            task=name, rows=kept, lines=lines, documents=0, source=source, files=tuple(described)
        )

    def _copy(self, part: Path, file: LineFile, form: Form) -> int:
        """The rows of one part that were written."""
        kept = 0
        for block in self._files.read(part):
            fit = [row for row in block if not form.refusal(row)]
            self._reject([row for row in block if form.refusal(row)], form)
            written = [row.with_titles() for row in fit] if self._config.titles else fit
            for row in written:
                self.losses += count_losses(row, form)
            file.write([line for row in written for line in form.lines(row)])
            self._run.keep(len(fit))
            kept += len(fit)
        return kept

    def _reject(self, rows: Sequence[ShardRow], form: Form) -> None:
        self.refused.update(form.refusal(row) for row in rows)
        self._run.reject(
            [
                Reject(
                    self._run.run_id, "export", form.refusal(row), row.example_id,
                    json.dumps({"negatives": len(row.neg)}), "", 0, row.query,
                )
                for row in rows
            ]
        )  # fmt: skip


def _choose(shards: Path, manifest: Manifest, tasks: Sequence[str]) -> list[ShardTask]:
    """In order of name. Raises InputError where a named task is not in the set."""
    known = {entry.task.name: entry for entry in manifest.tasks}
    for name in tasks:
        if name not in known:
            message = f"{shards}: no task {name} in the set. It holds {', '.join(known)}."
            raise InputError(message)
    return [entry for name, entry in known.items() if not tasks or name in tasks]


def _left_in_set(chosen: Sequence[ShardTask]) -> Counter[str]:
    """What a set holds beside the rows to train on, by word."""
    dev = sum(file.rows for entry in chosen for file in entry.dev)
    scored = sum(file.rows for entry in chosen for file in (*entry.scored, *entry.dev_scored))
    return Counter({"dev_rows": dev, "scored_pairs": scored})


def _forms(
    files: RowFiles, shards: Path, chosen: Sequence[ShardTask], config: ExportConfig
) -> dict[str, Form]:
    """How each task is written.

    FlagEmbedding puts the word None in front of the queries of a task without prompts where another
    one has some: so all have them, or none.
    """
    surveys = {
        entry.task.name: files.survey([shards / file.path for file in entry.files])
        for entry in chosen
    }
    instructed = any(survey.instructed for survey in surveys.values())
    return {
        name: Form(config.row_format, *_shape(survey, instructed, config))
        for name, survey in surveys.items()
    }


def _shape(survey: Survey, instructed: bool, config: ExportConfig) -> tuple[int, frozenset[Key]]:
    """(negatives of an n-tuple, keys of JSON lines)."""
    if config.format == "n-tuple":
        return config.negatives or survey.commonest_negatives or 1, frozenset()
    if config.format not in JSON_FORMATS:
        return 0, frozenset()
    flag = config.format == "flagembedding"
    keys: dict[Key, bool] = {
        "titles": survey.titled and not config.titles,
        "scores": flag and survey.scored,
        "instruction": flag and instructed,
        "language": survey.in_language,
    }
    return 0, frozenset(key for key, is_there in keys.items() if is_there)


def _nothing_left(out: Path, refused: Counter[str]) -> str:
    if not refused:
        return f"{out}: the set has no rows of these tasks. Name others with --task."
    (word, count), *_ = refused.most_common()
    return f"{out}: no row is left to write: {word} {count}. {_REMEDY[word]}"
