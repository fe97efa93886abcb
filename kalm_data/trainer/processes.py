"""The processes of one training, as torchrun and `accelerate launch` start them; mostly one."""

from __future__ import annotations

from datetime import timedelta

import torch
from accelerate import PartialState
from torch import distributed

_LONGEST_WAIT = timedelta(hours=3)
"""While the first process judges and saves, the others wait; the usual ten minutes are too few."""


def meet_others() -> None:
    """Join the processes that were started with this one, if any were."""
    PartialState(timeout=_LONGEST_WAIT)


def is_first() -> bool:
    """Whether this is the process that writes files and tells people."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def wait_for_all() -> None:
    """Go on when all processes have come here."""
    if distributed.is_initialized():
        distributed.barrier()


def from_first(flag: bool) -> bool:
    """What the first process says: clocks differ, and all must do the same."""
    if not distributed.is_initialized():
        return flag
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    told = torch.tensor(int(flag), device=device)
    distributed.broadcast(told, src=0)
    return bool(told.item())
