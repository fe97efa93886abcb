"""Settings of `mine`."""

from __future__ import annotations

import json
import math
import shlex
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from kalm_data.core.config.ranking import RankerSpec, parse_ranker
from kalm_data.core.config.settings import Settings, as_list

Recipe = Literal["default", "kalm", "nv-retriever"]
Sampling = Literal["random", "top", "spread"]
Shortage = Literal["keep", "drop", "pad"]

_RECIPES: dict[Recipe, tuple[str, Sampling]] = {
    "default": ("6-100", "random"),
    "kalm": ("51-100", "random"),
    "nv-retriever": ("1-100", "top"),
}
"""Ranks and sampling. kalm: arXiv 2501.01028, released code. nv-retriever: the top hits that score
below 0.95 of the positive, TopK-PercPos of arXiv 2407.15831.
"""


class MineConfig(Settings):
    """Who ranks, and which hits become hard negatives."""

    ranker: tuple[str, ...] = Field(
        ("dense:sentence-transformers/all-MiniLM-L6-v2",),
        min_length=1,
        description="Who ranks the pool, repeatable: bm25 (bm25:en stems English words), "
        "dense:MODEL (sentence-transformers, folder or name), hybrid:MODEL (both merged), "
        "cross-encoder:MODEL (scores the hits of --rescored again), run:FILE (a TREC run).",
    )
    share: tuple[float, ...] = Field(
        (),
        description="Weight of each --ranker in the negatives, in their order. Default: equal.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Precision of the models that rank and judge."
    )
    rescored: str = Field(
        "dense:sentence-transformers/all-MiniLM-L6-v2",
        description="Whose hits a cross-encoder scores again: bm25, dense:MODEL or hybrid:MODEL.",
    )
    rescore: int = Field(
        100, ge=1, description="Hits of each query that a cross-encoder scores again."
    )
    denoise: str = Field(
        "",
        description="Cross-encoder that judges all hits up to the end of --ranks: what it scores "
        "no lower than the positive is no negative, and is listed for relabelling (`rejects "
        "--stage mine-relabel`).",
    )
    depth: int = Field(200, ge=1, description="Hits stored for each query, at least up to --ranks.")
    recipe: Recipe = Field(
        "default",
        description="kalm: random ones of ranks 51-100. nv-retriever: the top ones of 1-100. Other "
        "options win over it.",
    )
    ranks: str | None = Field(
        None,
        description="Window of ranks from which negatives are drawn, counted over all hits from "
        "1. Default: 6-100, or the recipe's.",
    )
    negatives: int = Field(7, ge=1, le=1000, description="Negatives wanted for each example.")
    sampling: Sampling | None = Field(
        None,
        description="Which of the window's hits: random ones, the top ones, or spread over it. "
        "Default: random, or the recipe's.",
    )
    max_score_ratio: float | None = Field(
        0.95,
        gt=0,
        le=1,
        description="A negative scores at most p - (1 - ratio) * |p|, where p is the score of the "
        "lowest-scoring positive.",
    )
    min_margin: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="A negative scores at least this much less than that positive.",
    )
    max_score: float | None = Field(
        None, allow_inf_nan=False, description="A negative scores at most this."
    )
    min_score: float | None = Field(
        None, allow_inf_nan=False, description="A negative scores at least this."
    )
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
    pool_sample: int | None = Field(
        None,
        ge=100,
        description="Rank by vectors over so many documents of the pool, drawn by --seed, and a "
        "query's own positives: for very large pools. The size is stored with each rank.",
    )
    part: str | None = Field(
        None,
        description="Only rank, and only the i-th of n parts of the examples, written i/n: for "
        "several machines. `import rankings` brings the parts together.",
    )
    seed: int = Field(0, ge=0, description="Seed of the draw.")

    _one_is_a_list = field_validator("ranker", mode="before")(as_list)

    @field_validator("ranker")
    @classmethod
    def _are_rankers(cls, ranker: tuple[str, ...]) -> tuple[str, ...]:
        written = tuple(str(parse_ranker(one)) for one in ranker)
        if len(set(written)) < len(written):
            message = "the same ranker twice"
            raise ValueError(message)
        return written

    @field_validator("rescored")
    @classmethod
    def _finds_hits(cls, rescored: str) -> str:
        if parse_ranker(rescored).kind == "cross-encoder":
            message = "a cross-encoder finds no hits: write bm25, dense:MODEL or hybrid:MODEL"
            raise ValueError(message)
        return rescored

    @field_validator("part")
    @classmethod
    def _is_a_part(cls, part: str | None) -> str | None:
        if part is not None:
            number, slash, parts = part.partition("/")
            is_written = slash and number.isdecimal() and parts.isdecimal()
            if not (is_written and 1 <= int(number) <= int(parts)):
                message = "a part is written i/n with i from 1 to n, e.g. 2/4"
                raise ValueError(message)
        return part

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.share and len(self.share) != len(self.ranker):
            message = f"{len(self.share)} share for {len(self.ranker)} ranker: give one for each"
            raise ValueError(message)
        if self.share and not (min(self.share) >= 0 and 0 < sum(self.share) < math.inf):
            message = "share: finite numbers of 0 or more, not all 0"
            raise ValueError(message)
        return self

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
        first, last = (self.ranks or _RECIPES[self.recipe][0]).split("-")
        return int(first), int(last)

    def takes(self, example_id: str) -> bool:
        """Whether an example belongs to the part; the ids are hashes, so parts are alike."""
        if self.part is None:
            return True
        number, parts = map(int, self.part.split("/"))
        return int(example_id[:12], 16) % parts == number - 1

    @property
    def drawn_by(self) -> Sampling:
        """Which of the window's hits are drawn."""
        return self.sampling or _RECIPES[self.recipe][1]

    @property
    def stored_depth(self) -> int:
        """Hits stored for each query: enough for the window, and for a cross-encoder."""
        rescores = any(one.kind == "cross-encoder" for one in self.rankers)
        return max(self.depth, self.window[1], self.rescore if rescores else 0)

    @property
    def rankers(self) -> tuple[RankerSpec, ...]:
        """Those from which negatives are drawn."""
        return tuple(parse_ranker(one) for one in self.ranker)


def mine_command(task: str, config: MineConfig) -> str:
    """The command that mines a task with these settings, as one types it.

    A limit that only Python can switch off (None) is not in it.
    """
    words = ["kalm-data", "mine", "--task", task]
    for name in ("ranker", "share"):
        for value in getattr(config, name):
            words += [f"--{name}", str(value)]
    chosen = config.model_dump(
        exclude_defaults=True, exclude_none=True, exclude={"ranker", "share"}
    )
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class DrawSettings:
    """What a draw is made with: full ids of the rankers, in order, and of the denoiser, if any."""

    config: MineConfig
    rankers: tuple[str, ...]
    denoiser: str = ""

    def to_json(self) -> str:
        """As the head of a draw stores it."""
        config = self.config.model_dump(mode="json")
        stored = {"config": config, "rankers": self.rankers, "denoiser": self.denoiser}
        return json.dumps(stored, sort_keys=True)

    @property
    def told(self) -> str:
        """As a set tells of it: models by their fingerprints alone, as an option may be a folder of
        this machine.
        """
        config = self.config.model_dump(mode="json", exclude={"ranker", "rescored", "denoise"})
        told = config | {"rankers": self.rankers, "denoiser": self.denoiser}
        return json.dumps(told, sort_keys=True)

    @classmethod
    def from_json(cls, settings: str) -> DrawSettings:
        stored = json.loads(settings)
        config = MineConfig.model_validate(stored["config"])
        return cls(config, tuple(stored["rankers"]), stored["denoiser"])

    @property
    def measured(self) -> tuple[str, ...]:
        """Ids of all whose rankings the draw reads, each once."""
        return tuple(dict.fromkeys(filter(None, (*self.rankers, self.denoiser))))

    @property
    def scorer(self) -> str:
        """Whose scores rows carry: the first of one scale for all queries, else the first."""
        scaled = (one for one in self.rankers if one.startswith(("dense:", "cross-encoder:")))
        return next(scaled, self.rankers[0])
