"""Decisions that a person makes: a positive that a rule dropped is kept all the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kalm_data.core.records import Reject

BY_HAND = "by-hand"
"""Name of the rule whose verdicts overrule those of all others."""

PAIR_KEY = re.compile("[0-9a-f]{32}:([0-9a-f]{32})")
"""An example and the text of one of its positives, as keys of rejects name them."""


def can_be_restored(reject: Reject) -> bool:
    """Whether it tells of a positive that a rule of filter dropped."""
    return reject.stage == "filter" and PAIR_KEY.fullmatch(reject.key) is not None


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
