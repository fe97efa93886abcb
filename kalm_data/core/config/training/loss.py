"""Settings of the trainer's loss."""

from pydantic import Field

from kalm_data.core.config.settings import Settings


class LossSettings(Settings):
    """What a batch is to teach, and in how much memory."""

    temperature: float = Field(
        0.02, gt=0, description="Cosines are divided by it before the softmax."
    )
    memory_gb: float = Field(
        4.0,
        gt=0,
        description="Gigabytes for the intermediate results of a batch; what does not fit is "
        "computed twice, which takes longer and changes nothing else.",
    )
