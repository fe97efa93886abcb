"""Trained weights on the way back to those of the base, as far as dev scores say.

Plain contrastive training on one's own corpus can make a strong embedder worse; weights between
those of the base and the trained ones often do better than both (WiSE-FT, arXiv 2109.01903).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.trained import ShareScore
from kalm_data.trainer.adapters import without_adapters
from kalm_data.trainer.averaging import blend, weights_of
from kalm_data.trainer.base_model import load_base

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.trained import Fitted
    from kalm_data.trainer.base_model import Base
    from kalm_data.trainer.dev_scores import DevEvaluator


def mix_in_base(
    model: SentenceTransformer,
    base: Base,
    config: TrainConfig,
    evaluator: DevEvaluator | None,
    fitted: Fitted,
) -> Fitted:
    """Give `model` the mixture of `config.base_shares` that does best on dev, and say which.

    Of equal ones the one with least of the base. Without dev rows nothing is mixed.
    """
    if not config.base_shares or evaluator is None:
        return fitted
    trained = weights_of(model)
    if config.lora_rank:
        ours = without_adapters(trained)
    else:
        ours = weights_of(load_base(base.path, config).float())
    scores = []
    for share in config.base_shares:  # in rising order
        blend(model, trained, ours, share)
        scores.append(ShareScore(share, evaluator(model)[evaluator.headline]))
    best = max(scores, key=lambda one: one.score)
    blend(model, trained, ours, best.share)
    return replace(fitted, base_share=best.share, shares=tuple(scores))
