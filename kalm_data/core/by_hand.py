"""Decisions that a person makes: a positive that a rule dropped is kept all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_HAND = "by-hand"
"""Name of the rule whose verdicts overrule those of all others."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A positive that is kept again, and rule → reason word of the drops that are set aside."""

    task: str
    example_id: str
    text_hash: str
    query: str
    text: str
    overruled: Mapping[str, str]
    note: str
