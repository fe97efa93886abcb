"""Settings of `filter`."""

from pydantic import Field

from kalm_data.core.config.settings import Settings

DEFAULT_TOP_K = 50
"""arXiv 2501.01028, ranking consistency filtering."""


class FilterConfig(Settings):
    """Which positives stay, by the ranks that `mine` measured."""

    top_k: int | None = Field(
        None,
        ge=1,
        description="Keep positives that rank among the first K of the whole pool. Default: the "
        "task's own, else 50.",
    )
    ranker: str = Field(
        "",
        description="Whose ranks: e.g. dense:all-MiniLM-L6-v2. Default: the one that ranked the "
        "task last.",
    )
