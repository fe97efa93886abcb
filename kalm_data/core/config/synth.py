"""Settings of `synth`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kalm_data.core.config.settings import Settings

Facet = Literal["title", "phrases", "sentence"]


class SynthConfig(Settings):
    """Who writes queries, how many, and what a query must be."""

    engine: Literal["extractive"] = Field(
        "extractive",
        description="Who writes the queries. extractive: taken from each document's own words, "
        "no language model.",
    )
    per_doc: int = Field(3, ge=1, le=1000, description="Queries asked for each document.")
    target: int | None = Field(
        None, ge=1, description="Stop after this many accepted queries, in the order of the plan."
    )
    facets: tuple[Facet, ...] = Field(
        ("title", "phrases", "sentence"),
        min_length=1,
        description="Kinds of queries that are drawn from.",
    )
    min_words: int = Field(
        2,
        ge=1,
        description="Fewest words of a query; a Chinese, Japanese or Korean character is a word.",
    )
    max_words: int = Field(64, ge=1, description="Most words of a query.")
    split: Literal["train", "dev", "test"] = Field(
        "train",
        description="Documents of this split are the sources, and the queries belong to it.",
    )
    attempts: int = Field(
        1, ge=1, le=10, description="Times a request that failed is tried, with a seed of its own."
    )
    seed: int = Field(0, ge=0, description="Seed of every choice.")
    preview: int = Field(
        0, ge=0, le=1000, description="Show this many queries of the plan and write nothing."
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.min_words > self.max_words:
            message = f"min_words {self.min_words} is more than max_words {self.max_words}"
            raise ValueError(message)
        return self
