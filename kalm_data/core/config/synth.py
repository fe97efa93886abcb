"""Settings of `synth`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kalm_data.core.config.asking import AskingConfig

Facet = Literal["title", "phrases", "sentence", "definition"]
WrittenType = Literal["short-long", "long-short", "short-short", "long-long", "sts", "bitext"]
"""The task types of arXiv 2501.01028 that are written from personas alone."""

ONE_STEP: tuple[WrittenType, ...] = ("sts", "bitext")
"""Types that are written without instructions being brainstormed first."""

VERBATIM_WORDS = 8
"""Words in a row that a language model's query may take over from the document."""


class SynthConfig(AskingConfig):
    """Who writes queries, how many, and what a query must be."""

    type: WrittenType | None = Field(
        None,
        description="Write whole rows of this type from personas alone, instead of queries for "
        "documents. The task is made if it is new.",
    )
    per_doc: int = Field(
        3, ge=1, le=1000, description="Queries asked for each document; rows for each persona."
    )
    target: int | None = Field(
        None, ge=1, description="Stop after this many accepted queries, in the order of the plan."
    )
    max_requests: int | None = Field(
        None, ge=1, description="Send so many requests in this run, at most; resumable."
    )
    budget: float | None = Field(
        None,
        gt=0,
        description="Stop when the tokens of this run have cost so much, by --price-in and "
        "--price-out; resumable.",
    )
    price_in: float = Field(0.0, ge=0, description="Price of a million tokens that are read.")
    price_out: float = Field(0.0, ge=0, description="Price of a million tokens that are written.")
    estimate: bool = Field(
        False, description="Tell requests, tokens, cost, time and disk, and write nothing."
    )
    facets: tuple[Facet, ...] = Field(
        ("title", "phrases", "sentence"),
        min_length=1,
        description="Kinds of queries that are drawn from (engine extractive); also: definition, "
        "what an English text says that its subject is or does.",
    )
    steps: Literal[1, 2] = Field(
        2,
        description="2: the model chooses character, question type and difficulty, then writes. "
        "1: they are drawn, for small models.",
    )
    persona_choice: Literal["random", "nearest"] = Field(
        "random",
        description="Five personas from which the model chooses: random ones, or the nearest to "
        "the document by --encoder.",
    )
    query_language: str = Field(
        "", description="Language (ISO 639-1) of queries or rows; empty: the document's own, or en."
    )
    target_language: str = Field("zh", description="Language of the translations of type bitext.")
    instructions: int = Field(
        10, ge=1, le=20, description="Instructions that a persona is asked for at a time."
    )
    min_words: int = Field(
        2,
        ge=1,
        description="Fewest words of a query; a Chinese, Japanese or Korean character is a word.",
    )
    max_words: int = Field(64, ge=1, description="Most words of a query.")
    max_verbatim: int | None = Field(
        None,
        ge=1,
        description="Most words in a row that a query takes over from its document. Default: 8 "
        "for language models, unlimited for extractive.",
    )
    preview: int = Field(
        0, ge=0, le=1000, description="Show this many queries of the plan and write nothing."
    )

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.min_words > self.max_words:
            message = f"min_words {self.min_words} is more than max_words {self.max_words}"
            raise ValueError(message)
        if self.budget is not None and not (self.price_in or self.price_out):
            message = "budget needs price_in or price_out"
            raise ValueError(message)
        if self.type and self.engine == "extractive":
            message = "rows from personas need a language model: engine vllm or openai"
            raise ValueError(message)
        return self

    @property
    def is_bounded(self) -> bool:
        """Whether the run may end before its plan does."""
        return (self.target, self.max_requests, self.budget) != (None, None, None)

    @property
    def requests_each(self) -> int:
        """Requests that a candidate takes, at most, failures left aside."""
        if self.type:
            return 1 if self.type in ONE_STEP else 2
        return 1 if self.is_extractive else self.steps

    @property
    def verbatim_words(self) -> int | None:
        """Words in a row that a query may take over; None where there is no bound."""
        return self.max_verbatim or (None if self.is_extractive else VERBATIM_WORDS)
