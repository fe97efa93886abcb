"""Batches of a tiny model, from rows of text to what the objective takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from kalm_data.core.config.training.loss import LossSettings
from kalm_data.core.tasks import Task
from kalm_data.core.templates import resolve_templates
from kalm_data.trainer.devices import Share
from kalm_data.trainer.feed import Collator
from kalm_data.trainer.objective import ContrastiveLoss
from kalm_data.trainer.progress import Progress
from kalm_data.trainer.rows import Row
from kalm_data.trainer.sampler import Slot
from kalm_data.trainer.tokens import Reader

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from kalm_data.core.templates import Templates
    from kalm_data.trainer.sampler import Fetched
    from kalm_data.trainer.targets import Targets

ALONE = Share()


class Fed(NamedTuple):
    """What the loop hands to the objective."""

    features: list[dict[str, Any]]
    targets: Targets


def as_row(made: dict[str, Any]) -> Row:
    return Row(**{name: made[name] for name in Row.__slots__})


def feed(
    model: SentenceTransformer,
    rows: list[Row],
    settings: LossSettings,
    process: Share = ALONE,
    part_tokens: int = 24,
    teacher: dict[str, Templates] | None = None,
) -> Fed:
    """Rows of task `t`, each with its first positive and all of its negatives in order."""
    return feed_batch(
        model,
        [(row, Slot(i, 0, 0)) for i, row in enumerate(rows)],
        settings,
        process,
        part_tokens,
        teacher,
    )


def feed_batch(
    model: SentenceTransformer,
    batch: Fetched,
    settings: LossSettings,
    process: Share = ALONE,
    part_tokens: int = 24,
    teacher: dict[str, Templates] | None = None,
) -> Fed:
    reader = Reader(model.preprocess, lambda texts, found: [], part_tokens, model.max_seq_length)
    templates = {"t": resolve_templates(Task(name="t"))}
    collator = Collator(reader, templates, 9, settings, process, Progress(), teacher)
    inputs = collator(batch)
    targets = inputs.pop("label")
    parts: dict[str, dict[str, Any]] = {}
    for name, value in inputs.items():
        part, _, key = name.partition("_")
        parts.setdefault(part, {})[key] = value
    return Fed(list(parts.values()), targets)


def gradients(model: SentenceTransformer, loss: torch.Tensor) -> list[torch.Tensor]:
    """Of every parameter that the loss depends on."""
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return [one for one in found if one is not None]


def loss_of(model: SentenceTransformer, rows: list[Row], **given: object) -> torch.Tensor:
    settings = LossSettings.model_validate({"temperature": 0.05, **given})
    fed = feed(model, rows, settings)
    found: torch.Tensor = ContrastiveLoss(model, settings)(fed.features, fed.targets)
    return found
