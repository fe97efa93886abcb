"""How far a training has come: what its checkpoints remember besides the weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Progress:
    """Both grow while the training goes on.

    losses: that of every step so far. cut: 64 bits of each text met so far that the model reads
    only in part.
    """

    losses: list[float] = field(default_factory=list)
    cut: set[int] = field(default_factory=set)

    def add_cut(self, texts: Iterable[str]) -> None:
        self.cut.update(_hash(text) for text in texts)

    def gather(self) -> None:
        """Take in the cut texts that the other processes met. All processes must come here."""
        if distributed.is_initialized():
            met: list[set[int]] = [set()] * distributed.get_world_size()
            distributed.all_gather_object(met, self.cut)
            self.cut.update(*met)


def _hash(text: str) -> int:
    content = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")
