"""What is asked of a query engine and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document from which queries are written; `language` is empty where nobody told."""

    text_hash: str
    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A query to be: the `draw`-th (0-based) of a document. `place` orders the plan."""

    place: int
    draw: int
    text_hash: str


@dataclass(frozen=True, slots=True)
class Request:
    """One query asked for. `key` covers all that shapes the reply but the attempt.

    `facet` says which kind of query is wanted (extractive: a facet; language models: a question
    type), `language` in which language, empty for the document's own. `prompt` is what a language
    model is sent and `schema` the JSON Schema of its reply; both are empty for the extractive
    engine. `seed` is that of this attempt (0-based).
    """

    key: str
    place: int
    attempt: int
    document: SourceDocument
    facet: str
    language: str
    persona: str
    prompt: str
    schema: str
    sampling: str
    seed: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `raw` as it came, and a reason word where the engine failed, else empty."""

    key: str
    raw: str
    failure: str
    finish_reason: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Journalled:
    """The latest attempt (0-based) at a request, as the journal holds it."""

    attempt: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class AnsweredQuery:
    """A query that a document answers; `said_by` is the request that generated it, or empty."""

    query_hash: str
    norm_hash: str
    said_by: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Documents in seeded order, each asked once, then each once more, up to `per_doc` times.

    So the first N candidates come from as many documents as there are, and what one draw of a
    document gives depends on its earlier draws only, never on its neighbours.
    """

    documents: tuple[str, ...]
    per_doc: int

    def __len__(self) -> int:
        return len(self.documents) * self.per_doc

    def read(self, start: int, count: int) -> list[Candidate]:
        """Up to `count` candidates from `start` on; all of one draw, so no document comes twice."""
        size = len(self.documents)
        draw, first = divmod(start, size)
        end = min(start + count, (draw + 1) * size, len(self))
        return [
            Candidate(place, draw, self.documents[first + place - start])
            for place in range(start, end)
        ]
