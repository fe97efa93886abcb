"""Settings of `mine`."""

from __future__ import annotations

import json
import shlex
from typing import Literal

from pydantic import Field, field_validator

from kalm_data.core.config.settings import Settings

Recipe = Literal["default", "kalm"]
Sampling = Literal["random", "top", "spread"]
Shortage = Literal["keep", "drop", "pad"]

_RECIPE_RANKS: dict[Recipe, str] = {"default": "6-100", "kalm": "51-100"}
"""kalm: ranks 51 to 100, 7 negatives (arXiv 2501.01028, released code)."""


class MineConfig(Settings):
    """Who ranks, and which hits become hard negatives."""

    ranker: str = Field(
        "dense:sentence-transformers/all-MiniLM-L6-v2",
        description="Who ranks the pool: dense:MODEL, a sentence-transformers model by folder or "
        "name.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Precision of the model that ranks."
    )
    depth: int = Field(200, ge=1, description="Hits stored for each query, at least up to --ranks.")
    recipe: Recipe = Field(
        "default", description="kalm: ranks 51-100, as the paper's. Other options win over it."
    )
    ranks: str | None = Field(
        None,
        description="Window of ranks from which negatives are drawn, counted over all hits from "
        "1. Default: 6-100, or the recipe's.",
    )
    negatives: int = Field(7, ge=1, le=1000, description="Negatives wanted for each example.")
    sampling: Sampling = Field(
        "random",
        description="Which of the window's hits: random ones, the top ones, or spread over it.",
    )
    max_score_ratio: float | None = Field(
        0.95,
        gt=0,
        le=1,
        description="A negative scores at most p - (1 - ratio) * |p|, where p is the score of the "
        "lowest-scoring positive.",
    )
    min_margin: float | None = Field(
        None, ge=0, description="A negative scores at least this much less than that positive."
    )
    max_score: float | None = Field(None, description="A negative scores at most this.")
    min_score: float | None = Field(None, description="A negative scores at least this.")
    given_negatives: bool = Field(
        True,
        description="Use negatives that came with the data first, within the same limits.",
    )
    generated_negatives: bool = Field(
        False,
        description="Use negatives that a language model wrote as well, within the same limits.",
    )
    on_shortage: Shortage = Field(
        "keep",
        description="Where too few are found: keep what there is, drop the example, or pad with "
        "random documents, marked as such.",
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")

    @field_validator("ranker")
    @classmethod
    def _names_a_model(cls, ranker: str) -> str:
        kind, _, model = ranker.partition(":")
        if kind != "dense" or not model:
            message = "write dense:MODEL, a folder or a name"
            raise ValueError(message)
        return ranker

    @field_validator("ranks")
    @classmethod
    def _is_a_window(cls, ranks: str | None) -> str | None:
        if ranks is not None:
            first, dash, last = ranks.partition("-")
            numbers = first.isdecimal() and last.isdecimal()
            if not (dash and numbers and 1 <= int(first) <= int(last)):
                message = "ranks are written FIRST-LAST, counted from 1, e.g. 6-100"
                raise ValueError(message)
        return ranks

    @property
    def window(self) -> tuple[int, int]:
        """First and last raw rank, 1-based, both included."""
        first, last = (self.ranks or _RECIPE_RANKS[self.recipe]).split("-")
        return int(first), int(last)

    @property
    def stored_depth(self) -> int:
        """Hits stored for each query: enough for the window."""
        return max(self.depth, self.window[1])

    @property
    def model(self) -> str:
        """Folder or name of the model that ranks."""
        return self.ranker.partition(":")[2]


def mine_command(task: str, config: MineConfig) -> str:
    """The command that mines a task with these settings, as one types it.

    A limit that only Python can switch off (None) is not in it.
    """
    words = ["kalm-data", "mine", "--task", task, "--ranker", config.ranker]
    chosen = config.model_dump(exclude_defaults=True, exclude_none=True, exclude={"ranker"})
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return shlex.join(words)


def draw_settings(config: MineConfig, ranker: str) -> str:
    """What a draw is made with, as its head stores it; `ranker` is the full id."""
    stored = {"config": config.model_dump(mode="json"), "ranker": ranker}
    return json.dumps(stored, sort_keys=True)


def read_draw_settings(settings: str) -> tuple[MineConfig, str]:
    """Configuration and ranker of a draw, from its head."""
    stored = json.loads(settings)
    return MineConfig.model_validate(stored["config"]), str(stored["ranker"])
