"""Settings of `eval`."""

from typing import Annotated, Literal

from pydantic import Field

from kalm_data.core.config.settings import Settings


class RegressSettings(Settings):
    """Sets that a model was not trained for, and how much it may lose there."""

    regress: tuple[str, ...] = Field(
        (),
        description="Task of the workspace, or folder in BEIR's layout (its test queries), on "
        "which the model must not drop below its base, else exit with status 3; repeatable.",
    )
    max_drop: float = Field(
        0.01, ge=0, le=1, description="Drop of nDCG@10 that --regress still takes."
    )


class EvalConfig(RegressSettings):
    """How a model is judged on the test queries of tasks, and what it must reach."""

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
    dim: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="Judge the models also by the first so many numbers of their vectors "
        "(Matryoshka); repeatable.",
    )
    mteb: tuple[str, ...] = Field(
        (),
        description="Task of mteb by its name (extra eval), scored beside the workspace's own; "
        "repeatable.",
    )
    min_ndcg: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Exit with status 3 if nDCG@10 is lower (0 to 1), in the mean over tasks.",
    )
    min_gain: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Exit with status 3 if nDCG@10 exceeds that of --against by less, "
        "in the mean over tasks.",
    )
    max_p: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Exit with status 3 unless the gain over --against is positive, in the "
        "mean over tasks, and its p-value at most this.",
    )
