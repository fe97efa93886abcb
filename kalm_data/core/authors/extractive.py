"""Queries made of a document's own words, one facet after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.request_keys import attempt_seed, extraction_key
from kalm_data.core.seeded import shuffled
from kalm_data.core.synthesis import Draft, Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.asking import Answer, Asker
    from kalm_data.core.config.synth import Facet, SynthConfig
    from kalm_data.core.protocols import DocumentSource
    from kalm_data.core.synthesis import Candidate, SourceDocument


class ExtractiveAuthor:
    """Satisfies `core.protocols.Author`. It reads documents whole, and no prompt is sent."""

    def __init__(self, documents: DocumentSource, asker: Asker, config: SynthConfig) -> None:
        self._documents, self._asker, self._config = documents, asker, config
        self.cut: set[str] = set()

    def first_prompts(self, chunk: Sequence[Candidate]) -> list[list[str]]:
        return [[] for _ in chunk]

    def write(self, chunk: Sequence[Candidate]) -> list[Draft]:
        documents = self._documents([one.item for one in chunk])
        asked = [(one, self._request(one, documents[one.item])) for one in chunk]
        answers = self._asker.ask([request for _, request in asked])
        return [
            _draft(one, documents[one.item], request.facet, answers[request.key])
            for one, request in asked
        ]

    def _request(self, candidate: Candidate, document: SourceDocument) -> Request:
        seed = self._config.seed
        facet = choose_facet(document, candidate.draw, self._config.facets, seed)
        key = extraction_key(
            document, engine=self._asker.engine, facet=facet, draw=candidate.draw, seed=seed
        )
        return Request(
            key, candidate.place, 0, attempt_seed(seed, key, 0), document=document, facet=facet
        )


def choose_facet(
    document: SourceDocument, draw: int, facets: tuple[Facet, ...], seed: int
) -> Facet:
    """All facets in turn, in an order drawn for the document; no title of one that has none."""
    fitting = [facet for facet in facets if facet != "title" or document.title.strip()]
    order = shuffled(fitting or facets, seed, "facet", document.text_hash)
    return order[draw % len(order)]


def _draft(candidate: Candidate, document: SourceDocument, facet: str, answer: Answer) -> Draft:
    return Draft(
        candidate,
        answer.request.key,
        query="" if answer.failure else answer.raw,
        positive=document.text_hash,
        passage=document.text,
        language=document.language,
        kind=facet,
        failure=answer.failure,
        said=answer.raw,
    )
