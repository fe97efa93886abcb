"""import pairs: queries become examples, and the texts that answer them documents."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.arrivals import (
    announce,
    count_splits,
    document_revision,
    given_splits,
    raise_first,
    read_all,
    refuse_other_content,
    reject_parts,
    reject_rows,
    target_collection,
    task_revision,
    warn_of_cut_groups,
    warn_of_shares,
    without_repeats,
)
from kalm_data.core.config.imports import ImportDocumentsConfig
from kalm_data.core.document_rows import read_documents
from kalm_data.core.drawn_splits import Fractions
from kalm_data.core.errors import RowError
from kalm_data.core.gathering import Gathering, gather, resolve_ids
from kalm_data.core.pair_rows import read_pairs
from kalm_data.core.pool import most_protected
from kalm_data.core.records import Example, Judgement, Text, text_hash
from kalm_data.core.rows import BadRow
from kalm_data.core.shelf import Shelf
from kalm_data.core.splits import KnownTexts, plan_splits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.arrivals import Content
    from kalm_data.core.config.imports import ImportPairsConfig
    from kalm_data.core.document_rows import DocumentRow
    from kalm_data.core.gathering import Gathered
    from kalm_data.core.pair_rows import PairRow
    from kalm_data.core.protocols import Run
    from kalm_data.core.records import Document, Label, Split, TaskRow
    from kalm_data.core.rows import Source
    from kalm_data.core.splits import SplitPlan
    from kalm_data.core.tasks import Task


class ImportPairsStore(Protocol):
    """What the workspace tells about documents and examples."""

    def task(self, name: str) -> TaskRow | None: ...

    def content(self, task: str) -> Content | None: ...

    def latest_documents(self, collections: Sequence[str]) -> list[Document]:
        """The highest revision of each document, tombstones too, in order of collection and id."""
        ...

    def known_texts(self) -> KnownTexts: ...

    def examples(self, task: str) -> dict[str, Example]: ...

    def judged(self, task: str) -> dict[str, dict[str, Label]]:
        """Text hash and label of each example's positives and imported negatives."""
        ...

    def imported(self, task: str) -> dict[str, dict[str, Label]]:
        """Text hash and label of what imports said of each example."""
        ...


@dataclass(frozen=True, slots=True)
class ImportPairsResult:
    """What the pairs added; `splits` counts the new examples.

    `parts_rejected` counts, by reason, single positives and negatives left out of kept rows.
    `parted_examples` are in another split than a document that answers them.
    """

    collection: str
    new_examples: int
    known_examples: int
    splits: Mapping[str, int]
    documents: int
    positives: int
    negatives: int
    parts_rejected: Mapping[str, int]
    near_duplicates: int
    cut_groups: int
    parted_examples: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What the workspace has of the task: examples by id, and what was said of their documents.

    `judged` is by anybody, `imported` by imports alone: what was generated can be taken back, so an
    import says it again.
    """

    examples: Mapping[str, Example]
    judged: Mapping[str, Mapping[str, Label]]
    imported: Mapping[str, Mapping[str, Label]]

    @property
    def positives(self) -> dict[str, list[str]]:
        """The text hashes of each example's positives, sorted."""
        return {
            example: sorted(text for text, label in labels.items() if label == "positive")
            for example, labels in self.judged.items()
        }


@dataclass(frozen=True, slots=True)
class _Made:
    """The rows that an import adds."""

    documents: Sequence[Document]
    examples: Sequence[Example]
    judgements: Sequence[Judgement]

    def count(self, label: Label) -> int:
        return sum(judgement.label == label for judgement in self.judgements)


def import_pairs(
    store: ImportPairsStore,
    run: Run,
    sources: Sequence[Source],
    task: Task,
    config: ImportPairsConfig,
) -> ImportPairsResult:
    """Bring queries with their judged documents into a task.

    A unit is a row; a row is kept as soon as its query has a positive. Documents that the pool
    lacks go to one collection of it. A row given to dev or test whose query training has already
    is rejected as `in_training`. What the workspace holds (examples with their splits,
    documents with their titles) stays as it is. Raises InputError for a task of labels or
    of scored pairs.
    """
    refuse_other_content(task.name, store.content(task.name), "queries")
    announce(run, sources)
    pairs, brought, kept = _read(run, sources, config)
    collection = target_collection(task, config.collection)
    task, task_rows = task_revision(task, collection, store.task(task.name), run.run_id)
    shelf = Shelf.of(store.latest_documents(task.pool), task.pool, collection, brought)
    held = _Held(store.examples(task.name), store.judged(task.name), store.imported(task.name))
    gathering = _gather(task, pairs, shelf, held, config)
    arrivals = shelf.arrivals(gathering.examples, bilingual=task.type == "bitext")
    plan = _plan(store, arrivals, gathering.examples, held, config, shelf.splits.keys())
    splits = {**shelf.splits, **plan.splits}
    documents = [
        document_revision(
            row, collection, shelf.held.get(row.doc_id), splits[row.text.text_hash], run.run_id
        )
        for row in arrivals
    ]
    new = [gathered for gathered in gathering.examples if gathered.example_id not in held.examples]
    made = _Made(
        documents,
        [_example(gathered, task, splits, run.run_id) for gathered in new],
        list(_judgements(gathering.examples, held, run.run_id)),
    )
    texts = [*(Text.of(gathered.first.query) for gathered in new), *(row.text for row in arrivals)]
    run.append([*task_rows, *texts, *made.documents])
    run.append([*made.examples, *made.judgements, *plan.near_duplicates])
    reject_rows(run, gathering.bad)
    parts = reject_parts(run, gathering.flaws)
    run.keep(kept + sum(len(gathered.rows) for gathered in gathering.examples))
    known = [*held.examples.values(), *made.examples]
    parted = _count_parted(gathering.examples, known, splits)
    _warn_of_parted(run, parted, _count_unwritten(gathering.examples, known, held, splits))
    _warn_of_instructions(run, gathering.examples)
    if config.as_split is None and not any(example.split == "train" for example in known):
        _warn_of_no_training(run, new)
    warn_of_cut_groups(run, plan.cut_groups)
    warn_of_shares(run, plan.shares)
    return ImportPairsResult(
        collection=collection,
        new_examples=len(made.examples),
        known_examples=len(gathering.examples) - len(made.examples),
        splits=count_splits(example.split for example in made.examples),
        documents=len(made.documents),
        positives=made.count("positive"),
        negatives=made.count("negative"),
        parts_rejected=parts,
        near_duplicates=len(plan.near_duplicates),
        cut_groups=plan.cut_groups,
        parted_examples=parted,
    )


def _read(
    run: Run, sources: Sequence[Source], config: ImportPairsConfig
) -> tuple[list[PairRow], list[DocumentRow], int]:
    """(pairs, documents that came along, each id once, rows of those); rejects the bad rows."""
    fail = config.on_error == "fail"
    pairs: list[PairRow] = []
    brought: list[DocumentRow] = []
    as_documents = ImportDocumentsConfig(as_split=config.as_split, language=config.language)
    for source in sources:
        if source.documents is not None:
            documents = read_documents(source.documents, as_documents, budget=None)
            brought += read_all(run, source, documents, fail=fail)[0]
        rows = read_pairs(source.rows, config, run.warn)
        pairs += read_all(run, source, rows, fail=fail)[0]
    distinct, contradicting = without_repeats(brought)
    if contradicting and fail:
        raise contradicting[0].error
    reject_rows(run, contradicting)
    return pairs, distinct, len(brought) - len(contradicting)


def _gather(
    task: Task, pairs: Sequence[PairRow], shelf: Shelf, held: _Held, config: ImportPairsConfig
) -> Gathering:
    """The examples of the rows, and what is wrong with the others, which `fail` raises."""
    resolved = resolve_ids(pairs, shelf.text_by_id)
    gathering = _without_trained(gather(task.name, resolved, held.positives), held.examples)
    raise_first([*gathering.bad, *gathering.flaws], config)
    return gathering


def _without_trained(gathering: Gathering, known: Mapping[str, Example]) -> Gathering:
    """Turn away rows that are given to dev or test, and whose query is one of training."""
    taken = [one for one in gathering.examples if _is_trained(one, known)]
    message = "the query is a training example already; import held-out queries first"
    bad = [
        BadRow(judged.row.source, judged.row.line, judged.row.query,
               RowError("in_training", message), one.example_id)
        for one in taken
        for judged in one.rows
    ]  # fmt: skip
    left = [one for one in gathering.examples if not _is_trained(one, known)]
    return Gathering(left, [*gathering.bad, *bad], gathering.flaws)


def _is_trained(gathered: Gathered, known: Mapping[str, Example]) -> bool:
    held = known.get(gathered.example_id)
    given = gathered.given_split
    return held is not None and held.split == "train" and given in ("dev", "test")


def _plan(
    store: ImportPairsStore,
    arrivals: Sequence[DocumentRow],
    examples: Sequence[Gathered],
    held: _Held,
    config: ImportPairsConfig,
    joined: Collection[str],
) -> SplitPlan:
    """Splits for new documents, to join those of the pool; the positives of one example are never
    parted.
    """
    fractions = Fractions.of(config)
    if not arrivals:
        return plan_splits([], {}, [], KnownTexts(), fractions)
    positives = held.positives
    ties = (
        pair
        for gathered in examples
        for pair in pairwise([*positives.get(gathered.example_id, ()), *gathered.positives])
    )
    from_pairs = (
        (text, judged.row.split)
        for gathered in examples
        for judged in gathered.rows
        for text in (*judged.positives, *judged.negatives)
    )
    from_documents = ((row.text.text_hash, row.split) for row in arrivals)
    return plan_splits(
        [row.text for row in arrivals],
        given_splits(chain(from_pairs, from_documents)),
        ties,
        store.known_texts(),
        fractions,
        joined,
    )


def _example(gathered: Gathered, task: Task, splits: Mapping[str, Split], run_id: str) -> Example:
    """Its split is the given one, else the most protected of its positives."""
    instruction = gathered.instruction
    return Example(
        example_id=gathered.example_id,
        task=task.name,
        query_hash=text_hash(gathered.first.query),
        instruction="" if instruction == task.instruction else instruction,
        language=gathered.first.language,
        split=gathered.given_split or most_protected(splits[text] for text in gathered.positives),
        origin="import",
        origin_key="",
        source=gathered.first.source,
        line=gathered.first.line,
        run_id=run_id,
    )


def _judgements(examples: Iterable[Gathered], held: _Held, run_id: str) -> Iterator[Judgement]:
    """What the workspace does not know yet; a positive is said again of a former negative."""
    for gathered in examples:
        known = held.imported.get(gathered.example_id, {})
        for text in gathered.positives:
            if known.get(text) != "positive":
                yield Judgement(gathered.example_id, text, "positive", "import", run_id)
        for text in gathered.negatives:
            if text not in known:
                yield Judgement(gathered.example_id, text, "negative", "import", run_id)


def _count_parted(
    gathered_examples: Iterable[Gathered],
    examples: Iterable[Example],
    splits: Mapping[str, Split],
) -> int:
    """Examples in another split than one of their positives, as far as the pool holds these."""
    split_of = {example.example_id: example.split for example in examples}
    return sum(
        any(splits[text] != split_of[gathered.example_id] for text in gathered.positives)
        for gathered in gathered_examples
    )


def _count_unwritten(
    gathered_examples: Iterable[Gathered],
    examples: Iterable[Example],
    held: _Held,
    splits: Mapping[str, Split],
) -> int:
    """Train examples none of whose positives is a train document."""
    split_of = {example.example_id: example.split for example in examples}
    before = held.positives
    return sum(
        split_of[gathered.example_id] == "train"
        and not any(
            splits.get(text) == "train"
            for text in (*gathered.positives, *before.get(gathered.example_id, ()))
        )
        for gathered in gathered_examples
    )


def _warn_of_parted(run: Run, parted: int, unwritten: int) -> None:
    """`unwritten`: train examples that have no document of training."""
    if not parted:
        return
    line = (
        f"{parted} examples are in another split than a document that answers them: the "
        "source's splits, or those of documents imported before, were kept"
    )
    if unwritten:
        line += (
            f". build-shards will not write {unwritten} of them: train examples without a train "
            "document. In a new workspace, import the pairs alone, or with --as draw"
        )
    run.warn(line)


def _warn_of_no_training(run: Run, new: Sequence[Gathered]) -> None:
    """Tell where the source gave all new examples, of a task without any for training, away."""
    given = {gathered.given_split for gathered in new}
    if given and given <= {"dev", "test"}:
        splits = " or ".join(sorted(split for split in given if split))
        run.warn(
            f"all {len(new)} examples are in {splits} by the source's split, none is for training. "
            "In a new workspace, --as draw draws train, dev and test"
        )


def _warn_of_instructions(run: Run, examples: Sequence[Gathered]) -> None:
    several = sum(
        len({judged.row.instruction for judged in gathered.rows} - {""}) > 1
        for gathered in examples
    )
    if several:
        run.warn(f"{several} queries came with several instructions: the first one was kept")
