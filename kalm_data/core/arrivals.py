"""What imports do with the rows of a source, and with documents that may be there already."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, TypeVar

from kalm_data.core.errors import InputError
from kalm_data.core.pool import most_protected
from kalm_data.core.records import Document, Split, TaskRow
from kalm_data.core.rows import BadRow, Source, refused, row_error

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.config.imports import ImportSettings
    from kalm_data.core.document_rows import DocumentRow
    from kalm_data.core.drawn_splits import DrawnShare
    from kalm_data.core.protocols import Run
    from kalm_data.core.rows import Raw
    from kalm_data.core.tasks import Task

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")

Content = Literal["queries", "labels", "scored pairs"]
"""What a task is made of; a task has one of these."""

_COUNTED_AT_ONCE = 1000

_SURROUNDINGS = attrgetter(
    "title", "headings", "parent", "position", "date", "language", "licence", "metadata"
)
"""What makes the content of a document beside its text, alike in a row and in a revision."""


@dataclass(slots=True)
class _Tally:
    """Plans rows and rejects the bad ones as they are read: an import that fails keeps them."""

    run: Run
    planned: int = 0
    bad: list[BadRow] = field(default_factory=list)

    def count(self, row: object) -> None:
        self.planned += 1
        if isinstance(row, BadRow):
            self.bad.append(row)
        if self.planned == _COUNTED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        planned, bad = self.planned, self.bad
        self.planned, self.bad = 0, []
        self.run.plan(planned)
        reject_rows(self.run, bad)


def read_all(
    run: Run, source: Source, rows: Iterable[T | BadRow], *, fail: bool
) -> tuple[list[T], list[BadRow]]:
    """The good rows and the bad ones, each planned as one unit; `fail` raises the first bad one.

    The bad ones are rejected here, so that what came before a damaged place is not lost.
    """
    good: list[T] = []
    bad: list[BadRow] = []
    tally = _Tally(run)
    try:
        for row in rows:
            if not isinstance(row, BadRow):
                good.append(row)
            elif fail:
                raise row.error
            else:
                bad.append(row)
            tally.count(row)
    finally:
        tally.flush()
    if not good and not bad:
        message = f"{source.name}: no rows in it. Name a source that holds some."
        raise InputError(message)
    return good, bad


def read_good(
    run: Run,
    sources: Sequence[Source],
    read: Callable[[Iterable[Raw]], Iterable[T | BadRow]],
    config: ImportSettings,
) -> tuple[list[T], list[BadRow]]:
    """The good rows of all sources and the bad ones, as `read_all` has them."""
    good: list[T] = []
    bad: list[BadRow] = []
    for source in sources:
        found = read_all(run, source, read(source.rows), fail=config.on_error == "fail")
        good += found[0]
        bad += found[1]
    return good, bad


def raise_first(bad: Sequence[BadRow], config: ImportSettings) -> None:
    """Raise what is wrong with the first row by place, where the user wants to stop there."""
    if bad and config.on_error == "fail":
        raise min(bad, key=lambda row: (row.source, row.line)).error


def refuse_other_content(task: str, held: Content | None, brought: Content) -> None:
    """InputError where the task is made of something else."""
    if held not in (None, brought):
        kind = "pairs" if brought == "queries" else brought
        message = f"task {task}: it has {held}. Give the {kind} a task of their own with --task."
        raise InputError(message)


def announce(run: Run, sources: Sequence[Source]) -> None:
    """Record what is read, and tell what is left aside."""
    for source in sources:
        run.record_input(source.name, source.fingerprint)
        for note in source.notes:
            run.warn(note)


def without_repeats(rows: Iterable[DocumentRow]) -> tuple[list[DocumentRow], list[BadRow]]:
    """Each id once, as it came first; another content under its id is turned away."""
    first: dict[str, DocumentRow] = {}
    bad = []
    for row in rows:
        before = first.setdefault(row.doc_id, row)
        if _content(before) != _content(row):
            place = f"{before.source}:{before.line}" if before.line else before.source
            problem = f'id "{row.doc_id}" has another content at {place}. Give it its own id.'
            error = row_error(row.source, row.line, "duplicate_id", problem)
            bad.append(refused(row.source, row.line, error, row.text.text, row.doc_id))
    return list(first.values()), bad


def is_held(row: DocumentRow, held: Document | None) -> bool:
    """Whether the collection has the document just so; its source file may have moved."""
    if held is None or held.retired:
        return False
    return _content(row) == (held.text_hash, *_SURROUNDINGS(held))


def document_revision(
    row: DocumentRow, collection: str, held: Document | None, split: Split, run_id: str
) -> Document:
    """The next revision of the document, the first one where none is held."""
    return Document(
        collection=collection,
        doc_id=row.doc_id,
        revision=held.revision + 1 if held else 1,
        text_hash=row.text.text_hash,
        title=row.title,
        headings=row.headings,
        parent=row.parent,
        position=row.position,
        date=row.date,
        language=row.language,
        licence=row.licence,
        source=row.source,
        metadata=row.metadata,
        split=split,
        retired=False,
        run_id=run_id,
    )


def sibling_ties(
    held: Iterable[Document], rows: Iterable[DocumentRow]
) -> Iterator[tuple[str, str]]:
    """Pairs of text hashes that tie the parts of each parent together, within one collection."""
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for document in held:
        parts[document.parent].append(document.text_hash)
    for row in rows:
        parts[row.parent].append(row.text.text_hash)
    for parent, texts in parts.items():
        if parent:
            yield from ((texts[0], other) for other in texts[1:])


def given_splits(said: Iterable[tuple[K, Split | None]]) -> dict[K, Split]:
    """The split given to each text hash or pair, the most protected one where several are."""
    given: dict[K, Split] = {}
    for name, split in said:
        if split:
            given[name] = most_protected([split, given.get(name, split)])
    return given


def count_splits(splits: Iterable[Split]) -> dict[str, int]:
    return dict(sorted(Counter(splits).items()))


def warn_of_no_training(run: Run, what: str) -> None:
    run.warn(
        f"none of the task's {what} is for training, by the source's split. In a new workspace, "
        "--as draw draws train, dev and test"
    )


def warn_of_cut_groups(run: Run, count: int) -> None:
    if count:
        run.warn(
            f"{count} groups of near-duplicates or siblings lie in more than one split: the splits "
            "given by the source, or by an earlier import, cut through them"
        )


def warn_of_shares(run: Run, shares: Iterable[DrawnShare]) -> None:
    """Tell of a split that has far less than was asked for."""
    for share in shares:
        if share.is_far_less:
            run.warn(f'{share}. Name splits in a column "split", or with --as')


def target_collection(task: Task, named: str) -> str:
    """Where the documents of an import go: as named, else the task's first collection."""
    return named or task.pool[0]


def task_revision(
    task: Task, collection: str, held: TaskRow | None, run_id: str
) -> tuple[Task, list[TaskRow]]:
    """The task with the collection in its pool, and its row where the workspace lacks that."""
    if collection not in task.pool:
        others = task.pool if held or task.collections else ()
        task = task.model_copy(update={"collections": (*others, collection)})
    definition = task.model_dump_json()
    if held and held.definition == definition:
        return task, []
    return task, [TaskRow(task.name, held.revision + 1 if held else 1, definition, run_id)]


def reject_rows(run: Run, bad: Sequence[BadRow]) -> None:
    run.reject([row.as_reject(run.run_id) for row in bad])


def reject_parts(run: Run, flaws: Sequence[BadRow]) -> dict[str, int]:
    """Store what was left out of rows that are kept; parts are no units. Counts by reason."""
    run.append([flaw.as_reject(run.run_id, "import-part") for flaw in flaws])
    return dict(sorted(Counter(flaw.error.reason for flaw in flaws).items()))


def split_of(splits: Mapping[str, Split], held: Document | None, row: DocumentRow) -> Split:
    """A document whose text is as it was keeps its split."""
    if held and held.text_hash == row.text.text_hash:
        return held.split
    return splits[row.text.text_hash]


def _content(row: DocumentRow) -> tuple[object, ...]:
    return (row.text.text_hash, *_SURROUNDINGS(row))
