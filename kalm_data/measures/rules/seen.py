"""What the rules on repeats looked at: the rows that other rules keep. Another of these rows, and
their verdicts are stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    Dropped = Mapping[str, set[tuple[str, str]]]
    """Rule → (example id, text hash) of what it drops, in one task."""

BLIND_TO: dict[str, tuple[str, ...]] = {
    "dedup": ("dedup", "max-per-positive"),
    "max-per-positive": ("max-per-positive",),
}
"""The rules whose verdicts each of the two does not look at."""


def seen_by(rule: str, dropped: Mapping[str, Dropped]) -> str:
    """Digest of what the rule, judging the tasks in `dropped` together, takes to be gone already.

    dropped: task → what each rule in force drops there.
    """
    parts = []
    for task, by_rule in sorted(dropped.items()):
        gone = {
            row for other, rows in by_rule.items() if other not in BLIND_TO[rule] for row in rows
        }
        parts += [task, *(f"{id_}:{text_hash}" for id_, text_hash in sorted(gone))]
    return digest("seen", *parts)
