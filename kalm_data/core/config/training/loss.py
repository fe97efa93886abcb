"""Settings of the trainer's loss."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kalm_data.core.config.settings import Settings

Mixing = Literal["none", "pair", "list", "both"]


class LossSettings(Settings):
    """What a batch is to teach, and in how much memory."""

    temperature: float = Field(
        0.02, gt=0, description="Cosines are divided by it before the softmax."
    )
    cross_device: bool = Field(
        True,
        description="Queries of tasks with in-batch negatives are told from the documents of all "
        "devices, not only of their own.",
    )
    mask_margin: float | None = Field(
        None,
        ge=0,
        le=2,
        description="What is nearer to a query than its positive by more than this cosine counts "
        "as a negative of it no more, hard negatives included. Qwen3-Embedding (arXiv 2506.05176): "
        "0.1. Default: no such limit.",
    )
    same_tower: bool = Field(
        False,
        description="Tell queries from the queries of other rows too, and positives from the "
        "documents of other rows (arXiv 2506.05176), in tasks with in-batch negatives.",
    )
    matryoshka: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (),
        description="Dimensions to train the beginnings of vectors for, repeatable; name the "
        "model's own too (arXiv 2205.13147). Default: only the model's own.",
    )
    matryoshka_weights: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (),
        description="Weight of the loss at each --matryoshka, in their order. Default: 1 each.",
        json_schema_extra={"goes_with": "matryoshka"},
    )
    focal_gamma: float = Field(
        0.0,
        ge=0,
        description="Queries count by (1 - p) to this power, p the softmax of their positive. "
        "KaLM-Embedding-V2 (arXiv 2506.20923): 0.5. 0: all alike.",
    )
    mix: Mixing = Field(
        "none",
        description="Add mixtures of a row's own hard negatives: of pairs, with a share of Beta(2, "
        "2); of the list of all, by the softmax of their scores; or both (arXiv 2506.20923).",
    )
    mix_negatives: int = Field(
        1, ge=1, le=1000, description="Mixtures of pairs for each query, with --mix pair or both."
    )
    distill_weight: float = Field(
        0.0,
        ge=0,
        description="Weight, beside 1 of the contrastive loss, of following a teacher: KL of the "
        "softmax of its scores to that of the model's, over a row's positive and hard negatives "
        "(arXiv 2506.20923). The scores are those of the shards, by the ranker that mined, or "
        "those of --teacher.",
    )
    teacher: str | None = Field(
        None,
        description="Model to follow, a folder or a name of the model hub: its cosines of a query "
        "and all documents of the batch that count for it. Wants --distill-weight.",
    )
    distill_temperature: float | None = Field(
        None,
        gt=0,
        description="The teacher's scores are divided by it before the softmax. Default: "
        "--temperature, right for cosines; scores of a cross-encoder or BM25 want a higher one.",
    )
    scored_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of the loss of scored pairs (CoSENT), which have batches of their own. "
        "0: they are not read.",
    )
    scored_scale: float = Field(
        20.0, gt=0, description="Differences of cosines of scored pairs are multiplied by it."
    )
    mini_batch_tokens: int | None = Field(
        None,
        ge=1,
        description="Most tokens, padding included, that go through the model at once; it changes "
        "speed and memory alone. Default: 2048 on a CPU, 65536 on a GPU.",
    )
    memory_gb: float = Field(
        4.0,
        gt=0,
        description="Gigabytes for the intermediate results of a batch; what does not fit is "
        "computed twice, which takes longer and changes nothing else.",
    )

    @model_validator(mode="after")
    def _weights_match(self) -> Self:
        if self.matryoshka_weights and len(self.matryoshka_weights) != len(self.matryoshka):
            message = "give one matryoshka_weights for each matryoshka, or none"
            raise ValueError(message)
        if self.teacher and not self.distill_weight:
            message = "teacher has no weight: give distill_weight, 1 say"
            raise ValueError(message)
        if len(set(self.matryoshka)) != len(self.matryoshka):
            message = "matryoshka names a dimension twice"
            raise ValueError(message)
        return self
