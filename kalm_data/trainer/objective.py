"""What a training step minimises, from the tokens of a batch to one number.

Letters as in `targets.py`; D dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from kalm_data.core.errors import InputError
from kalm_data.trainer.devices import gather, most
from kalm_data.trainer.losses.cosent import cosent
from kalm_data.trainer.losses.distillation import distillation
from kalm_data.trainer.losses.info_nce import info_nce, masked, within_margin
from kalm_data.trainer.losses.mixing import list_mixtures, pair_mixtures
from kalm_data.trainer.memory import embed_parts
from kalm_data.trainer.targets import Contrast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kalm_data.core.config.training.loss import LossSettings
    from kalm_data.trainer.targets import Layout, ScoredPairs, Targets


class Teacher(Protocol):
    """A model that is followed."""

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, any width) vectors of texts, to be compared by cosine; their device is free."""
        ...


class ContrastiveLoss(nn.Module):
    """The loss of a batch whose distinct texts are each encoded once; keeps the losses it gave.

    Where torch.distributed runs, every process must be fed the same rows and compose them with a
    `Collator` of its own `Share`. It then encodes its share of the texts, and the gradients that
    DDP or FSDP average are those of one process with the whole batch.

    A `teacher` is asked, instead of the scores in the shards, for its cosines of each query and all
    documents that count for it; the collator must have been given its templates.
    """

    def __init__(
        self, model: nn.Module, settings: LossSettings, teacher: Teacher | None = None
    ) -> None:
        super().__init__()
        self.model = model
        self.limit_bytes = settings.memory_gb * 2**30
        self._settings = settings
        self._teacher = teacher
        self._dims = _dims(model, settings)
        self.given: list[Tensor] = []

    def forward(self, features: Sequence[dict[str, Any]], targets: Targets) -> Tensor:
        """features: the parts of the batch's texts, in order; targets: `Collator` says what."""
        embedded = self._embed(features, targets.layout)
        with torch.autocast(embedded.device.type, enabled=False):
            taught = self._ask(targets)
            loss = self._over_dims(embedded.float(), targets.of, taught)
        self.given.append(loss.detach())
        return loss

    def _embed(self, features: Sequence[dict[str, Any]], layout: Layout) -> Tensor:
        """(N, D) the vectors of all processes. FSDP wants equally many passes of each of them."""
        passes = most(len(features), layout.order.device)
        parts = [*features, *[features[0]] * (passes - len(features))]
        embedded = torch.cat(embed_parts(self.model, parts, self.limit_bytes))
        return gather(embedded[layout.order], layout.share)

    @torch.no_grad()
    def _ask(self, targets: Targets) -> Tensor | None:
        """(Q, P) the teacher's cosines, of vectors that the processes share out as they do ours."""
        of, share = targets.of, targets.layout.share
        asked = of.teacher_texts if isinstance(of, Contrast) else None
        if self._teacher is None or asked is None or not self._settings.distill_weight:
            return None
        texts = sorted({*asked.queries, *asked.documents}, key=lambda text: (len(text), text))
        own = self._teacher.encode([texts[i] for i in share.mine(len(texts))])
        own = normalize(own.to(targets.layout.order.device, torch.float32), dim=-1)
        vectors = gather(own, share)
        place = {text: share.place(i, len(texts)) for i, text in enumerate(texts)}
        queries = vectors[[place[text] for text in asked.queries]]
        return queries @ vectors[[place[text] for text in asked.documents]].T

    def _over_dims(
        self, embedded: Tensor, of: Contrast | ScoredPairs, taught: Tensor | None
    ) -> Tensor:
        """Matryoshka (arXiv 2205.13147): the loss at each dimension, weighted and summed."""
        losses = [
            weight * self._at(normalize(embedded[:, :dim], dim=-1), of, taught)
            for dim, weight in self._dims
        ]
        return torch.stack(losses).sum() if len(losses) > 1 else losses[0]

    def _at(self, vectors: Tensor, of: Contrast | ScoredPairs, taught: Tensor | None) -> Tensor:
        return (
            self._contrast(vectors, of, taught)
            if isinstance(of, Contrast)
            else self._scored(vectors, of)
        )

    def _contrast(self, vectors: Tensor, of: Contrast, taught: Tensor | None) -> Tensor:
        settings = self._settings
        scores, counted = self._scores(vectors, of)
        blocks = [masked(scores, counted)]
        blocks += self._same_tower(vectors, scores, of)
        blocks += self._mixtures(vectors, scores, counted, of)
        told = blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1)
        loss = info_nce(told, of.positives, settings.temperature, settings.focal_gamma)
        if settings.distill_weight:
            loss = loss + settings.distill_weight * self._distilled(scores, counted, of, taught)
        return loss if of.weight == 1 else loss * of.weight

    def _distilled(
        self, scores: Tensor, counted: Tensor, of: Contrast, taught: Tensor | None
    ) -> Tensor:
        settings = self._settings
        columns = torch.cat([of.positives[:, None], of.negatives.clamp(min=0)], dim=1)
        tau = settings.distill_temperature or settings.temperature
        if taught is not None:
            return distillation(scores, masked(taught, counted), settings.temperature, tau)
        return distillation(scores.gather(1, columns), of.taught, settings.temperature, tau)

    def _scores(self, vectors: Tensor, of: Contrast) -> tuple[Tensor, Tensor]:
        """(Q, P) cosines, and which of them count."""
        scores = vectors[of.queries] @ vectors[of.documents].T
        counted = of.counted
        if self._settings.mask_margin is not None:
            counted = counted & self._near(scores, scores, of)
        return scores, counted

    def _near(self, scores: Tensor, found: Tensor, of: Contrast) -> Tensor:
        """Whether `found` (Q, any) is not too far above the score of the positive."""
        margin = self._settings.mask_margin
        if margin is None:
            return torch.ones_like(found, dtype=torch.bool)
        return within_margin(found, scores.gather(1, of.positives[:, None])[:, 0], margin)

    def _same_tower(self, vectors: Tensor, scores: Tensor, of: Contrast) -> list[Tensor]:
        """Query against query and positive against document, as Qwen3-Embedding has them.

        A document too near the query is no negative of its positive either (arXiv 2506.05176,
        where the mask of a document is decided by its score for the query).
        """
        if of.same_tower is None:
            return []
        queries, tower = vectors[of.queries], of.same_tower
        documents = vectors[of.documents]
        to_queries = queries @ vectors[tower.queries].T
        to_documents = documents[of.positives] @ documents.T
        peers = tower.peers & self._near(scores, to_queries, of)
        others = tower.others & self._near(scores, scores, of)
        return [masked(to_queries, peers), masked(to_documents, others)]

    def _mixtures(
        self, vectors: Tensor, scores: Tensor, counted: Tensor, of: Contrast
    ) -> list[Tensor]:
        """(Q, M) scores of mixtures of the query's own negatives, -inf where it has none."""
        settings, queries = self._settings, vectors[of.queries]
        if settings.mix == "none" or not of.negatives.shape[1]:
            return []
        documents = vectors[of.documents]
        negatives = of.negatives.clamp(min=0)
        usable = (of.negatives >= 0) & counted.gather(1, negatives)
        mixed = []
        if settings.mix in ("pair", "both"):
            count = settings.mix_negatives
            mixed.append(pair_mixtures(documents, negatives, usable, count, of.seed))
        if settings.mix in ("list", "both"):
            tau = settings.temperature
            mixed.append(list_mixtures(documents, negatives, usable, scores, tau))
        return [masked(torch.einsum("qd,qmd->qm", queries, one), is_one) for one, is_one in mixed]

    def _scored(self, vectors: Tensor, of: ScoredPairs) -> Tensor:
        cosines = (vectors[of.first] * vectors[of.second]).sum(1)
        loss = cosent(cosines, of.scores, of.tasks, self._settings.scored_scale)
        return self._settings.scored_weight * loss


def _dims(model: nn.Module, settings: LossSettings) -> list[tuple[int | None, float]]:
    """Each dimension the loss is taken at, with its weight; None is the whole vector."""
    if not settings.matryoshka:
        return [(None, 1.0)]
    width = getattr(model, "get_embedding_dimension", lambda: None)()
    for dim in settings.matryoshka:
        if width is not None and dim > width:
            message = f"--matryoshka {dim}: the model's vectors have {width} dimensions"
            raise InputError(f"{message}. Give no larger one.")
    weights = settings.matryoshka_weights or (1.0,) * len(settings.matryoshka)
    return list(zip(settings.matryoshka, weights, strict=True))
