"""Settings of `import documents`, `import pairs`, `import labels` and `import sts`."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from kalm_data.core.config.settings import Settings

SourceFormat = Literal[
    "jsonl", "json", "csv", "tsv", "parquet", "text", "markdown", "beir", "dataset"
]
GivenSplit = Literal["train", "dev", "test", "draw"]

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})-({_NUMBER})")


class ImportSettings(Settings):
    """How sources are read, and which split their rows go to.

    A column is a name, or a template of names in braces.
    """

    format: SourceFormat | None = Field(
        default=None, description="Format of the sources; told by name and content if not given."
    )
    on_error: Literal["reject", "fail"] = Field(
        default="reject",
        description="Count and keep bad rows as rejects, or stop at the first one.",
    )
    dev_fraction: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the texts that goes to dev, 0-1, by whole groups; what would carry "
        "it beyond 1.5 times as much goes to train.",
    )
    test_fraction: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of the texts that goes to test, 0-1, by whole groups; what would carry "
        "it beyond 1.5 times as much goes to train.",
    )
    as_split: GivenSplit | None = Field(
        default=None,
        json_schema_extra={"option": "--as"},
        description="Put all rows into this split, whatever the source says; "
        "draw: by the fractions, as if the source said nothing.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the drawn splits.")
    language: str = Field(
        default="", description='Language (ISO 639-1) of rows that have no column "language".'
    )

    @model_validator(mode="after")
    def _fractions_leave_room(self) -> "ImportSettings":
        if self.dev_fraction + self.test_fraction > 1:
            message = (
                f"dev_fraction {self.dev_fraction} and test_fraction {self.test_fraction} "
                "are more than 1 together"
            )
            raise ValueError(message)
        return self

    @field_validator("language")
    @classmethod
    def _is_a_language(cls, language: str) -> str:
        if language and not (len(language) in (2, 3) and language.isascii() and language.islower()):
            message = f"{language!r} is no ISO 639 code, such as en"
            raise ValueError(message)
        return language


class DocumentSettings(ImportSettings):
    """Where the documents go, and where their titles are."""

    collection: str = Field(
        default="", description="Collection of the documents; the name of the task if not given."
    )
    title: str = Field(default="", description="Column of a document's title.")


class ImportDocumentsConfig(DocumentSettings):
    """How documents are read."""

    text: str = Field(
        default="", description="Column of the text, or a template: '{head}\\n{body}'."
    )
    id: str = Field(
        default="", description="Column of the id; a digest of the text if there is none."
    )
    parent: str = Field(
        default="",
        description="Column of what a document is a part of; parts of one whole share a split "
        "and are no negatives for one another.",
    )
    licence: str = Field(default="", description='Licence of rows that have no column "licence".')
    max_tokens: int = Field(
        default=256,
        ge=16,
        description="Most tokens of a chunk of a text or Markdown file, heading path included.",
    )
    tokenizer: str = Field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        description="Model whose tokenizer counts them: a folder, or a name of the model hub.",
    )
    sync: bool = Field(
        default=False,
        description="Retire the collection's documents that the sources no longer hold.",
    )


class ImportPairsConfig(DocumentSettings):
    """How queries and the documents that answer them are read."""

    query: str = Field(
        default="", description="Column of the query, or a template: '{subject}\\n{body}'."
    )
    pos: str = Field(default="", description="Column of the positive, or of a list of positives.")
    neg: str = Field(default="", description="Column of the negative, or of a list of negatives.")
    pos_id: str = Field(
        default="", description="Column of the ids of positives among the task's documents."
    )
    neg_id: str = Field(
        default="", description="Column of the ids of negatives among the task's documents."
    )
    instruction: str = Field(default="", description="Column of a query's own instruction.")


class ImportLabelsConfig(ImportSettings):
    """How texts and their classes are read."""

    text: str = Field(
        default="", description="Column of the text, or a template: '{subject}\\n{body}'."
    )
    label: str = Field(default="", description="Column of the text's class; numbers are names.")


class ImportStsConfig(ImportSettings):
    """How pairs of texts and their scores are read."""

    first: str = Field(
        default="", description="Column of the first text, or a template: '{subject}\\n{body}'."
    )
    second: str = Field(default="", description="Column of the second text, or a template.")
    score: str = Field(default="", description="Column of how alike the two texts are, a number.")
    scale: str = Field(
        default="0-1",
        description="Range of the scores, LEAST-MOST, e.g. 0-5; they are stored as 0-1.",
    )

    @field_validator("scale")
    @classmethod
    def _is_a_range(cls, scale: str) -> str:
        found = _RANGE.fullmatch(scale)
        if not found or float(found[1]) >= float(found[2]):
            message = f"{scale!r} is no range of scores: write LEAST-MOST, e.g. 0-5"
            raise ValueError(message)
        return scale

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the highest score that a row can have."""
        least, most = _RANGE.findall(self.scale)[0]
        return float(least), float(most)
