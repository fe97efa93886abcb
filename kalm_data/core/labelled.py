"""The labelled texts of a task, by split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kalm_data.core.near_duplicates import groups
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from kalm_data.core.records import Text


@dataclass(frozen=True, slots=True)
class ClassText:
    """A labelled text of a split.

    `is_protected`: a more protected split of any task asks its normal form, in a query, a labelled
    text or a scored pair, or it is nearly a document of theirs (`protecting`).
    """

    text: Text
    label: str
    language: str
    source: str
    line: int
    is_protected: bool


@dataclass(frozen=True, slots=True)
class ClassTexts:
    """Those of a task, in order of text hash.

    `near` has the pairs of hashes of near-duplicates, also with texts of other splits.
    """

    texts: Sequence[ClassText]
    near: Sequence[tuple[str, str]] = ()

    @property
    def groups(self) -> dict[str, str]:
        """The group (DESIGN terms) of each text that is not alone in its own, by hash."""
        return groups(self.near)

    def protecting(self, held: Collection[str]) -> ClassTexts:
        """The same, with the texts of these hashes protected too."""
        texts = [
            replace(one, is_protected=True) if one.text.text_hash in held else one
            for one in self.texts
        ]
        return replace(self, texts=texts)

    @property
    def fingerprint(self) -> str:
        """Digest of the texts that are not protected, with labels and languages."""
        free = (one for one in self.texts if not one.is_protected)
        parts = (part for one in free for part in (one.text.text_hash, one.label, one.language))
        return digest("labels", *parts)
