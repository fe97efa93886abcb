"""Settings of `export`."""

from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from kalm_data.core.config.settings import Settings

RowFormat = Literal[
    "flagembedding", "kalm", "triplet", "n-tuple", "labeled-pair", "labeled-list", "pairs"
]
"""How the rows of a shard set can be written."""

ExportFormat = Literal[
    "flagembedding", "kalm", "triplet", "n-tuple", "labeled-pair", "labeled-list", "pairs", "beir"
]
ExportSplit = Literal["train", "dev", "test"]


class ExportConfig(Settings):
    """What is written, and how."""

    format: ExportFormat = Field(
        description="flagembedding, kalm: JSON lines. triplet, n-tuple, labeled-pair, "
        "labeled-list: Parquet with the columns of sentence-transformers' mine_hard_negatives. "
        "pairs: Parquet with anchor and positive. beir: corpus, queries and qrels of a task."
    )
    shards: Path | None = Field(
        None, description="Shard set whose rows are written; every format but beir needs one."
    )
    split: tuple[ExportSplit, ...] = Field(
        (), description="Split whose queries are written (beir); repeatable. Default: all."
    )
    titles: bool = Field(
        False,
        description="Write the title of a document above its text, as formats have no place for "
        "titles that a trainer reads. What is imported again then has it in the text.",
    )
    negatives: int | None = Field(
        None,
        ge=1,
        description="Negatives of each row of n-tuple; rows with fewer are rejected. Default: the "
        "commonest number in the task.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if message := self._misfit():
            raise ValueError(message)
        return self

    @property
    def row_format(self) -> RowFormat:
        """The format, which must not be beir."""
        return next(name for name in get_args(RowFormat) if name == self.format)

    def _misfit(self) -> str:
        """What is wrong with the options together; empty where nothing is."""
        if self.format == "beir":
            if self.shards:
                return "format beir writes a task of the workspace: leave out --shards"
            if self.titles:
                return "format beir has titles of its own: leave out --titles"
        elif not self.shards:
            return f"format {self.format} writes the rows of a shard set: name one with --shards"
        elif self.split:
            return "rows to train on are of the train split: leave out --split, or write beir"
        if self.negatives and self.format != "n-tuple":
            return f"format {self.format} takes any number of negatives: leave out --negatives"
        return ""
