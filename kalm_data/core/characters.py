"""Who might need a document: personas drawn by the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kalm_data.core.personas import Persona
    from kalm_data.core.synthesis import SourceDocument


class RandomCharacters:
    """Random personas for each draw of a document; satisfies `core.protocols.CharacterFinder`."""

    def __init__(self, personas: Sequence[Persona], seed: int) -> None:
        self._personas, self._seed = personas, seed

    def meet(self, documents: Iterable[SourceDocument]) -> None: ...

    def find(self, document: SourceDocument, draw: int, count: int) -> list[Persona]:
        """`count` personas, fewer where there are not so many; each a draw of its own."""
        found: dict[int, None] = {}
        wanted = min(count, len(self._personas))
        turn = 0
        while len(found) < wanted:
            drawn = digest(self._seed, "character", document.text_hash, draw, turn)
            found.setdefault(int(drawn[:13], 16) % len(self._personas))
            turn += 1
        return [self._personas[place] for place in found]
