"""Settings of `build-shards`."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, JsonValue, field_validator, model_validator

from kalm_data.core.config.settings import Settings, as_list

Lint = Literal[
    "negative_is_positive",
    "query_is_positive",
    "empty_text",
    "long_text",
    "duplicate_row",
    "few_negatives",
    "frequent_positive",
    "no_licence",
]
"""What a set is looked over for before it is written; `core/lint.py` says what each means."""


class SetSettings(Settings):
    """Which rows a training set has, and how it is written."""

    rows_per_shard: int = Field(100_000, ge=1, description="Most rows in one Parquet file.")
    bytes_per_shard: int | None = Field(
        None,
        ge=1,
        description="Most bytes of text in one Parquet file, before it is compressed; a row that "
        "is larger has a file of its own.",
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of the order of the rows, of what caps leave out, of what is held for "
        "dev, and of what labels draw.",
    )
    cap: int | None = Field(
        None, ge=1, description="Most rows of each task, drawn by --seed; a task's own cap too."
    )
    alpha: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Shares of the tasks are proportional to weight * size^alpha: 1 as they are, "
        "0 all alike.",
    )
    rows: int | None = Field(None, ge=1, description="Most rows of the whole set.")
    upsample: bool = Field(
        False, description="Repeat rows of small tasks rather than leave out rows of large ones."
    )
    dev_fraction: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the training documents that is held out with its examples as further "
        "dev rows: at most so many, by whole groups.",
    )
    dev_by: str = Field(
        "",
        description="Documents that have the same value of this column of theirs are one group "
        "for --dev-fraction.",
    )
    licences: tuple[str, ...] = Field(
        (),
        json_schema_extra={"option": "--license"},
        description="Use documents and tasks of this licence only, repeatable; a document without "
        "one has that of its task.",
    )
    tokenizer: str = Field(
        "",
        description="Model whose tokenizer counts the tokens of each text, for columns with their "
        "numbers: a folder, or a name of the model hub.",
    )
    label_positives: int = Field(
        1, ge=1, description="Texts of its own class that a labelled text gets, at most."
    )
    label_negatives: int = Field(
        7,
        ge=1,
        description="Texts of other classes that a labelled text gets, at most, where its task is "
        "not mined: mine has --negatives.",
    )
    sts_positive: float = Field(
        0.8,
        gt=0,
        le=1,
        description="Scored pairs from this score on (0-1) are rows in both directions.",
    )
    sts_negative: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Scored pairs below this score (0-1) are negatives of these rows; without it "
        "there are none.",
    )
    memory_limit: str = Field(
        "2GB", pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$", description="Memory that DuckDB may use."
    )

    _one_is_a_list = field_validator("licences", mode="before")(as_list)

    def shaping(self, tokenizer: str) -> dict[str, JsonValue]:
        """What the rows and files of a set depend on, beside the seed; `tokenizer` is a digest, as
        the name may be a folder of this machine.
        """
        told = self.model_dump(
            mode="json", include={*SetSettings.model_fields} - {"seed", "memory_limit", "tokenizer"}
        )
        return {**told, "tokenizer": tokenizer}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.dev_by and not self.dev_fraction:
            message = "dev_by names the groups of --dev-fraction: give that too"
            raise ValueError(message)
        if self.sts_negative is not None and self.sts_negative > self.sts_positive:
            message = f"sts_negative {self.sts_negative} is above sts_positive {self.sts_positive}"
            raise ValueError(message)
        return self


class ShardsConfig(SetSettings):
    """How a training set is made, and what it is looked over for before it is written."""

    min_negatives: int = Field(
        1, ge=0, description="few_negatives: a row should have so many negatives."
    )
    max_characters: int = Field(
        32_768, ge=1, description="long_text: a text should have no more characters."
    )
    max_share: float = Field(
        0.01,
        gt=0,
        le=1,
        description="frequent_positive: no document should be a positive of a larger share of its "
        "task's rows (of two rows, where that is more).",
    )
    fail_on: tuple[str, ...] = Field(
        (),
        description="End with status 3 and write nothing where this is found; repeatable: "
        f"{', '.join(get_args(Lint))}, or all.",
    )

    _words_are_a_list = field_validator("fail_on", mode="before")(as_list)

    @field_validator("fail_on")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = get_args(Lint)
        for name in names:
            if name not in (*known, "all"):
                message = f"{name!r}: nothing that is looked for. Known: {', '.join(known)}, all"
                raise ValueError(message)
        return known if "all" in names else names
