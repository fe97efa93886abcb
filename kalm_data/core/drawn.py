"""Attributes of written rows, drawn at random so that rows of one task differ.

Kinds and values follow E5-mistral (arXiv 2401.00368, appendix). Prompts explain what they mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.seeded import choose

if TYPE_CHECKING:
    from kalm_data.core.config.synth import WrittenType

_CLARITIES = ("clear", "understandable with some effort", "ambiguous")
_DIFFICULTIES = ("high school", "college", "PhD")
_HIGH_MARKS = ("4", "4.5", "5")
_UNITS = ("phrase", "sentence", "passage")

ATTRIBUTES: dict[WrittenType, dict[str, tuple[str, ...]]] = {
    "short-long": {
        "query_type": ("common", "long-tail", "extremely long-tail"),
        "query_length": ("fewer than 5", "5 to 15", "at least 10"),
        "clarity": _CLARITIES,
        "difficulty": _DIFFICULTIES,
        "document_words": ("50", "100", "200", "300", "400", "500"),
    },
    "long-short": {
        "input_words": ("fewer than 10", "at least 10", "at least 50", "at least 100",
                        "at least 200"),
        "clarity": _CLARITIES,
        "difficulty": _DIFFICULTIES,
    },
    "short-short": {"clarity": _CLARITIES, "difficulty": _DIFFICULTIES},
    "long-long": {"clarity": _CLARITIES, "difficulty": _DIFFICULTIES},
    "sts": {
        "unit": _UNITS,
        "high": _HIGH_MARKS,
        "low": ("2.5", "3", "3.5"),
        "difficulty": _DIFFICULTIES,
    },
    "bitext": {"unit": _UNITS, "high": _HIGH_MARKS, "low": ("1.5", "2", "2.5")},
}  # fmt: skip
"""By task type: each attribute with the values it can have, all equally likely."""


def draw_attributes(task_type: WrittenType, seed: int, key: str) -> dict[str, str]:
    """One value of each attribute of the type, drawn independently of one another."""
    return {
        name: choose(values, seed, f"attribute {name}", key)
        for name, values in ATTRIBUTES[task_type].items()
    }
