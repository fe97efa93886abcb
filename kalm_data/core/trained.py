"""What a model that was trained here says of its training: `kalm-data.json` in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

RECORD = "kalm-data.json"

DEV_HEADLINE = "dev_ndcg@10"
"""The score on dev rows, a mean over tasks, by which weights are chosen."""

DEV_SCORE = "dev_score"
"""That takes its place where a task has dev scored pairs: the mean over all nDCG@10 of tasks with
dev rows and all Spearman correlations of tasks with dev scored pairs.
"""


@dataclass(frozen=True, slots=True)
class Trained:
    """`templates` by task, `shards` the fingerprint of the set, `folder` where it lay, or empty."""

    shards: str
    folder: str
    templates: Mapping[str, Templates]


@dataclass(frozen=True, slots=True)
class DevScore:
    """What the dev rows say after so many steps; 0 is the base. `scores` by name, in 0-1."""

    step: int
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ShareScore:
    """The score on dev of weights that are this share base, the rest trained: nDCG@10, or
    `DEV_SCORE`.
    """

    share: float
    score: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a task brings: nDCG@10 on dev with it minus without it, in all else alike.

    `itself` is on its own dev rows, `others` the mean over those of the other tasks, None where
    there are none; `tasks` has each.
    """

    task: str
    itself: float | None
    others: float | None
    tasks: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a training went.

    loss is the mean over all steps, last_loss over their last tenth. `cut` counts the distinct
    texts longer than the model reads, `untaught` the rows without a teacher's scores where these
    were to be learnt from. `best_step`
    is the one whose weights were saved, None where they are the last. `base_share` is how much of
    the base was mixed in, chosen among `shares`.
    """

    steps: int
    loss: float
    last_loss: float
    cut: int
    untaught: int = 0
    dev: tuple[DevScore, ...] = ()
    best_step: int | None = None
    base_share: float = 0.0
    shares: tuple[ShareScore, ...] = ()


def headline(scores: Collection[str]) -> str:
    """Which of these names of scores is that by which weights are chosen."""
    return DEV_SCORE if DEV_SCORE in scores else DEV_HEADLINE


def read_fitted(model: Path, identity: str) -> Fitted | None:
    """How the training went that `identity` names; None where the folder is not what it made."""
    try:
        record = json.loads((model / RECORD).read_text(encoding="utf-8"))
        if record["identity"] != identity:
            return None
        found = {each.name: record[each.name] for each in fields(Fitted)}
        found["dev"] = tuple(DevScore(**one) for one in record["dev"])
        found["shares"] = tuple(ShareScore(**one) for one in record["shares"])
        return Fitted(**found)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_trained(model: Path) -> Trained | None:
    """The record of the model in a folder, None where it was not trained here."""
    file = model / RECORD
    if not file.is_file():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        templates = {task: Templates(**given) for task, given in record["templates"].items()}
        return Trained(record["shards"], record.get("shards_folder", ""), templates)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file}: not a training record of kalm-data. Train again, or take it away."
        raise InputError(message) from error
