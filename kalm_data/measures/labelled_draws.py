"""A task of labelled texts as rankers and draws look at it: each text asks for the others."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from kalm_data.core.mining import MiningExample
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import example_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.config.mine import MineConfig
    from kalm_data.core.labelled import ClassText, ClassTexts
    from kalm_data.core.mining import Hits, Measured, RankedKey
    from kalm_data.core.pool import Pool
    from kalm_data.core.tasks import Task
    from kalm_data.measures.draws import MeasuredStore


class LabelledDraws:
    """Satisfies `measures.draws.DrawStore` for one task of labels.

    The pool are its texts of training. An example is such a text that is not protected, and its one
    positive is the text itself: limits on scores are measured against it. What has its class is
    never drawn for it, as the pool tells the class of each text.
    """

    def __init__(self, measured: MeasuredStore, labelled: ClassTexts) -> None:
        """measured: reads what was measured, of any task."""
        self._measured, self._labelled = measured, labelled

    def pool(self, task: Task) -> Pool:
        texts = self._labelled.texts
        near = (*self._labelled.near, *_of_one_form(texts))
        return make_pool((_document(one) for one in texts), near, task.document_template)

    def mining_examples(self, task: str) -> list[MiningExample]:
        """In order of id."""
        found = (_example(task, one) for one in self._labelled.texts if not one.is_protected)
        return sorted(found, key=lambda example: example.example_id)

    def example_blocks(self, task: str, size: int) -> Iterator[list[MiningExample]]:
        """The same, at most `size` at a time."""
        examples = self.mining_examples(task)
        for start in range(0, len(examples), size):
            yield examples[start : start + size]

    def measured(
        self, ranker: str, basis: str, first: str, last: str
    ) -> dict[RankedKey, dict[str, Measured]]:
        return self._measured.measured(ranker, basis, first, last)

    def hits(self, ranker: str, hits_basis: str, first: str, last: str) -> dict[RankedKey, Hits]:
        return self._measured.hits(ranker, hits_basis, first, last)

    def mine_config(self, task: str, ranker: str) -> MineConfig:
        return self._measured.mine_config(task, ranker)

    def dropped(self, task: str) -> set[tuple[str, str]]:
        """Rules have nothing to say of labels."""
        return set()

    def dropped_by(self, task: str) -> dict[str, set[tuple[str, str]]]:
        return {}


def _document(one: ClassText) -> PoolDocument:
    """What dev or test holds stays in the pool, so that ranks do not change, and is not drawn."""
    return PoolDocument(
        text_hash=one.text.text_hash,
        text=one.text.text,
        title="",
        headings=(),
        language=one.language,
        split="test" if one.is_protected else "train",
        parents=frozenset(),
        label=one.label,
    )


def _example(task: str, one: ClassText) -> MiningExample:
    text = one.text
    id_ = example_id(task, text.text)
    return MiningExample(id_, text.text, "", one.source, one.line, (text.text_hash,), ())


def _of_one_form(texts: Sequence[ClassText]) -> Iterator[tuple[str, str]]:
    """Pairs of texts that are the same but for case and white space."""
    by_form: defaultdict[str, list[str]] = defaultdict(list)
    for one in texts:
        by_form[one.text.norm_hash].append(one.text.text_hash)
    for hashes in by_form.values():
        yield from combinations(hashes, 2)
