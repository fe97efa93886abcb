"""Who might need a document: the personas whose words are nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.characters import speaking
from kalm_data.core.templates import BARE, render_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.personas import Persona
    from kalm_data.core.protocols import Encoder, Vectors
    from kalm_data.core.synthesis import SourceDocument

    Order = NDArray[np.int64]

_DECIMALS = 6
"""Cosines that differ by less are equal: the order then is that of the personas."""


class NearestCharacters:
    """Satisfies `core.protocols.CharacterFinder` (arXiv 2506.05176: the five nearest).

    A later draw of a document takes the next nearest, so that its queries differ in who asks.
    """

    def __init__(
        self,
        encoder: Encoder,
        embed: Callable[[Sequence[str]], Vectors],
        personas: Sequence[Persona],
    ) -> None:
        """embed: (N, D) unit vectors of N rendered texts by the encoder."""
        self._encoder, self._embed, self._personas = encoder, embed, personas
        texts = [encoder.query_prompt + persona.persona for persona in personas]
        self._known = embed(texts)
        self._met: dict[str, Order] = {}

    def meet(self, documents: Iterable[SourceDocument]) -> None:
        known = list(documents)
        texts = [self._written(document) for document in known]
        made = self._embed(texts)
        self._met = {
            document.text_hash: self._order(vector)
            for document, vector in zip(known, made, strict=True)
        }

    def find(self, document: SourceDocument, draw: int, count: int) -> list[Persona]:
        places = set(speaking(self._personas, document.language))
        order = [place for place in self._met[document.text_hash] if place in places]
        first = draw * count % len(order)
        return [self._personas[place] for place in (order[first:] + order[:first])[:count]]

    def _written(self, document: SourceDocument) -> str:
        written = render_document(BARE, document.text, document.title)
        return self._encoder.document_prompt + written

    def _order(self, vector: NDArray[np.float32]) -> Order:
        cosines = np.round(self._known.astype(np.float64) @ vector.astype(np.float64), _DECIMALS)
        return np.argsort(-cosines, kind="stable")


def embed_unstored(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """(N, D) unit vectors in order, which nobody keeps: for a look before a run."""
    placed = [(index, vector) for indices, vectors in encoder.encode(texts)
              for index, vector in zip(indices, vectors, strict=True)]  # fmt: skip
    return np.array([vector for _, vector in sorted(placed, key=lambda pair: pair[0])])
