"""Turns the rows of a batch into what the loss takes: tokens, and who learns from whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from kalm_data.trainer.collate import Draw, compose_batch, draw_negatives

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kalm_data.core.templates import Templates
    from kalm_data.trainer.rows import Row
    from kalm_data.trainer.sampler import Slot

PART_TOKENS = {"cpu": 2048, "cuda": 65_536}
"""About so many tokens go through the model at once. Texts of a part are neighbours in length, so
there is little padding, and on a CPU its matrices stay in the cache: MiniLM on one core took 43 s
for 64 descriptions of Debian packages as they come, 17 s sorted, 11 s in parts of this size."""

_CHARACTERS_PER_TOKEN = 4


class Collator:
    """Turns the rows of a batch into what the loss takes: tokenized parts, and their map.

    `cut` are the texts met so far that the model reads only in part.
    """

    def __init__(
        self,
        preprocess: Callable[[list[str]], dict[str, Any]],
        cut_among: Callable[[Sequence[str], Mapping[str, Any]], list[str]],
        templates: Mapping[str, Templates],
        negatives: int,
        part_tokens: int,
        max_length: int | None,
    ) -> None:
        self._preprocess = preprocess
        self._cut_among = cut_among
        self._templates = templates
        self._negatives = negatives
        self._part_tokens = part_tokens
        self._max_length = max_length or part_tokens
        self.cut: set[str] = set()

    def __call__(self, batch: Sequence[tuple[Row, Slot]]) -> dict[str, Any]:
        """`part0_…`, …: the tokens of all texts, by length; `label`: who learns from whom."""
        rows = [row for row, _ in batch]
        draws = [self._draw(row, slot) for row, slot in batch]
        composed = compose_batch(rows, draws, self._templates)
        order = sorted(range(len(composed.texts)), key=lambda i: (len(composed.texts[i]), i))
        texts = [composed.texts[i] for i in order]
        place = {old: new for new, old in enumerate(order)}
        inputs: dict[str, Any] = {}
        for number, some in enumerate(cut_parts(texts, self._part_tokens, self._max_length)):
            part = self._preprocess(some)
            self.cut.update(self._cut_among(some, part))
            inputs |= {f"part{number}_{name}": value for name, value in part.items()}
        inputs["label"] = {
            "queries": torch.tensor([place[i] for i in composed.queries]),
            "documents": torch.tensor([place[i] for i in composed.documents]),
            "positives": torch.tensor(composed.positives),
            "counted": torch.from_numpy(composed.counted),
        }
        return inputs

    def _draw(self, row: Row, slot: Slot) -> Draw:
        return Draw(slot.positive, draw_negatives(len(row.neg), self._negatives, slot.key))


def cut_parts(texts: Sequence[str], tokens: int, max_length: int) -> list[list[str]]:
    """Cut texts, in order of length, in parts of about so many tokens, padding included.

    max_length: tokens that are read of one text at most.
    """
    parts: list[list[str]] = []
    for text in texts:
        length = min(len(text) // _CHARACTERS_PER_TOKEN + 2, max_length)
        if not parts or (len(parts[-1]) + 1) * length > tokens:
            parts.append([])
        parts[-1].append(text)
    return parts
