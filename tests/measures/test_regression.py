from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.evaluation import EvalQuery
from kalm_data.core.pool import PoolDocument, make_pool
from kalm_data.core.records import example_id, text_hash
from kalm_data.core.retrieval_sets import RetrievalSet
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.engines.bm25_lucene import LuceneBm25
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.measures.regression import missed_regressions, regress
from kalm_data.measures.significance import Resampling
from kalm_data.measures.systems import Engines, Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kalm_data.core.protocols import Run, Vectors

TASK = Task(name="far")
COUNT = 30


class LastWord:
    """A vector for the last word; words it does not know are one word to it."""

    fingerprint = "last"
    query_prompt = document_prompt = ""

    def __init__(self, name: str, known: int) -> None:
        self.name, self._known = name, {f"thing{i}" for i in range(known)}

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        yield list(range(len(texts))), np.stack([self._vector(text) for text in texts])

    def count_cut(self, texts: Sequence[str]) -> int:
        return 0

    def _vector(self, text: str) -> Vectors:
        word = text.split()[-1]
        seed = zlib.crc32(word.encode()) if word in self._known else 0
        vector = np.random.default_rng(seed).normal(size=32)
        return np.float32(vector / np.linalg.norm(vector))


class Fresh:
    encoded = 0

    def vectors(self, run: Run, encoder: LastWord, texts: Sequence[str]) -> Vectors:
        return next(encoder.encode(texts))[1]

    def of_blocks(self, run: Run, encoder: LastWord, blocks: Iterable[Sequence[str]]) -> Vectors:
        return np.concatenate([self.vectors(run, encoder, texts) for texts in blocks])


ENGINES = Engines(LuceneBm25, Fresh(), ExactSearch())


def far(extra: Sequence[EvalQuery] = ()) -> RetrievalSet:
    pool = make_pool([document(i) for i in range(COUNT)], [], "")
    return RetrievalSet("far", TASK, [*(ask(i) for i in range(COUNT)), *extra], pool)


def document(i: int) -> PoolDocument:
    text = f"a page on thing{i}"
    return PoolDocument(text_hash(text), text, "", (), "en", "test", frozenset())


def ask(i: int) -> EvalQuery:
    query = f"page on thing{i}"
    positives = (document(i).text_hash,)
    return EvalQuery(example_id("far", query), query, "", "en", "import", "q", i, positives)


def compare(tested: int, base: int, max_drop: float, sets: Sequence[RetrievalSet] | None = None):
    """Models that know so many of the words."""

    def reads(name: str, known: int):
        return lambda task: Model(name, LastWord(name, known), resolve_templates(task))

    return regress(
        sets or [far()], reads("tested", tested), reads("base", base), ENGINES, None, max_drop,
        Resampling(0, 500),
    )  # fmt: skip


def test_a_drop_larger_than_allowed_is_a_miss_with_the_set_and_the_option() -> None:
    found = compare(tested=10, base=COUNT, max_drop=0.1)
    assert found["far"].dropped
    assert found["far"].against.difference["ndcg@10"].p < 0.01
    [line] = missed_regressions(found)
    assert line.startswith("far: nDCG@10 -0.") and line.endswith("--max-drop 0.1")


def test_a_drop_of_exactly_what_is_allowed_is_none() -> None:
    drop = -compare(tested=20, base=COUNT, max_drop=1)["far"].against.difference["ndcg@10"].mean
    assert drop > 0
    assert not compare(tested=20, base=COUNT, max_drop=drop)["far"].dropped
    assert compare(tested=20, base=COUNT, max_drop=drop - 1e-6)["far"].dropped


def test_a_gain_is_never_a_miss() -> None:
    assert missed_regressions(compare(tested=COUNT, base=10, max_drop=0)) == ()


def test_queries_that_a_document_holds_word_for_word_count() -> None:
    """All of them do here: both models are asked the same, and whole test sets are like that."""
    assert compare(tested=COUNT, base=COUNT, max_drop=0)["far"].queries == COUNT


def test_queries_without_an_answer_are_left_out_and_counted() -> None:
    lost = EvalQuery("x", "who knows", "", "en", "import", "q", 0, (text_hash("elsewhere"),))
    found = compare(COUNT, COUNT, 0, [far([lost])])
    assert (found["far"].queries, found["far"].left_out) == (COUNT, {"gold_not_in_pool": 1})


def test_a_set_without_a_query_to_judge_by_is_refused() -> None:
    empty = RetrievalSet("far", TASK, [], far().pool)
    with pytest.raises(InputError, match=r"far: none of its 0 test queries.*--regress"):
        compare(COUNT, COUNT, 0, [empty])
