"""How the texts of a global batch are shared out among processes, and their vectors gathered.

Letters: N texts, R processes, D dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import distributed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Share:
    """One process of `world`. All encode equally many texts, so the last is encoded by several
    where they do not go round.
    """

    rank: int = 0
    world: int = 1

    def per_process(self, count: int) -> int:
        return -(-count // self.world)

    def mine(self, count: int) -> list[int]:
        """Which of `count` texts, in order of length, this process encodes."""
        dealt = range(self.rank, self.per_process(count) * self.world, self.world)
        return [min(i, count - 1) for i in dealt]

    def place(self, i: int, count: int) -> int:
        """Where the vector of text `i` stands among those gathered."""
        return i % self.world * self.per_process(count) + i // self.world


def this_process() -> Share:
    if distributed.is_available() and distributed.is_initialized():
        return Share(distributed.get_rank(), distributed.get_world_size())
    return Share()


def gather(own: Tensor, share: Share) -> Tensor:
    """(R n, D) the vectors (n, D) of all processes.

    Only its own carry a gradient, R times as large: every process computes the loss of the whole
    batch, so its own part of the gradient is complete, and the mean over processes that DDP and
    FSDP take of them is their sum, the gradient of one process with the whole batch.
    """
    if share.world == 1:
        return own
    found = [torch.empty_like(own) for _ in range(share.world)]
    distributed.all_gather(found, own.detach().contiguous())
    if own.requires_grad:
        own.register_hook(lambda gradient: gradient * share.world)  # type: ignore[no-untyped-call]
    found[share.rank] = own
    return torch.cat(found)


def most(count: int, device: torch.device) -> int:
    """The largest `count` of all processes."""
    if this_process().world == 1:
        return count
    found = torch.tensor(count, device=device)
    distributed.all_reduce(found, op=distributed.ReduceOp.MAX)
    return int(found)
