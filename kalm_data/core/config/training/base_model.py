"""Settings of the model that is trained."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from kalm_data.core.config.settings import Settings, as_list

Precision = Literal["float32", "bfloat16"]
Pooling = Literal["mean", "last-token", "cls"]
QueryTemplates = Literal["model", "paper"]
Attention = Literal["sdpa", "eager", "flash_attention_2"]


class ModelSettings(Settings):
    """Which model is trained, and how it computes."""

    model: str = Field(description="The model to train: a folder, or a name of the model hub.")
    max_length: int | None = Field(
        None,
        ge=8,
        description="Most tokens read of a text in training; the saved model reads as far as its "
        "base. Default: the model's own limit.",
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout while training; the model's own if not given. 0 is fastest.",
    )
    precision: Precision = Field(
        "float32", description="Number format of the forward and backward pass."
    )
    templates: QueryTemplates = Field(
        "model",
        description="How queries of tasks without a template of their own are written: by the "
        "model's saved prompts, or as KaLM-Embedding does, `Instruct: … \\n Query: …`.",
    )
    pooling: Pooling | None = Field(
        None,
        description="How one vector is made of those of a text's tokens; saved with the model. "
        "Default: the model's own, the mean where it has none.",
    )
    bidirectional: bool = Field(
        False,
        description="Let each token of a causal model (Qwen2, Qwen3) see those after it, too; "
        "saved with the model.",
    )
    attention: Attention | None = Field(
        None, description="How attention is computed. Default: what transformers chooses."
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Compute the inner results of each layer a second time instead of keeping "
        "them: less memory, more time.",
    )
    compile: bool = Field(
        False, description="Compile the transformer with torch.compile before the first step."
    )
    lora_rank: int | None = Field(
        None,
        ge=1,
        description="Rank of adapters (LoRA) that are trained instead of the weights; needs "
        "kalm-data[lora]. Default: all weights are trained.",
    )
    lora_alpha: float | None = Field(
        None,
        gt=0,
        description="Adapters are scaled by it over their rank. Default: twice the rank.",
    )
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before the adapters.")
    lora_targets: tuple[str, ...] = Field(
        (),
        description="Layer with adapters, as q_proj; give more than once. Default: all linear "
        "layers of the transformer.",
    )
    lora_merge: bool = Field(
        True,
        description="Save a plain model with the adapters merged into its weights; else the "
        "adapters alone, which need peft and the base model to load.",
    )

    @model_validator(mode="after")
    def _adapters_have_a_rank(self) -> Self:
        given = sorted(name for name in self.model_fields_set if name.startswith("lora_"))
        changed = [n for n in given if getattr(self, n) != type(self).model_fields[n].default]
        if changed and self.lora_rank is None:
            message = f"{', '.join(changed)}: there are no adapters. Give lora_rank, too"
            raise ValueError(message)
        if self.bidirectional and not self.lora_merge:
            message = "bidirectional: adapters alone cannot save it. Leave out lora_merge = false"
            raise ValueError(message)
        return self

    _one_is_a_list = field_validator("lora_targets", mode="before")(as_list)
