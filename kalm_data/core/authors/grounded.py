"""Queries that a language model writes for documents, in the person of somebody who needs them.

After Qwen3-Embedding (arXiv 2506.05176): first the model chooses who might need the document,
what for and how demanding they are; then it writes the query as that person.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.boilerplate import find_boilerplate
from kalm_data.core.languages import language_name, prompt_language
from kalm_data.core.seeded import choose, sample
from kalm_data.core.synthesis import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.asking import Answer, Asker
    from kalm_data.core.authors.asking_model import Rendered, Requester
    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.personas import Persona
    from kalm_data.core.prompt_shelf import PromptShelf
    from kalm_data.core.prompts import Prompt
    from kalm_data.core.protocols import CharacterFinder, DocumentSource
    from kalm_data.core.synthesis import Candidate, Request, SourceDocument

CHARACTERS = 5
"""Personas from which the model chooses (arXiv 2506.05176)."""

QUESTION_TYPES = (
    "keywords", "identifier", "acquire_knowledge", "summary", "yes_or_no", "background",
)  # fmt: skip
DIFFICULTIES = ("high_school", "university", "phd")

_WORDS = {"keywords": (2, 5), "identifier": (1, 3)}
_WORDS_ELSE = (5, 20)
_IDENTIFIER = re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d])[\w.-]{4,}\b|\b\w+(?:[._]\w+)+\b|\b[A-Z]{3,}\b")


@dataclass(frozen=True, slots=True)
class Choice:
    """Who asks, for what, and how demanding they are."""

    persona: Persona
    question_type: str
    difficulty: str


class GroundedAuthor:
    """Satisfies `core.protocols.Author`. `cut` counts the documents that were cut for a prompt."""

    def __init__(
        self,
        documents: DocumentSource,
        asker: Asker,
        requester: Requester,
        shelf: PromptShelf,
        characters: CharacterFinder,
        config: SynthConfig,
        examples: tuple[str, ...] = (),
    ) -> None:
        """examples: queries of real users, shown for their style."""
        self._documents, self._asker, self._requester = documents, asker, requester
        self._shelf, self._characters, self._config = shelf, characters, config
        self._examples = examples
        self.cut: set[str] = set()

    def write(self, chunk: Sequence[Candidate]) -> list[Draft]:
        documents = self._documents([one.item for one in chunk])
        self._characters.meet(documents.values())
        drafts: dict[int, Draft] = {}
        left: list[Candidate] = []
        for one in chunk:
            kind = find_boilerplate(documents[one.item].title, documents[one.item].text)
            if kind:
                drafts[one.place] = _boilerplate(one, documents[one.item], kind)
            else:
                left.append(one)
        known = [(one, documents[one.item]) for one in left]
        choices = self._choose(known, drafts) if self._config.steps == 2 else self._draw(known)
        self._write(known, choices, drafts)
        return [drafts[one.place] for one in chunk]

    def first_prompts(self, chunk: Sequence[Candidate]) -> list[list[str]]:
        """What each candidate would be asked, step by step; choices that wait for a reply are
        drawn instead. Nothing is asked.
        """
        documents = self._documents([one.item for one in chunk])
        known = [(one, documents[one.item]) for one in chunk]
        drawn = self._draw(known)
        found = []
        for one, document in known:
            steps = [self._first(one, document)] if self._config.steps == 2 else []
            steps.append(self._second(one, document, drawn[one.place]))
            found.append([step.text for step in steps if step])
        return found

    def _choose(
        self, known: Sequence[tuple[Candidate, SourceDocument]], drafts: dict[int, Draft]
    ) -> dict[int, Choice]:
        """The model's choice by place; what came of none is a draft."""
        asked: list[tuple[Candidate, SourceDocument, Request]] = []
        for one, document in known:
            rendered = self._first(one, document)
            if rendered is None:
                drafts[one.place] = _too_long(one, document)
            else:
                request = self._requester.request(
                    one, rendered, draw=one.draw, facet="choose", document=document
                )
                asked.append((one, document, request))
        answers = self._asker.ask([request for _, _, request in asked])
        choices: dict[int, Choice] = {}
        for one, document, request in asked:
            answer = answers[request.key]
            if answer.failure:
                drafts[one.place] = _failed(one, document, answer)
            else:
                choices[one.place] = self._choice(one, document, answer)
        return choices

    def _choice(self, candidate: Candidate, document: SourceDocument, answer: Answer) -> Choice:
        characters = self._characters.find(document, candidate.draw, CHARACTERS)
        number = int(str(answer.fields["character"]))
        persona = characters[min(number, len(characters)) - 1]
        return Choice(
            persona, str(answer.fields["question_type"]), str(answer.fields["difficulty"])
        )

    def _draw(self, known: Sequence[tuple[Candidate, SourceDocument]]) -> dict[int, Choice]:
        """A choice drawn by the seed; identifiers of documents that hold one."""
        choices = {}
        for one, document in known:
            key = f"{document.text_hash}:{one.draw}"
            (persona,) = self._characters.find(document, one.draw, CHARACTERS)[:1]
            types = QUESTION_TYPES if _IDENTIFIER.search(document.text) else _without_identifier()
            choices[one.place] = Choice(
                persona,
                choose(types, self._config.seed, "question type", key),
                choose(DIFFICULTIES, self._config.seed, "difficulty", key),
            )
        return choices

    def _write(
        self,
        known: Sequence[tuple[Candidate, SourceDocument]],
        choices: dict[int, Choice],
        drafts: dict[int, Draft],
    ) -> None:
        """The queries, as drafts by place."""
        asked: list[tuple[Candidate, SourceDocument, Rendered, Request]] = []
        for one, document in known:
            if one.place in drafts:
                continue
            choice = choices[one.place]
            rendered = self._second(one, document, choice)
            if rendered is None:
                drafts[one.place] = _too_long(one, document)
                continue
            if rendered.cut:
                self.cut.add(document.text_hash)
            request = self._requester.request(
                one, rendered, draw=one.draw, persona=choice.persona.id,
                facet=choice.question_type, document=document,
            )  # fmt: skip
            asked.append((one, document, rendered, request))
        answers = self._asker.ask([request for *_, request in asked])
        for one, document, rendered, request in asked:
            answer = answers[request.key]
            drafts[one.place] = (
                _failed(one, document, answer)
                if answer.failure
                else self._draft(one, document, choices[one.place], rendered.prompt, answer)
            )

    def _first(self, candidate: Candidate, document: SourceDocument) -> Rendered | None:
        characters = self._characters.find(document, candidate.draw, CHARACTERS)
        values = {
            "title": document.title,
            "text": document.text,
            "characters": [persona.persona for persona in characters],
        }
        prompt = self._shelf.find("grounded", 1, prompt_language(document.language))
        return self._requester.fill(prompt, values)

    def _second(
        self, candidate: Candidate, document: SourceDocument, choice: Choice
    ) -> Rendered | None:
        key = f"{document.text_hash}:{candidate.draw}"
        least, most = _WORDS.get(choice.question_type, _WORDS_ELSE)
        language = prompt_language(document.language)
        values = {
            "title": document.title,
            "text": document.text,
            "persona": choice.persona.persona,
            "question_type": choice.question_type,
            "difficulty": choice.difficulty,
            "words": choose(range(least, most + 1), self._config.seed, "words", key),
            "query_language": language_name(
                self._config.query_language or document.language, language
            ),
            "examples": sample(self._examples, CHARACTERS, self._config.seed, "examples", key),
        }
        two = self._config.steps == 2
        prompt = self._shelf.find("grounded" if two else "grounded-one-step", 2 if two else 1,
                                  language)  # fmt: skip
        return self._requester.fill(prompt, values)

    def _draft(
        self,
        candidate: Candidate,
        document: SourceDocument,
        choice: Choice,
        prompt: Prompt,
        answer: Answer,
    ) -> Draft:
        return replace(
            _about(candidate, document, answer.request.key),
            query=str(answer.fields["query"]).strip(),
            language=self._config.query_language or document.language,
            kind=choice.question_type,
            asked_by=choice.persona.id,
            persona=choice.persona.persona,
            prompt=prompt.fixed,
            sent=answer.request.prompt,
            said=answer.raw,
        )


def _without_identifier() -> tuple[str, ...]:
    return tuple(name for name in QUESTION_TYPES if name != "identifier")


def _about(candidate: Candidate, document: SourceDocument, key: str) -> Draft:
    return Draft(candidate, key, positive=document.text_hash, passage=document.text)


def _failed(candidate: Candidate, document: SourceDocument, answer: Answer) -> Draft:
    about = _about(candidate, document, answer.request.key)
    return replace(
        about,
        kind=answer.request.facet,
        failure=answer.failure,
        sent=answer.request.prompt,
        said=answer.raw,
    )


def _too_long(candidate: Candidate, document: SourceDocument) -> Draft:
    about = _about(candidate, document, f"{document.text_hash}:{candidate.draw}")
    return replace(about, failure="too_long_prompt", said=document.title)


def _boilerplate(candidate: Candidate, document: SourceDocument, kind: str) -> Draft:
    about = _about(candidate, document, f"{document.text_hash}:{candidate.draw}")
    numbers = json.dumps({"kind": kind})
    return replace(about, failure="boilerplate_document", numbers=numbers, said=document.title)
