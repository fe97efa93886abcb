"""What a set is looked over for before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.config.shards import Lint

MEANINGS: dict[Lint, str] = {
    "negative_is_positive": "negatives that are a positive of the same query in another row",
    "query_is_positive": "rows whose query is one of its own positives",
    "empty_text": "texts without a word or a sign",
    "long_text": "texts of more characters than --max-characters",
    "duplicate_row": "positives that a row of the same query has already",
    "few_negatives": "rows with fewer negatives than --min-negatives",
    "frequent_positive": "documents that are a positive of more of a task's rows than --max-share",
    "no_licence": "rows with a positive that has no licence, in a task that has none",
}
"""Equal texts are the *same document* (DESIGN terms): case and white space do not count."""

SAMPLE = 3
"""How many of each are shown."""


@dataclass(frozen=True, slots=True)
class LintFound:
    """How often something was found, and a few of the places, each in a line."""

    name: Lint
    count: int
    sample: tuple[str, ...]

    def __str__(self) -> str:
        shown = "; ".join(self.sample)
        return (
            f"{self.name}: {self.count:,} {MEANINGS[self.name]}{f', as {shown}' if shown else ''}"
        )
