"""The systems of an evaluation: BM25, the models, and the fusion of each model with BM25."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kalm_data.core.errors import InputError
from kalm_data.core.metrics import DEPTH, fuse
from kalm_data.core.templates import BARE, Templates, render_query
from kalm_data.measures.written_pool import written_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import DenseSearch, Encoder, Run, Vectors, VectorSource
    from kalm_data.core.tasks import Task

    ModelFor = Callable[[Task], "Model"]
    """Says how an encoder reads the texts of a task."""

"""How BM25 reads a document, and people: with its title."""


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one query, best first; `scores` is empty where the system gives none."""

    positions: list[int]
    scores: list[float]


Lists = list[Found]
"""For each query its hits."""


class LexicalSearch(Protocol):
    """Search by words."""

    def search(self, query: str, language: str, depth: int) -> list[int]:
        """Positions of the best documents, best first."""
        ...


class LexicalIndexer(Protocol):
    """Makes a search over documents and their languages."""

    def __call__(self, texts: Sequence[str], languages: Sequence[str]) -> LexicalSearch: ...


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder and how the task's texts are written for it; `name` is that of the user."""

    name: str
    encoder: Encoder
    templates: Templates


@dataclass(frozen=True, slots=True)
class Engines:
    """What the systems are made of."""

    lexical: LexicalIndexer
    vectors: VectorSource
    search: DenseSearch


@dataclass(frozen=True, slots=True)
class Answers:
    """lists: by system. by_dim: of the models alone, by dimension. cut: texts a model cut."""

    lists: dict[str, Lists]
    by_dim: dict[int, dict[str, Lists]]
    cut: dict[str, int]


def answer(
    queries: Sequence[EvalQuery],
    pool: Pool,
    models: Mapping[str, Model],
    dims: Sequence[int],
    engines: Engines,
    run: Run,
) -> Answers:
    """The lists of "bm25", of each model, of each "<model>+bm25", and of the models by dimension.

    Raises InputError where a model's vectors have fewer numbers than one of `dims`.
    """
    for model in models.values():
        _refuse_missing_numbers(model, queries[0], dims, engines, run)
    lists = {"bm25": _by_words(queries, pool, engines.lexical)}
    by_dim: dict[int, dict[str, Lists]] = {dim: {} for dim in dims}
    cut = {}
    for name, model in models.items():
        asked, documents, cut[name] = encode(queries, pool, model, engines, run)
        lists[name] = nearest(engines.search, asked, documents)
        for dim in dims:
            short = shorten(asked, dim), shorten(documents, dim)
            by_dim[dim][name] = nearest(engines.search, *short)
    for name in models:
        pairs = zip(lists[name], lists["bm25"], strict=True)
        lists[f"{name}+bm25"] = [
            Found(fuse([one.positions, other.positions], DEPTH), []) for one, other in pairs
        ]
    return Answers(lists, by_dim, cut)


def written(pool: Pool, templates: Templates) -> list[str]:
    """The documents of the pool, by position, as they are read."""
    return list(chain.from_iterable(written_blocks(pool, templates)))


def encode(
    queries: Sequence[EvalQuery], pool: Pool, model: Model, engines: Engines, run: Run
) -> tuple[Vectors, Vectors, int]:
    """(Q, D) and (P, D) vectors of queries and documents; how many texts the model cut."""
    cut: Counter[str] = Counter()

    def counted(texts: Sequence[str]) -> Sequence[str]:
        cut[model.name] += model.encoder.count_cut(texts)
        return texts

    documents = map(counted, written_blocks(pool, model.templates))
    return (
        engines.vectors.vectors(run, model.encoder, counted(_asked(queries, model))),
        engines.vectors.of_blocks(run, model.encoder, documents),
        cut[model.name],
    )


def nearest(search: DenseSearch, queries: Vectors, documents: Vectors) -> Lists:
    nobody = [()] * len(queries)
    rankings = search.rank(queries, documents, positives=nobody, excluded=nobody, depth=DEPTH)
    return [Found(one.positions.tolist(), one.scores.tolist()) for one in rankings]


def shorten(vectors: Vectors, dim: int) -> Vectors:
    """(N, dim) unit vectors of the first numbers of each; one of zeros alone stays as it is.

    That is how Matryoshka representations are read (arXiv 2205.13147, section 3).
    """
    cut = np.array(vectors[:, :dim], dtype=np.float32)
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    np.divide(cut, lengths, out=cut, where=lengths > 0)
    return cut


def _refuse_missing_numbers(
    model: Model, query: EvalQuery, dims: Sequence[int], engines: Engines, run: Run
) -> None:
    """Before anything else is encoded."""
    if not dims:
        return
    has = engines.vectors.vectors(run, model.encoder, _asked([query], model)).shape[1]
    if max(dims) > has:
        message = f"--dim {max(dims)}: the vectors of {model.name} have {has} numbers. Name fewer."
        raise InputError(message)


def _asked(queries: Sequence[EvalQuery], model: Model) -> list[str]:
    return [render_query(model.templates, query.query, query.instruction) for query in queries]


def _by_words(queries: Sequence[EvalQuery], pool: Pool, indexer: LexicalIndexer) -> Lists:
    search = indexer(written(pool, BARE), pool.columns.languages)
    return [Found(search.search(query.query, query.language, DEPTH), []) for query in queries]
