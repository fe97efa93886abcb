"""What the authors that ask a language model share: from a prompt and its values to a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.chunks import head_that_fits
from kalm_data.core.request_keys import attempt_seed, request_key
from kalm_data.core.synthesis import Request, Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.config.asking import AskingConfig
    from kalm_data.core.prompts import Prompt
    from kalm_data.core.protocols import Tokenizer
    from kalm_data.core.synthesis import Candidate, SourceDocument

TEMPLATE_TOKENS = 32
"""Of a chat template around system and user message, at most."""


class Room(Protocol):
    """How much a prompt may hold."""

    def holds(self, prompt: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class TokenRoom:
    """At most so many tokens, by the model's tokenizer."""

    tokenizer: Tokenizer
    tokens: int

    def holds(self, prompt: str) -> bool:
        # a token is a byte at least: most prompts need no counting
        if len(prompt.encode("utf-8", "replace")) <= self.tokens:
            return True
        return self.tokenizer.count(prompt) <= self.tokens


class Endless:
    """The room of a model that takes any prompt."""

    def holds(self, prompt: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt that was filled; `cut` tells whether the document was cut for it."""

    prompt: Prompt
    text: str
    cut: bool = False


class Requester:
    """Makes the requests of one run."""

    def __init__(self, engine: str, config: AskingConfig, room: Room) -> None:
        self._engine, self._config, self._room = engine, config, room
        self._sampling = Sampling(config.temperature, config.top_p, config.max_tokens)

    def fill(self, prompt: Prompt, values: Mapping[str, object]) -> Rendered | None:
        """The filled prompt; None where there is no room for it.

        A `text` among the values is cut at the end of a sentence where the user allows that.
        """
        rendered = prompt.render(values)
        if self._room.holds(rendered):
            return Rendered(prompt, rendered)
        text = values.get("text")
        if self._config.on_long == "reject" or not isinstance(text, str):
            return None
        head = head_that_fits(
            text, lambda part: self._room.holds(prompt.render({**values, "text": part}))
        )
        cut = prompt.render({**values, "text": head})
        return Rendered(prompt, cut, cut=True) if head and self._room.holds(cut) else None

    def request(
        self,
        candidate: Candidate,
        rendered: Rendered,
        *,
        draw: int,
        persona: str = "",
        system: str = "",
        facet: str = "",
        document: SourceDocument | None = None,
    ) -> Request:
        """The first attempt; `draw` tells apart the replies to one prompt."""
        schema, seed = rendered.prompt.schema, self._config.seed
        key = request_key(
            engine=self._engine, system=system, prompt=rendered.text, schema=schema,
            sampling=self._sampling, draw=draw, seed=seed,
        )  # fmt: skip
        return Request(
            key,
            candidate.place,
            0,
            attempt_seed(seed, key, 0),
            document=document,
            facet=facet,
            persona=persona,
            prompt_name=rendered.prompt.name,
            system=system,
            prompt=rendered.text,
            schema=schema,
            sampling=self._sampling,
        )
