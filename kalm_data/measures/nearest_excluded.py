"""Finds the texts of test sets that vectors hold to be near a training text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.templates import render_document, render_query, resolve_templates
from kalm_data.measures.rules.exclusion import Near

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kalm_data.core.contamination import ExcludedText, Kind
    from kalm_data.core.filtering import FilterRow
    from kalm_data.core.pool import Pool
    from kalm_data.core.protocols import Encoder, Vectors
    from kalm_data.core.tasks import Task

_ROWS_AT_ONCE = 1024


class VectorsOfExcluded:
    """Satisfies `measures.rules.exclusion.NearestExcluded`.

    Training texts are written as `mine` writes them for the encoder, so their vectors are there
    already where it ranked the task; texts of test sets are written as those of the first task.
    """

    def __init__(
        self,
        encoder: Encoder,
        embed: Callable[[Sequence[str]], Vectors],
        pools: Mapping[Task, Pool],
        excluded: Sequence[ExcludedText],
        least: float,
    ) -> None:
        """embed: (N, D) unit vectors of N rendered texts. least: the cosine that makes a match."""
        self._embed, self._least, self._excluded = embed, least, excluded
        prompts = encoder.query_prompt, encoder.document_prompt
        self._templates = {task.name: resolve_templates(task, *prompts) for task in pools}
        self._pools = {task.name: (pool.columns, pool.index()) for task, pool in pools.items()}

    def find(self, kind: Kind, rows: Sequence[FilterRow]) -> list[Near | None]:
        others = [text for text in self._excluded if text.kind == kind]
        if not others or not rows:
            return [None] * len(rows)
        first = next(iter(self._templates.values()))
        render = render_query if kind == "query" else render_document
        theirs = self._embed([render(first, text.text) for text in others])
        ours = self._embed([self._written(kind, row) for row in rows])
        found: list[Near | None] = []
        for start in range(0, len(ours), _ROWS_AT_ONCE):
            cosines = ours[start : start + _ROWS_AT_ONCE] @ theirs.T
            best = np.argmax(cosines, axis=1)
            found += [
                Near(float(line[place]), others[place]) if line[place] >= self._least else None
                for line, place in zip(cosines, best.tolist(), strict=True)
            ]
        return found

    def _written(self, kind: Kind, row: FilterRow) -> str:
        templates = self._templates[row.task]
        if kind == "query":
            return render_query(templates, row.example.query, row.example.instruction)
        columns, index = self._pools[row.task]
        place = index[row.text_hash]
        return render_document(templates, row.text, columns.titles[place], columns.headings[place])
