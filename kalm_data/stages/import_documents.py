"""import documents: new and changed documents become revisions, with their splits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.arrivals import (
    announce,
    count_splits,
    document_revision,
    given_splits,
    is_held,
    read_all,
    reject_rows,
    sibling_ties,
    split_of,
    target_collection,
    task_revision,
    warn_of_cut_groups,
    warn_of_shares,
    without_repeats,
)
from kalm_data.core.chunks import Budget
from kalm_data.core.document_rows import read_documents
from kalm_data.core.drawn_splits import Fractions
from kalm_data.core.errors import InputError
from kalm_data.core.splits import KnownTexts, plan_splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.config.imports import ImportDocumentsConfig
    from kalm_data.core.document_rows import DocumentRow
    from kalm_data.core.protocols import Run, Tokenizer
    from kalm_data.core.records import Document, TaskRow
    from kalm_data.core.rows import BadRow, Source
    from kalm_data.core.splits import SplitPlan
    from kalm_data.core.tasks import Task


class ImportDocumentsStore(Protocol):
    """What the workspace tells about documents."""

    def task(self, name: str) -> TaskRow | None: ...

    def latest_documents(self, collections: Sequence[str]) -> list[Document]:
        """The highest revision of each document, tombstones too, in order of collection and id."""
        ...

    def known_texts(self) -> KnownTexts: ...

    def ids_of_pairs(self, collection: str) -> frozenset[str]:
        """Documents that came with pairs, which no source of documents lists."""
        ...


@dataclass(frozen=True, slots=True)
class ImportDocumentsResult:
    """Documents by what became of them; `splits` counts the new and changed ones."""

    collection: str
    new: int
    changed: int
    unchanged: int
    retired: int
    splits: Mapping[str, int]
    near_duplicates: int
    cut_groups: int


def import_documents(
    store: ImportDocumentsStore,
    run: Run,
    sources: Sequence[Source],
    task: Task,
    config: ImportDocumentsConfig,
    tokenizer: Tokenizer,
) -> ImportDocumentsResult:
    """Bring the documents of the sources into one collection of the task's pool.

    A unit is a row, or a chunk of a text file. An id that comes again with the same content is
    kept and changes nothing; with another content it is a new revision.
    """
    announce(run, sources)
    rows, bad, kept = _read(run, sources, config, Budget(tokenizer, config.max_tokens))
    collection = target_collection(task, config.collection)
    held = {document.doc_id: document for document in store.latest_documents([collection])}
    arrivals = [row for row in rows if not is_held(row, held.get(row.doc_id))]
    plan = _plan(store, arrivals, rows, held, config)
    documents = [
        document_revision(
            row, collection, held.get(row.doc_id), split_of(plan.splits, held.get(row.doc_id), row),
            run.run_id,
        )
        for row in arrivals
    ]  # fmt: skip
    retired = _retired(store, run, collection, held, rows, bad) if config.sync else []
    _, task_rows = task_revision(task, collection, store.task(task.name), run.run_id)
    texts = {row.text.text_hash: row.text for row in arrivals}
    run.append([*task_rows, *texts.values(), *documents, *retired, *plan.near_duplicates])
    run.keep(kept)
    warn_of_cut_groups(run, plan.cut_groups)
    warn_of_shares(run, plan.shares)
    changed = sum(document.revision > 1 for document in documents)
    return ImportDocumentsResult(
        collection=collection,
        new=len(documents) - changed,
        changed=changed,
        unchanged=kept - len(documents),
        retired=len(retired),
        splits=count_splits(document.split for document in documents),
        near_duplicates=len(plan.near_duplicates),
        cut_groups=plan.cut_groups,
    )


def _read(
    run: Run, sources: Sequence[Source], config: ImportDocumentsConfig, budget: Budget
) -> tuple[list[DocumentRow], list[BadRow], int]:
    """(documents, each id once; rows rejected; rows kept, repeats of a document included)."""
    fail = config.on_error == "fail"
    rows: list[DocumentRow] = []
    bad: list[BadRow] = []
    for source in sources:
        documents = read_documents(source.rows, config, budget)
        good, unreadable = read_all(run, source, documents, fail=fail)
        rows += good
        bad += unreadable
    distinct, contradicting = without_repeats(rows)
    if contradicting and fail:
        raise contradicting[0].error
    reject_rows(run, contradicting)
    return distinct, bad + contradicting, len(rows) - len(contradicting)


def _plan(
    store: ImportDocumentsStore,
    arrivals: Sequence[DocumentRow],
    rows: Sequence[DocumentRow],
    held: Mapping[str, Document],
    config: ImportDocumentsConfig,
) -> SplitPlan:
    """Splits for what arrives, to join what stays; a changed document is tied to what it was."""
    fractions = Fractions.of(config)
    if not arrivals:
        return plan_splits([], {}, [], KnownTexts(), fractions)
    revised = (
        (held[row.doc_id].text_hash, row.text.text_hash) for row in arrivals if row.doc_id in held
    )
    return plan_splits(
        [row.text for row in arrivals],
        given_splits((row.text.text_hash, row.split) for row in arrivals),
        chain(sibling_ties(held.values(), rows), revised),
        store.known_texts(),
        fractions,
        _staying(held, arrivals),
    )


def _staying(held: Mapping[str, Document], arrivals: Sequence[DocumentRow]) -> set[str]:
    """Text hashes of the current documents of the collection that no new revision replaces."""
    replaced = {row.doc_id for row in arrivals}
    return {
        document.text_hash
        for document in held.values()
        if not document.retired and document.doc_id not in replaced
    }


def _retired(
    store: ImportDocumentsStore,
    run: Run,
    collection: str,
    held: Mapping[str, Document],
    rows: Sequence[DocumentRow],
    bad: Sequence[BadRow],
) -> list[Document]:
    """Tombstones of what the sources no longer hold; a row turned away is not gone."""
    if not rows:
        message = f"--sync would retire all of {collection}: no row of the sources is good."
        raise InputError(f"{message} Mend them, or import without --sync.")
    stays = {row.doc_id for row in rows} | {row.key for row in bad} | store.ids_of_pairs(collection)
    return [
        replace(document, revision=document.revision + 1, retired=True, run_id=run.run_id)
        for document in held.values()
        if not document.retired and document.doc_id not in stays
    ]
