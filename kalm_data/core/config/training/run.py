"""Settings of a training run."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from kalm_data.core.config.settings import Settings, as_list

Keep = Literal["best", "last"]
Tracker = Literal["tensorboard", "wandb", "trackio"]


class RunSettings(Settings):
    """How the weights are moved, watched and kept."""

    lr: float = Field(2e-5, gt=0, description="Highest learning rate; it falls linearly to 0.")
    warmup_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of the steps in which the learning rate rises, 0-1."
    )
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of AdamW.")
    evaluations: int = Field(
        5,
        ge=0,
        description="How often the model is judged on the dev rows of the set, at equal distances; "
        "0: never.",
    )
    dev_queries: int = Field(
        500,
        ge=1,
        description="Most dev queries of a task that are asked each time, and most of its dev "
        "scored pairs that are compared.",
    )
    dev_documents: int = Field(
        5000,
        ge=1,
        description="Documents of a task among which dev queries look for theirs: those of the "
        "queries, and others of its rows up to this number.",
    )
    keep: Keep = Field(
        "best",
        description="Which weights are saved: those that did best on dev (nDCG@10; with scored "
        "pairs the mean of nDCG@10 and Spearman over tasks), or the last. Without dev rows the "
        "last.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="Stop early after so many evaluations without a better score; the rest is "
        "counted as early_stop.",
    )
    base_shares: tuple[float, ...] = Field(
        (),
        description="Mix the trained weights with those of the base: which share of the base (0-1) "
        "does best on dev is chosen among these, repeatable. Default: no mixing.",
    )
    checkpoint_minutes: float = Field(
        10.0,
        ge=0,
        description="Minutes between checkpoints, from which a killed run goes on; 0: none.",
    )
    resume: bool = Field(
        True,
        description="Go on from the last checkpoint where a run with the same settings, shards and "
        "base was killed, or start over.",
    )
    track: tuple[Tracker, ...] = Field(
        (), description="Where losses and scores are sent, repeatable: tensorboard, wandb, trackio."
    )

    _one_is_a_list = field_validator("track", mode="before")(as_list)

    @field_validator("base_shares")
    @classmethod
    def _are_shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= share <= 1 for share in shares):
            message = "shares lie between 0 and 1"
            raise ValueError(message)
        return tuple(sorted(set(shares)))

    @model_validator(mode="after")
    def _patience_counts_evaluations(self) -> Self:
        if self.patience and not self.evaluations:
            message = "patience has no evaluations to count: give evaluations, or leave it out"
            raise ValueError(message)
        return self
