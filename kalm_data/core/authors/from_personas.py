"""Whole rows that a language model writes from nothing but personas: the six types of the paper.

The four types of retrieval take two steps (arXiv 2501.01028): a persona, as system prompt,
brainstorms instructions, and the row is written for one of them without it, so that two personas do
not clash. STS and bitext take one step, with the persona.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalm_data.core.config.synth import ONE_STEP
from kalm_data.core.drawn import draw_attributes
from kalm_data.core.languages import language_name, prompt_language
from kalm_data.core.records import Text
from kalm_data.core.synthesis import Draft

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.asking import Answer, Asker
    from kalm_data.core.authors.asking_model import Rendered, Requester
    from kalm_data.core.config.synth import SynthConfig, WrittenType
    from kalm_data.core.personas import Persona
    from kalm_data.core.prompt_shelf import PromptShelf
    from kalm_data.core.prompts import Prompt
    from kalm_data.core.synthesis import Candidate, Request


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Which keys of a reply are the query, its positive, and its negative where there is one."""

    query: str
    positive: str
    negative: str = ""


ROW_KEYS: dict[WrittenType, RowKeys] = {
    "short-long": RowKeys("user_query", "positive_document", "hard_negative_document"),
    "long-short": RowKeys("input_text", "label", "misleading_label"),
    "short-short": RowKeys("input", "positive_document"),
    "long-long": RowKeys("input", "positive_document"),
    "sts": RowKeys("S1", "S2", "S3"),
    "bitext": RowKeys("S1", "S2", "S3"),
}


class RowAuthor:
    """Satisfies `core.protocols.Author`; an item of the plan is the id of a persona."""

    def __init__(
        self,
        kind: WrittenType,
        personas: Mapping[str, Persona],
        asker: Asker,
        requester: Requester,
        shelf: PromptShelf,
        config: SynthConfig,
    ) -> None:
        self._kind, self._personas = kind, personas
        self._asker, self._requester, self._shelf = asker, requester, shelf
        self._config = config
        self.cut: set[str] = set()  # no document is read, so none is cut

    def write(self, chunk: Sequence[Candidate]) -> list[Draft]:
        drafts: dict[int, Draft] = {}
        instructions: dict[int, str] = {}
        if self._kind not in ONE_STEP:
            instructions = self._brainstorm(chunk, drafts)
        self._write(chunk, instructions, drafts)
        return [drafts[one.place] for one in chunk]

    def first_prompts(self, chunk: Sequence[Candidate]) -> list[list[str]]:
        """What each candidate would be asked, step by step; "…" stands for an instruction that
        waits for a reply. Nothing is asked.
        """
        found = []
        for one in chunk:
            steps = [self._first()] if self._kind not in ONE_STEP else []
            steps.append(self._second(one, "…"))
            found.append([step.text for step in steps if step])
        return found

    def _brainstorm(self, chunk: Sequence[Candidate], drafts: dict[int, Draft]) -> dict[int, str]:
        """Each candidate's instruction, by place; what came of none is a draft."""
        asked: list[tuple[Candidate, Request]] = []
        for one in chunk:
            rendered = self._first()
            if rendered is None:
                drafts[one.place] = Draft(one, _place_key(one), failure="too_long_prompt")
            else:
                asked.append((one, self._brainstorming(one, rendered)))
        answers = self._asker.ask([request for _, request in asked])
        instructions: dict[int, str] = {}
        for one, request in asked:
            answer = answers[request.key]
            found = _texts(answer.fields.get("instructions"))
            number = one.draw % self._config.instructions
            if answer.failure or number >= len(found):
                drafts[one.place] = _failed(one, answer, answer.failure or "no_instruction")
            else:
                instructions[one.place] = found[number]
        return instructions

    def _brainstorming(self, candidate: Candidate, rendered: Rendered) -> Request:
        """One request serves the draws of a persona that share a round."""
        turn = candidate.draw // self._config.instructions
        persona = self._personas[candidate.item]
        return self._requester.request(
            candidate, rendered, draw=turn, persona=persona.id, system=persona.persona,
            facet="brainstorm",
        )  # fmt: skip

    def _write(
        self, chunk: Sequence[Candidate], instructions: Mapping[int, str], drafts: dict[int, Draft]
    ) -> None:
        """The rows, as drafts by place."""
        asked: list[tuple[Candidate, Rendered, Request]] = []
        for one in chunk:
            if one.place in drafts:
                continue
            rendered = self._second(one, instructions.get(one.place, ""))
            if rendered is None:
                drafts[one.place] = Draft(one, _place_key(one), failure="too_long_prompt")
                continue
            persona = self._personas[one.item]
            system = persona.persona if self._kind in ONE_STEP else ""
            request = self._requester.request(
                one, rendered, draw=one.draw, persona=persona.id, system=system, facet=self._kind
            )
            asked.append((one, rendered, request))
        answers = self._asker.ask([request for *_, request in asked])
        for one, rendered, request in asked:
            answer = answers[request.key]
            drafts[one.place] = (
                _failed(one, answer, answer.failure)
                if answer.failure
                else self._draft(one, instructions.get(one.place, ""), rendered.prompt, answer)
            )

    def _first(self) -> Rendered | None:
        prompt = self._shelf.find(self._kind, 1, self._prompt_language)
        return self._requester.fill(prompt, {"count": self._config.instructions})

    def _second(self, candidate: Candidate, instruction: str) -> Rendered | None:
        step = 1 if self._kind in ONE_STEP else 2
        prompt = self._shelf.find(self._kind, step, self._prompt_language)
        key = f"{candidate.item}:{candidate.draw}"
        named = language_name(self._language, self._prompt_language)
        values: dict[str, object] = {
            **draw_attributes(self._kind, self._config.seed, key),
            "instruction": instruction,
            "language": named,
            "source_language": named,
            "target_language": language_name(self._config.target_language, self._prompt_language),
        }
        return self._requester.fill(prompt, values)

    @property
    def _language(self) -> str:
        return self._config.query_language or "en"

    @property
    def _prompt_language(self) -> str:
        return prompt_language(self._language)

    def _draft(
        self, candidate: Candidate, instruction: str, prompt: Prompt, answer: Answer
    ) -> Draft:
        keys = ROW_KEYS[self._kind]
        said = {name: str(value).strip() for name, value in answer.fields.items()}
        positive = Text.of(said[keys.positive])
        negatives = [Text.of(said[keys.negative])] if keys.negative else []
        one_step = self._kind in ONE_STEP
        return Draft(
            candidate,
            answer.request.key,
            query=said[keys.query],
            positive=positive.text_hash,
            negatives=tuple(text.text_hash for text in negatives),
            documents=(positive, *negatives),
            passage=positive.text,
            instruction=instruction,
            language=self._language,
            kind=self._kind,
            asked_by=candidate.item,
            persona=self._personas[candidate.item].persona if one_step else "",
            prompt=prompt.fixed,
            sent=answer.request.prompt,
            said=answer.raw,
        )


def _texts(values: object) -> list[str]:
    """The distinct texts of a list, in order, without those that are blank."""
    found = [str(value).strip() for value in values] if isinstance(values, list) else []
    return list(dict.fromkeys(filter(None, found)))


def _failed(candidate: Candidate, answer: Answer, reason: str) -> Draft:
    return Draft(
        candidate,
        answer.request.key,
        kind=answer.request.facet,
        failure=reason,
        sent=answer.request.prompt,
        said=answer.raw,
    )


def _place_key(candidate: Candidate) -> str:
    return f"{candidate.item}:{candidate.draw}"
