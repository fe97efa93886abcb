"""Settings of `train --merge`."""

from typing import Self

from pydantic import Field, model_validator

from kalm_data.core.config.settings import Settings


class MergeSettings(Settings):
    """Which saved models are averaged, and how much each counts."""

    merge: tuple[str, ...] = Field(
        (),
        description="Average saved models instead of training, parameter by parameter: their "
        "folders, one an option, two at least.",
    )
    merge_weights: tuple[float, ...] = Field(
        (),
        description="How much each model of --merge counts, in their order; they need not sum to "
        "1. Default: all alike.",
    )

    @model_validator(mode="after")
    def _each_model_has_a_weight(self) -> Self:
        if len(self.merge) == 1:
            raise ValueError("merge: one model alone. Name two or more")
        if self.merge_weights and len(self.merge_weights) != len(self.merge):
            given = f"{len(self.merge_weights)} for {len(self.merge)} models"
            message = f"merge_weights: {given}. Give each one, or none"
            raise ValueError(message)
        if any(weight < 0 for weight in self.merge_weights):
            raise ValueError("merge_weights: below 0. Give weights of 0 or more")
        if self.merge_weights and sum(self.merge_weights) <= 0:
            raise ValueError("merge_weights: their sum is 0. Give one above it")
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """One share for each model; they sum to 1."""
        weights = self.merge_weights or (1.0,) * len(self.merge)
        return tuple(weight / sum(weights) for weight in weights)
