"""From a planned candidate to the request for it, and from its reply to a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.gates import (
    Failing,
    LengthLimits,
    check_query,
    duplicate_query,
    protected_query,
    wrong_language,
)
from kalm_data.core.records import Text
from kalm_data.core.request_keys import attempt_seed, request_key
from kalm_data.core.seeded import shuffled
from kalm_data.core.synthesis import Request

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from kalm_data.core.config.synth import Facet, SynthConfig
    from kalm_data.core.protocols import LanguageDetector
    from kalm_data.core.synthesis import Candidate, SourceDocument


def make_request(
    candidate: Candidate, document: SourceDocument, engine: str, config: SynthConfig
) -> Request:
    """The first attempt at a candidate; `engine` is the engine's name."""
    facet = choose_facet(document, candidate.draw, config.facets, config.seed)
    key = request_key(
        document, engine=engine, facet=facet, persona="", prompt="", schema="", sampling="",
        draw=candidate.draw, seed=config.seed,
    )  # fmt: skip
    return Request(
        key=key,
        place=candidate.place,
        attempt=0,
        document=document,
        facet=facet,
        language=document.language,
        persona="",
        prompt="",
        schema="",
        sampling="",
        seed=attempt_seed(config.seed, key, 0),
    )


def try_again(request: Request, attempt: int, seed: int) -> Request:
    """The same request with the seed of a later attempt (0-based); `seed` is the run's."""
    return replace(request, attempt=attempt, seed=attempt_seed(seed, request.key, attempt))


def choose_facet(
    document: SourceDocument, draw: int, facets: tuple[Facet, ...], seed: int
) -> Facet:
    """All facets in turn, in an order drawn for the document; no title of one that has none."""
    fitting = [facet for facet in facets if facet != "title" or document.title.strip()]
    order = shuffled(fitting or facets, seed, "facet", document.text_hash)
    return order[draw % len(order)]


def judge(
    request: Request,
    query: str,
    limits: LengthLimits,
    detector: LanguageDetector,
    known: AbstractSet[str],
    protected: AbstractSet[str],
) -> Failing | None:
    """The first gate that a query fails, or None where it is accepted.

    known: norm hashes of the document's other queries; protected: of all queries of other splits.
    """
    norm_hash = Text.of(query).norm_hash
    failing = check_query(query, request.document.text, limits)
    if failing:
        return failing
    if norm_hash in protected:
        return protected_query()
    if norm_hash in known:
        return duplicate_query()
    found = detector.detect(query)
    wanted = found and (request.language or detector.detect(request.document.text))
    return wrong_language(wanted, found)
