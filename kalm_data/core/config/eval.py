"""Settings of `eval`."""

from typing import Literal

from pydantic import Field

from kalm_data.core.config.settings import Settings


class EvalConfig(Settings):
    """How a model is judged on the test queries of a task, and what it must reach."""

    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Precision of the models that are judged."
    )
    verbatim_words: int = Field(
        1,
        ge=1,
        description="Take out test queries of at least this many words that stand word for word "
        "in a document of the pool.",
    )
    resamples: int = Field(
        10_000, ge=100, description="Resamples for confidence intervals and p-values."
    )
    seed: int = Field(0, ge=0, description="Seed of the resamples.")
    min_ndcg: float | None = Field(
        None, ge=0, le=1, description="Exit with status 3 if nDCG@10 is lower (0 to 1)."
    )
    min_gain: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Exit with status 3 if nDCG@10 exceeds that of --against by less.",
    )
    max_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Exit with status 3 unless the gain over --against is positive and its "
        "p-value at most this.",
    )
