"""The systems of an evaluation: BM25, the models, and the fusion of each model with BM25."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.metrics import DEPTH, fuse
from kalm_data.core.templates import BARE, Templates, render_document, render_query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.evaluation import EvalQuery
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import DenseSearch, Encoder, Run, VectorSource

"""How BM25 reads a document, and people: with its title."""

Lists = list[list[int]]
"""For each query the positions of its hits, best first."""


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


def answer(
    queries: Sequence[EvalQuery],
    pool: Pool,
    models: Mapping[str, Model],
    engines: Engines,
    run: Run,
) -> tuple[dict[str, Lists], dict[str, int]]:
    """The lists of "bm25", of each model, of each "<model>+bm25"; how many texts a model cut."""
    lists = {"bm25": _by_words(queries, pool, engines.lexical)}
    cut = {}
    for name, model in models.items():
        lists[name], cut[name] = _by_vectors(queries, pool, model, engines, run)
    for name in models:
        pairs = zip(lists[name], lists["bm25"], strict=True)
        lists[f"{name}+bm25"] = [fuse(pair, DEPTH) for pair in pairs]
    return lists, cut


def written(pool: Pool, templates: Templates) -> list[str]:
    """The documents of the pool, by position, as they are read."""
    return [
        render_document(templates, document.text, document.title, document.headings)
        for document in pool.documents
    ]


def _by_words(queries: Sequence[EvalQuery], pool: Pool, indexer: LexicalIndexer) -> Lists:
    languages = [document.language for document in pool.documents]
    search = indexer(written(pool, BARE), languages)
    return [search.search(query.query, query.language, DEPTH) for query in queries]


def _by_vectors(
    queries: Sequence[EvalQuery], pool: Pool, model: Model, engines: Engines, run: Run
) -> tuple[Lists, int]:
    asked = [render_query(model.templates, query.query, query.instruction) for query in queries]
    documents = written(pool, model.templates)
    rankings = engines.search.rank(
        engines.vectors.vectors(run, model.encoder, asked),
        engines.vectors.vectors(run, model.encoder, documents),
        positives=[()] * len(asked),
        excluded=[()] * len(asked),
        depth=DEPTH,
    )
    lists: Lists = [ranking.positions.tolist() for ranking in rankings]
    return lists, model.encoder.count_cut([*asked, *documents])
