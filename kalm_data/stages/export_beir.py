"""Export: a task's pool and judged queries in BEIR's format."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.errors import InputError
from kalm_data.core.exports.beir import (
    QRELS,
    corpus_lines,
    count_losses,
    document_ids,
    qrels_lines,
    query_lines,
    refusal,
    tell_losses,
)
from kalm_data.core.exports.card import write_beir_card
from kalm_data.core.exports.manifest import (
    EXPORT,
    SCHEMA_VERSION,
    ExportedTask,
    ExportManifest,
    write_export_manifest,
)
from kalm_data.core.exports.result import ExportResult
from kalm_data.core.folders import published
from kalm_data.core.manifest import describe_file
from kalm_data.core.records import SPLITS, Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.export import ExportConfig
    from kalm_data.core.exports.beir import AskedQuery, Line
    from kalm_data.core.manifest import ShardFile
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Split
    from kalm_data.core.tasks import Task


class JudgedStore(Protocol):
    """What is read of the workspace."""

    def pool(self, task: Task) -> Pool: ...

    def document_names(self, task: Task) -> dict[str, str]:
        """Document id → text hash, in the task's collections; ids of several texts are missing."""
        ...

    def asked_queries(self, task: str, splits: Sequence[Split]) -> list[AskedQuery]:
        """The examples of the splits, in order of id, with the judgements that no rule dropped."""
        ...


class TextFiles(Protocol):
    """Writes whole files; each call returns how many lines were written."""

    def write_json(self, file: Path, lines: Iterable[Line]) -> int: ...

    def write_tsv(self, file: Path, names: Sequence[str], lines: Iterable[Line]) -> int:
        """Below a line of the names."""
        ...


def export_beir(
    store: JudgedStore, files: TextFiles, run: Run, tasks: Sequence[Task], out: Path,
    config: ExportConfig,
) -> ExportResult:  # fmt: skip
    """Write corpus, queries and qrels of each task; one unit a query.

    A task alone stands in `out` itself, several in a folder each. `out` appears whole, in the place
    of an older export, or stays as it is. Raises InputError for a task of labels, or without a
    query to judge by. Reasons of rejects: `no_positive` (nobody answered it, or filters dropped all
    that did), `gold_not_in_pool`.
    """
    with published(out, EXPORT) as folder:
        losses: Counter[str] = Counter()
        entries = [
            _write_task(store, files, run, task, folder, f"{task.name}/" * (len(tasks) > 1),
                        config.split or SPLITS, losses)
            for task in sorted(tasks, key=lambda task: task.name)
        ]  # fmt: skip
        exported = ExportManifest(
            schema_version=SCHEMA_VERSION,
            format=config.format,
            settings={"splits": list(config.split or SPLITS)},
            tasks=tuple(entries),
            not_carried={word: count for word, count in sorted(losses.items()) if count},
            versions={"kalm-data": __version__},
        )
        write_export_manifest(folder, exported)
    for sentence in tell_losses(losses):
        run.warn(f"{config.format}: {sentence}")
    return ExportResult.of(exported, out)


def _write_task(
    store: JudgedStore,
    files: TextFiles,
    run: Run,
    task: Task,
    folder: Path,
    below: str,
    splits: Sequence[Split],
    losses: Counter[str],
) -> ExportedTask:
    """below: the task's folder in `folder`, empty or with a slash at its end."""
    if not task.is_ranked:
        message = (
            f"task {task.name}: it has labels, and no documents to search. Write its rows from a "
            "shard set, with another --format."
        )
        raise InputError(message)
    pool, names = store.pool(task), store.document_names(task)
    run.record_input(f"pool of {task.name}", pool.fingerprint)
    ids = document_ids(pool, names)
    asked = _fit(run, task, store.asked_queries(task.name, splits), ids)
    losses += count_losses(pool, asked, ids, names)
    (folder / below).mkdir(exist_ok=True)
    written = {
        "corpus.jsonl": files.write_json(folder / below / "corpus.jsonl", corpus_lines(pool, ids)),
        "queries.jsonl": files.write_json(
            folder / below / "queries.jsonl", query_lines(asked, task.instruction)
        ),
    }
    filled = [split for split in SPLITS if any(one.split == split for one in asked)]
    for split in filled:
        of_split = list(qrels_lines([one for one in asked if one.split == split], ids))
        place = folder / below / "qrels" / split
        written[f"qrels/{split}.tsv"] = files.write_tsv(place.with_suffix(".tsv"), QRELS, of_split)
        written[f"qrels/{split}.jsonl"] = files.write_json(place.with_suffix(".jsonl"), of_split)
    write_beir_card(folder / below, filled, __version__, len(pool), len(asked))
    run.keep(len(asked))
    return ExportedTask(
        task=task.name,
        rows=len(asked),
        lines=sum(written.values()),
        documents=len(pool),
        source=pool.fingerprint,
        files=_described(folder, below, written),
    )


def _fit(
    run: Run, task: Task, asked: Sequence[AskedQuery], ids: Mapping[str, str]
) -> list[AskedQuery]:
    """The queries that can be judged by; counts the others. Raises InputError where none can."""
    run.plan(len(asked))
    refused = [(one, refusal(one, ids)) for one in asked]
    run.reject(
        [
            Reject(
                run.run_id, "export", reason, one.example_id,
                json.dumps({"positives": len(one.positives)}), one.source, one.line, one.query,
            )
            for one, reason in refused
            if reason
        ]
    )  # fmt: skip
    fit = [one for one, reason in refused if not reason]
    if not fit:
        counts = Counter(reason for _, reason in refused)
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
        message = f"task {task.name}: no query to write ({told or 'none in these splits'})."
        raise InputError(f"{message} Import pairs, or name another --split or --task.")
    return fit


def _described(folder: Path, below: str, written: Mapping[str, int]) -> tuple[ShardFile, ...]:
    return tuple(describe_file(folder, below + name, written[name]) for name in sorted(written))
