"""Turns the rows of a batch into what the loss takes: tokens, and who learns from whom.

Letters as in `targets.py`.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Any

import torch

from kalm_data.trainer.collate import (
    Draw,
    compose_batch,
    compose_pairs,
    draw_negatives,
    peers,
    teacher_texts,
)
from kalm_data.trainer.devices import Share
from kalm_data.trainer.rows import ScoredRow
from kalm_data.trainer.targets import (
    Contrast,
    Layout,
    SameTower,
    ScoredPairs,
    Targets,
    TeacherTexts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kalm_data.core.config.training.loss import LossSettings
    from kalm_data.core.templates import Templates
    from kalm_data.trainer.collate import Batch
    from kalm_data.trainer.progress import Progress
    from kalm_data.trainer.rows import Row
    from kalm_data.trainer.sampler import Fetched, Slot
    from kalm_data.trainer.tokens import Reader


class Collator:
    """Turns the rows of a batch into what the loss takes: tokenized parts, and their map.

    On every process it must be given the whole global batch, the same everywhere. With
    `cross_device` the batch is composed as one, and each process encodes its share of the distinct
    texts; else each composes its own rows, and no text of another's.

    teacher_templates: of the teacher model that the objective has, if it has one.
    progress: is told the texts that the model reads only in part.
    """

    def __init__(
        self,
        reader: Reader,
        templates: Mapping[str, Templates],
        negatives: int,
        settings: LossSettings,
        process: Share,
        progress: Progress,
        teacher_templates: Mapping[str, Templates] | None = None,
    ) -> None:
        self._reader = reader
        self._templates = templates
        self._negatives = negatives
        self._settings = settings
        self._process = process
        self._teacher_templates = teacher_templates
        self._progress = progress

    def __call__(self, batch: Fetched) -> dict[str, Any]:
        """`part0_…`, …: the tokens of this process's texts; `label`: `Targets`."""
        share, weight = self._process, 1.0
        if share.world > 1 and not self._settings.cross_device:
            own = batch[share.rank :: share.world]
            # The mean over processes is the mean over rows; who has none learns nothing from one.
            weight = len(own) * share.world / len(batch)
            batch, share = own or batch[:1], Share()
        drawn = [one for one in batch if not isinstance(one, ScoredRow)]
        if drawn:
            return self._rows(drawn, share, weight)
        return self._pairs([one for one in batch if isinstance(one, ScoredRow)], share)

    def _pairs(self, pairs: Sequence[ScoredRow], share: Share) -> dict[str, Any]:
        composed = compose_pairs(pairs, self._templates)
        inputs, layout, places = self._read(composed.texts, share)
        scored = ScoredPairs(
            first=places[composed.first],
            second=places[composed.second],
            scores=torch.tensor([pair.score for pair in pairs], dtype=torch.float32),
            tasks=torch.tensor(composed.tasks),
        )
        return inputs | {"label": Targets(layout, scored)}

    def _rows(
        self, batch: Sequence[tuple[Row, Slot]], share: Share, weight: float
    ) -> dict[str, Any]:
        rows = [row for row, _ in batch]
        draws = [self._draw(row, slot) for row, slot in batch]
        composed = compose_batch(rows, draws, self._templates)
        inputs, layout, places = self._read(composed.texts, share)
        seed = reduce(xor, (int(slot.key) for _, slot in batch)) % 2**63
        contrast = self._contrast(rows, draws, composed, places, seed, weight)
        return inputs | {"label": Targets(layout, contrast)}

    def _read(
        self, texts: Sequence[str], share: Share
    ) -> tuple[dict[str, Any], Layout, torch.Tensor]:
        """The parts of this process, and where the vector of each text will stand."""
        by_length = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
        own = [texts[by_length[i]] for i in share.mine(len(texts))]
        inputs: dict[str, Any] = {}
        encoded: list[int] = []
        for number, part in enumerate(self._reader.parts(own)):
            some = [own[i] for i in part.texts]
            self._progress.add_cut(self._reader.cut_among(some, part.tokens))
            inputs |= {f"part{number}_{name}": value for name, value in part.tokens.items()}
            encoded += part.texts
        order = torch.argsort(torch.tensor(encoded))
        places = torch.empty(len(texts), dtype=torch.int64)
        for i, text in enumerate(by_length):
            places[text] = share.place(i, len(texts))
        return inputs, Layout(order, share), places

    def _contrast(
        self,
        rows: Sequence[Row],
        draws: Sequence[Draw],
        composed: Batch,
        places: torch.Tensor,
        seed: int,
        weight: float,
    ) -> Contrast:
        same_tower = None
        if self._settings.same_tower:
            queries, counted = peers(rows, composed.queries)
            same_tower = SameTower(
                queries=places[queries],
                peers=torch.from_numpy(counted),
                others=torch.from_numpy(composed.others),
            )
        asked = None
        if self._teacher_templates:
            written = self._templates, self._teacher_templates
            asked = TeacherTexts(*teacher_texts(rows, draws, *written))
        return Contrast(
            queries=places[composed.queries],
            documents=places[composed.documents],
            positives=torch.tensor(composed.positives),
            counted=torch.from_numpy(composed.counted),
            negatives=_negatives(composed),
            taught=_taught(rows, draws, composed),
            seed=seed,
            weight=weight,
            same_tower=same_tower,
            teacher_texts=asked,
        )

    def _draw(self, row: Row, slot: Slot) -> Draw:
        return Draw(slot.positive, draw_negatives(len(row.neg), self._negatives, slot.key))


def _negatives(composed: Batch) -> torch.Tensor:
    """(Q, K) columns of each query's own hard negatives, filled up with -1."""
    width = max(len(own) for own in composed.negatives)
    found = torch.full((len(composed.negatives), width), -1)
    for query, own in enumerate(composed.negatives):
        found[query, : len(own)] = torch.tensor([one.column for one in own], dtype=torch.int64)
    return found


def _taught(rows: Sequence[Row], draws: Sequence[Draw], composed: Batch) -> torch.Tensor:
    """(Q, 1 + K) scores in the shards of each query's positive and of `_negatives`, else NaN."""
    width = 1 + max(len(own) for own in composed.negatives)
    found = torch.full((len(rows), width), float("nan"))
    for query, (row, draw, own) in enumerate(zip(rows, draws, composed.negatives, strict=True)):
        scores = [row.pos_scores[draw.positive], *(row.neg_scores[one.place] for one in own)]
        for column, score in enumerate(scores):
            if score is not None:
                found[query, column] = score
        if not found[query, 0].isfinite():
            found[query] = float("nan")
    return found
