"""Export: a task's pool and judged queries in BEIR's format."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data import __version__
from kalm_data.core.errors import InputError
from kalm_data.core.exports.beir import (
    LOSSES,
    QRELS,
    corpus_lines,
    count_losses,
    document_ids,
    qrels_lines,
    query_lines,
    refusal,
    with_stand_ins,
)
from kalm_data.core.exports.card import write_beir_card
from kalm_data.core.exports.losses import tell_losses
from kalm_data.core.exports.manifest import (
    EXPORT,
    SCHEMA_VERSION,
    ExportedTask,
    ExportManifest,
    write_export_manifest,
)
from kalm_data.core.exports.places import refuse_own_names
from kalm_data.core.exports.result import ExportResult
from kalm_data.core.folders import published
from kalm_data.core.manifest import describe_file
from kalm_data.core.records import SPLITS, Reject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from kalm_data.core.config.export import ExportConfig
    from kalm_data.core.exports.beir import AskedQuery
    from kalm_data.core.exports.forms import Line
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

    A task alone stands in `out` itself, several in a folder each; one of several that has no query
    to judge by is left out, and told. `out` appears whole, in the place of an older export, or
    stays as it is. Raises InputError for a task of labels, or where no query is left. Reasons of
    rejects: `no_positive` (nobody answered it, or filters dropped all that did) and
    `gold_not_in_pool`.
    """
    splits = config.split or SPLITS
    refuse_own_names(task.name for task in tasks)
    with published(out, EXPORT) as folder:
        losses: Counter[str] = Counter()
        entries = []
        for task in sorted(tasks, key=lambda task: task.name):
            below = f"{task.name}/" if len(tasks) > 1 else ""
            asked = _Asked.of(store, run, task, splits)
            if asked.fit:
                losses += count_losses(asked.pool, asked.fit, asked.ids, asked.names)
                losses["stand_ins"] += asked.stand_ins
                entries.append(_write_task(files, asked, folder, below))
                run.keep(len(asked.fit))
            else:
                run.warn(f"{asked.nothing}; it is left out")
        if not entries:
            message = f"{out}: no query to write. Import pairs, or name another --split or --task."
            raise InputError(message)
        exported = ExportManifest(
            schema_version=SCHEMA_VERSION,
            format=config.format,
            settings={"splits": list(splits)},
            tasks=tuple(entries),
            not_carried=dict(sorted(losses.items())),
            versions={"kalm-data": __version__},
        )
        write_export_manifest(folder, exported)
    for sentence in tell_losses(losses, LOSSES):
        run.warn(f"{config.format}: {sentence}")
    return ExportResult.of(exported, out)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A task's pool with the names of its documents, and its queries that can be judged by.

    `ids`: text hash → id in the corpus. `names`: id → text hash. `stand_ins` counts the queries
    that near-duplicates of their positives answer, `refused` those left out, by reason.
    """

    task: Task
    pool: Pool
    names: Mapping[str, str]
    ids: Mapping[str, str]
    fit: Sequence[AskedQuery]
    stand_ins: int
    refused: Mapping[str, int]

    @classmethod
    def of(cls, store: JudgedStore, run: Run, task: Task, splits: Sequence[Split]) -> _Asked:
        """Counts the queries of the splits that cannot be judged by as rejects."""
        if not task.is_ranked:
            message = (
                f"task {task.name}: it has labels, and no documents to search. Write its rows from "
                "a shard set, with another --format."
            )
            raise InputError(message)
        pool, names = store.pool(task), store.document_names(task)
        run.record_input(f"pool of {task.name}", pool.fingerprint)
        ids = document_ids(pool, names)
        told = store.asked_queries(task.name, splits)
        asked = [one if _stands(one, ids) else with_stand_ins(one, pool) for one in told]
        run.plan(len(asked))
        reasons = [refusal(one, ids) for one in asked]
        run.reject(
            [
                _reject(run, one, reason)
                for one, reason in zip(asked, reasons, strict=True)
                if reason
            ]
        )
        fit = [one for one, reason in zip(asked, reasons, strict=True) if not reason]
        stand_ins = sum(
            not reason and not _stands(one, ids) for one, reason in zip(told, reasons, strict=True)
        )
        return cls(task, pool, names, ids, fit, stand_ins, Counter(filter(None, reasons)))

    @property
    def nothing(self) -> str:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(self.refused.items()))
        return f"task {self.task.name}: no query to write ({counts or 'none in these splits'})"


def _stands(one: AskedQuery, ids: Mapping[str, str]) -> bool:
    return any(text_hash in ids for text_hash in one.positives)


def _reject(run: Run, one: AskedQuery, reason: str) -> Reject:
    numbers = json.dumps({"positives": len(one.positives)})
    return Reject(
        run.run_id, "export", reason, one.example_id, numbers, one.source, one.line, one.query
    )


def _write_task(files: TextFiles, asked: _Asked, folder: Path, below: str) -> ExportedTask:
    """below: the task's folder in `folder`, empty or with a slash at its end."""
    place, ids, task = folder / below, asked.ids, asked.task
    place.mkdir(exist_ok=True)
    corpus, queries = corpus_lines(asked.pool, ids), query_lines(asked.fit, task.instruction)
    written = {
        "corpus.jsonl": files.write_json(place / "corpus.jsonl", corpus),
        "queries.jsonl": files.write_json(place / "queries.jsonl", queries),
    }
    filled = [split for split in SPLITS if any(one.split == split for one in asked.fit)]
    for split in filled:
        judged = list(qrels_lines([one for one in asked.fit if one.split == split], ids))
        tsv, again = f"qrels/{split}.tsv", f"qrels/{split}.jsonl"
        written[tsv] = files.write_tsv(place / tsv, QRELS, judged)
        written[again] = files.write_json(place / again, judged)
    write_beir_card(place, filled, __version__, len(asked.pool), len(asked.fit))
    return ExportedTask(
        task=task.name,
        rows=len(asked.fit),
        lines=sum(written.values()),
        documents=len(asked.pool),
        source=asked.pool.fingerprint,
        files=tuple(describe_file(folder, below + name, written[name]) for name in sorted(written)),
    )
