"""What is asked of a query engine and what it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document from which queries are written."""

    text_hash: str
    title: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Request:
    """One query asked for. `key` covers all that shapes the reply; `place` orders the plan.

    `facet` says which kind of query is wanted (extractive: a facet; language models: a question
    type). `prompt` is what a language model is sent, empty for the extractive engine.
    """

    key: str
    place: int
    attempt: int
    document: SourceDocument
    facet: str
    persona: str
    prompt: str
    sampling: str
    seed: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `query` is empty unless `failure` is; `failure` is a reason word."""

    key: str
    query: str
    raw: str
    failure: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
