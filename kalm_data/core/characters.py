"""Who might need a document: personas drawn by the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.languages import prompt_language
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kalm_data.core.personas import Persona
    from kalm_data.core.synthesis import SourceDocument


class RandomCharacters:
    """Random personas for each draw of a document; satisfies `core.protocols.CharacterFinder`."""

    def __init__(self, personas: Sequence[Persona], seed: int) -> None:
        self._personas, self._seed = personas, seed
        self._speaking: dict[str, list[int]] = {}

    def meet(self, documents: Iterable[SourceDocument]) -> None: ...

    def find(self, document: SourceDocument, draw: int, count: int) -> list[Persona]:
        """`count` personas, fewer where there are not so many; each a draw of its own."""
        language = document.language
        if language not in self._speaking:
            self._speaking[language] = speaking(self._personas, language)
        places = self._speaking[language]
        found: dict[int, None] = {}
        wanted = min(count, len(places))
        turn = 0
        while len(found) < wanted:
            drawn = digest(self._seed, "character", document.text_hash, draw, turn)
            found.setdefault(int(drawn[:13], 16) % len(places))
            turn += 1
        return [self._personas[places[place]] for place in found]


def speaking(personas: Sequence[Persona], language: str) -> list[int]:
    """Places of the personas that are described in a document's language, or else in that of its
    prompt; all where there is none. A persona in another language misleads small models.
    """
    for wanted in (language, prompt_language(language)):
        found = [place for place, persona in enumerate(personas) if persona.language == wanted]
        if wanted and found:
            return found
    return list(range(len(personas)))
