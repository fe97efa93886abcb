"""The documents that pairs may point at: what the task's pool holds, and what comes with them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.document_rows import DocumentRow
from kalm_data.core.pool import most_protected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kalm_data.core.gathering import Gathered
    from kalm_data.core.pair_rows import PairRow
    from kalm_data.core.records import Document, Split, Text


@dataclass(frozen=True, slots=True)
class Shelf:
    """Documents by id and by text.

    `held` are the latest revisions in the collection to which new documents go, tombstones too;
    `text_by_id` covers the whole pool, an earlier collection of the task winning over a later one;
    `splits` has the most protected split of each text that the pool holds now; `brought` are the
    source's own documents that the collection lacks.
    """

    held: Mapping[str, Document]
    text_by_id: Mapping[str, str]
    splits: Mapping[str, Split]
    brought: Sequence[DocumentRow]

    @classmethod
    def of(
        cls, pool: Iterable[Document], collections: Sequence[str], target: str,
        brought: Iterable[DocumentRow],
    ) -> Shelf:  # fmt: skip
        """`pool`: the latest revisions of the documents of `collections`, the target's included."""
        latest = sorted(pool, key=lambda document: collections.index(document.collection))
        current = [document for document in latest if not document.retired]
        held = {document.doc_id: document for document in latest if document.collection == target}
        lacking = [row for row in brought if row.doc_id not in held or held[row.doc_id].retired]
        text_by_id: dict[str, str] = {}
        for document in current:
            text_by_id.setdefault(document.doc_id, document.text_hash)
        for row in lacking:
            text_by_id.setdefault(row.doc_id, row.text.text_hash)
        splits: defaultdict[str, list[Split]] = defaultdict(list)
        for document in current:
            splits[document.text_hash].append(document.split)
        protected = {text_hash: most_protected(found) for text_hash, found in splits.items()}
        return cls(held, text_by_id, protected, lacking)

    def arrivals(self, examples: Iterable[Gathered], *, bilingual: bool) -> list[DocumentRow]:
        """New documents: those brought along, and the texts of pairs that the pool lacks."""
        on_shelf = self.splits.keys() | {row.text.text_hash for row in self.brought}
        found: dict[str, DocumentRow] = {}
        for row, text, title in _texts(examples):
            if text.text_hash not in on_shelf:
                language = "" if bilingual else row.language
                found.setdefault(text.text_hash, _document(row, text, title, language))
        return [*self.brought, *found.values()]


def _texts(examples: Iterable[Gathered]) -> Iterator[tuple[PairRow, Text, str]]:
    """(row, text, title): its own, else that of the row, which is its positives'."""
    for gathered in examples:
        for judged in gathered.rows:
            row = judged.row
            for text in row.positives:
                yield row, text, row.titles.get(text.text_hash, row.title)
            for text in row.negatives:
                yield row, text, row.titles.get(text.text_hash, "")


def _document(row: PairRow, text: Text, title: str, language: str) -> DocumentRow:
    return DocumentRow(
        doc_id=text.text_hash,
        text=text,
        title=title,
        headings=(),
        parent="",
        position=0,
        date="",
        language=language,
        licence="",
        metadata="{}",
        split=row.split,
        source=row.source,
        line=row.line,
    )
