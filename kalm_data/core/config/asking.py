"""Settings of whatever asks a language model, or takes its place."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kalm_data.core.config.settings import Settings

EngineName = Literal["extractive", "vllm", "openai"]


class AskingConfig(Settings):
    """Who is asked, and how its replies are drawn."""

    engine: EngineName = Field(
        "extractive",
        description="Who writes. extractive: taken from each document's own words, no language "
        "model. vllm: in this process. openai: any server with OpenAI's chat interface.",
    )
    model: str = Field("", description="Language model: a folder or name; of a server its name.")
    temperature: float = Field(1.0, ge=0, le=2, description="Temperature of the language model.")
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus from which tokens are drawn.")
    max_tokens: int = Field(2048, ge=16, description="Most tokens of a reply.")
    context: int | None = Field(
        None, ge=256, description="Tokens that the model reads and writes together, if bounded."
    )
    on_long: Literal["cut", "reject"] = Field(
        "cut",
        description="What to do with a document that --context has no room for: cut it at the end "
        "of a sentence, or reject it.",
    )
    split: Literal["train", "dev", "test"] = Field(
        "train",
        description="Documents of this split are the sources, and the queries belong to it.",
    )
    attempts: int | None = Field(
        None,
        ge=1,
        le=10,
        description="Times a request that failed is tried, with a seed of its own. Default: 3 for "
        "language models, 1 for extractive.",
    )
    seed: int = Field(0, ge=0, description="Seed of every choice.")

    @model_validator(mode="after")
    def _has_a_model(self) -> Self:
        if self.engine != "extractive" and not self.model:
            message = f"engine {self.engine} needs a model"
            raise ValueError(message)
        return self

    @property
    def is_extractive(self) -> bool:
        return self.engine == "extractive"

    @property
    def tries(self) -> int:
        """Times a request that failed is tried."""
        return self.attempts or (1 if self.is_extractive else 3)
