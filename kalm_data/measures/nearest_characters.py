"""Who might need a document: the personas whose words are nearest to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.templates import TITLED, Templates, render_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from kalm_data.core.personas import Persona
    from kalm_data.core.protocols import Encoder, Run, Vectors, VectorSource
    from kalm_data.core.synthesis import SourceDocument

    Order = NDArray[np.int64]

_DECIMALS = 6
"""Cosines that differ by less are equal: the order then is that of the personas."""

_BARE = Templates(query="{query}", document=TITLED, untitled="{text}", instruction="")


class NearestCharacters:
    """Satisfies `core.protocols.CharacterFinder` (arXiv 2506.05176: the five nearest).

    A later draw of a document takes the next nearest, so that its queries differ in who asks.
    """

    def __init__(
        self, run: Run, encoder: Encoder, vectors: VectorSource, personas: Sequence[Persona]
    ) -> None:
        self._run, self._encoder, self._vectors = run, encoder, vectors
        self._personas = personas
        texts = [encoder.query_prompt + persona.persona for persona in personas]
        self._known: Vectors = vectors.vectors(run, encoder, texts)
        self._met: dict[str, Order] = {}

    def meet(self, documents: Iterable[SourceDocument]) -> None:
        known = list(documents)
        texts = [self._written(document) for document in known]
        made = self._vectors.vectors(self._run, self._encoder, texts)
        self._met = {
            document.text_hash: self._order(vector)
            for document, vector in zip(known, made, strict=True)
        }

    def find(self, document: SourceDocument, draw: int, count: int) -> list[Persona]:
        order = self._met[document.text_hash]
        first = draw * count % len(order)
        return [self._personas[place] for place in np.roll(order, -first)[:count]]

    def _written(self, document: SourceDocument) -> str:
        written = render_document(_BARE, document.text, document.title)
        return self._encoder.document_prompt + written

    def _order(self, vector: NDArray[np.float32]) -> Order:
        cosines = np.round(self._known.astype(np.float64) @ vector.astype(np.float64), _DECIMALS)
        return np.argsort(-cosines, kind="stable")
