"""Settings of `personas`."""

from typing import Literal

from pydantic import Field

from kalm_data.core.config.asking import AskingConfig


class PersonasConfig(AskingConfig):
    """Which documents a language model reads, to tell who would need them."""

    engine: Literal["vllm", "openai"] = Field(
        "openai",
        description="Who is asked. vllm: in this process. openai: any server with OpenAI's chat "
        "interface.",
    )
    per_doc: int = Field(3, ge=1, le=10, description="Personas asked for each document.")
    target: int | None = Field(None, ge=1, description="Stop after this many new personas.")
    query_language: str = Field(
        "", description="Language (ISO 639-1) of the prompt and so of the personas: en or zh. "
        "Empty: the document's own."
    )  # fmt: skip
