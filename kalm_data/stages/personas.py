"""Derive personas from documents: who would read, write or need this text (arXiv 2406.20094)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.boilerplate import find_boilerplate
from kalm_data.core.errors import InputError
from kalm_data.core.languages import prompt_language
from kalm_data.core.near_queries import NearQueries
from kalm_data.core.personas import Persona
from kalm_data.core.records import Reject
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.asking import Answer, Asker
    from kalm_data.core.authors.asking_model import Requester
    from kalm_data.core.config.personas import PersonasConfig
    from kalm_data.core.prompt_shelf import PromptShelf
    from kalm_data.core.protocols import DocumentSource, Run
    from kalm_data.core.synthesis import Candidate, Plan, Request, SourceDocument

CHUNK = 512


@dataclass(frozen=True, slots=True)
class PersonasResult:
    """`documents` were read; `duplicates` are personas like one that was there before."""

    personas: int
    documents: int
    duplicates: int
    file: str


@dataclass(frozen=True, slots=True)
class Deriver:
    """What personas are derived with."""

    documents: DocumentSource
    asker: Asker
    requester: Requester
    shelf: PromptShelf


def derive_personas(
    run: Run,
    deriver: Deriver,
    plan: Plan,
    known: Sequence[Persona],
    config: PersonasConfig,
) -> tuple[list[Persona], int, int]:
    """(new personas in the order of the plan, documents read, duplicates left out).

    A unit is a document, kept if it gave a new persona. A persona that is a near-duplicate of an
    earlier one, or of one of `known`, is left out. Reasons of rejects: `no_new_persona`,
    `boilerplate_document`, `too_long_prompt`, and those of the engine.
    """
    near = NearQueries()
    for persona in known:
        near.add(persona.persona)
    found: list[Persona] = []
    place = duplicates = 0
    while place < len(plan) and (config.target is None or len(found) < config.target):
        chunk = plan.read(place, CHUNK)
        run.plan(len(chunk))
        for one, answer in _ask(deriver, chunk, config):
            texts = [] if isinstance(answer, str) else _texts(answer)
            new = _distinct(texts, near)
            duplicates += len(texts) - len(new)
            found += [_persona(text, config) for text in new]
            if new:
                run.keep()
            else:
                run.reject([_reject(run, one, answer)])
        run.checkpoint()
        place += len(chunk)
    if not found:
        message = "no new persona came of the documents: `kalm-data rejects` tells why"
        raise InputError(message)
    return found[: config.target], place, duplicates


def _distinct(texts: Sequence[str], near: NearQueries) -> list[str]:
    """Those that are like none before them, and remembered from now on."""
    kept = []
    for text in texts:
        if near.find(text) is None:
            near.add(text)
            kept.append(text)
    return kept


def _ask(
    deriver: Deriver, chunk: Sequence[Candidate], config: PersonasConfig
) -> Iterator[tuple[Candidate, Answer | str]]:
    """Each candidate with its answer, or with a reason word where nothing could be asked."""
    documents = deriver.documents([one.item for one in chunk])
    asked: list[tuple[Candidate, Request | str]] = [
        (one, _request(deriver, one, documents[one.item], config)) for one in chunk
    ]
    requests = [request for _, request in asked if not isinstance(request, str)]
    answers = deriver.asker.ask(requests)
    for one, request in asked:
        yield one, request if isinstance(request, str) else answers[request.key]


def _request(
    deriver: Deriver, candidate: Candidate, document: SourceDocument, config: PersonasConfig
) -> Request | str:
    if find_boilerplate(document.title, document.text):
        return "boilerplate_document"
    language = config.query_language or document.language
    prompt = deriver.shelf.find("persona", 1, prompt_language(language))
    values = {"title": document.title, "text": document.text, "count": config.per_doc}
    rendered = deriver.requester.fill(prompt, values)
    if rendered is None:
        return "too_long_prompt"
    return deriver.requester.request(
        candidate, rendered, draw=candidate.draw, facet="persona", document=document
    )


def _texts(answer: Answer) -> list[str]:
    values = answer.fields.get("personas")
    found = [" ".join(str(value).split()) for value in values] if isinstance(values, list) else []
    return [text for text in found if text]


def _persona(text: str, config: PersonasConfig) -> Persona:
    return Persona(digest("persona", text), text, config.query_language)


def _reject(run: Run, candidate: Candidate, answer: Answer | str) -> Reject:
    reason = answer if isinstance(answer, str) else answer.failure or "no_new_persona"
    said = "" if isinstance(answer, str) else answer.raw[:1000]
    numbers = json.dumps({"draw": candidate.draw})
    return Reject(
        run.run_id, "personas", reason, f"{candidate.item}:{candidate.draw}", numbers,
        candidate.item, 0, said,
    )  # fmt: skip
