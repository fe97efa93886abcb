"""Settings of `filter`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from kalm_data.core.config.settings import Settings, as_list
from kalm_data.core.contamination import GRAM_WORDS, SHARE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_TOP_K = 50
"""arXiv 2501.01028, ranking consistency filtering."""

RuleName = Literal["top-k", "min-score", "min-gap", "exclude", "dedup", "max-per-positive"]

RULES: tuple[RuleName, ...] = (
    "top-k", "min-score", "min-gap", "exclude", "dedup", "max-per-positive",
)  # fmt: skip
"""In the order in which they judge; the reason of the first that drops a positive is told."""


class FilterConfig(Settings):
    """Which positives stay. A rule runs where one of its options is given; without any, top-k."""

    top_k: int | None = Field(
        None,
        ge=1,
        description="Keep positives that rank among the first K of the whole pool. Default: the "
        "task's own, else 50.",
    )
    ranker: tuple[str, ...] = Field(
        (),
        description="Whose ranks, repeatable: e.g. dense:all-MiniLM-L6-v2. Default: whoever drew "
        "the task's negatives.",
    )
    agree: Literal["all", "any"] = Field(
        "all", description="With several rankers: all must rank a positive so high, or any one."
    )
    min_score: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Keep positives that the first ranker scores at least this.",
    )
    min_gap: float | None = Field(
        None,
        allow_inf_nan=False,
        description="Keep positives that the first ranker scores at least this much above the best "
        "document that is none (a negative number allows so much below it).",
    )
    exclude: tuple[str, ...] = Field(
        (),
        description="File, folder or hf:NAME with test queries and documents, repeatable: a "
        "positive whose query or document repeats one of them is dropped.",
    )
    exclude_ngram: int = Field(
        GRAM_WORDS, ge=1, le=50, description="Words in the n-grams that --exclude compares."
    )
    exclude_share: float = Field(
        SHARE, gt=0, le=1, description="Share of a test text's n-grams that makes a match."
    )
    exclude_cosine: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Cosine from which a text matches a test text too, by the first dense ranker; "
        "encodes the test texts.",
    )
    dedup: Literal["exact", "near"] | None = Field(
        None,
        description="Of rows with the same query and document, in all tasks of the run, keep the "
        "best-ranked; near: of near-duplicate queries and documents too.",
    )
    max_per_positive: int | None = Field(
        None, ge=1, description="Keep so many rows of one document, the best-ranked."
    )
    labels: Path | None = Field(
        None,
        description="JSON lines with query, positive and label (true or false), held out: the "
        "sweep tells how many of the positives that each k keeps are true.",
    )
    reset: tuple[RuleName | Literal["by-hand"], ...] = Field(
        (),
        description="Take a rule back, repeatable: what it dropped stands again; by-hand: what "
        "`rejects --restore` kept is dropped again.",
    )

    _one_is_a_list = field_validator("ranker", "exclude", "reset", mode="before")(as_list)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.exclude_cosine is not None and not self.exclude:
            message = "exclude_cosine compares with test texts: name them with --exclude"
            raise ValueError(message)
        if self.labels is not None and "top-k" not in self.rules:
            message = "labels go with the sweep of rule top-k: give --top-k too"
            raise ValueError(message)
        both = [rule for rule in self.reset if rule in self.rules]
        if both:
            message = f"reset {both[0]}: that rule is to judge in the same run. Leave one out."
            raise ValueError(message)
        return self

    @property
    def rules(self) -> tuple[RuleName, ...]:
        """The rules that are to judge, in order."""
        asked: dict[RuleName, object] = {
            "top-k": self.top_k,
            "min-score": self.min_score,
            "min-gap": self.min_gap,
            "exclude": self.exclude or None,
            "dedup": self.dedup,
            "max-per-positive": self.max_per_positive,
        }
        found = tuple(rule for rule in RULES if asked[rule] is not None)
        return found or (() if self.reset else ("top-k",))


RULE_OPTIONS: dict[RuleName, tuple[str, ...]] = {
    "top-k": ("top_k", "ranker", "agree"),
    "min-score": ("min_score", "ranker"),
    "min-gap": ("min_gap", "ranker"),
    "exclude": ("exclude", "exclude_ngram", "exclude_share", "exclude_cosine"),
    "dedup": ("dedup",),
    "max-per-positive": ("max_per_positive",),
}
"""The options that shape what a rule says."""


def rule_options(rule: RuleName, config: FilterConfig) -> dict[str, object]:
    """The options of one rule, as its head stores them."""
    return config.model_dump(mode="json", include=set(RULE_OPTIONS[rule]), exclude_none=True)


def filter_command(tasks: Sequence[str], options: Mapping[str, object]) -> str:
    """The command that judges tasks anew with these options, as one types it."""
    words = ["kalm-data", "filter", *(word for task in tasks for word in ("--task", task))]
    for name, field in FilterConfig.model_fields.items():
        value = options.get(name, field.default)
        if value == field.default:
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [f"--{name.replace('_', '-')}", str(one)]
    return shlex.join(words)
