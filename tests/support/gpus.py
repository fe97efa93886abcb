"""A machine with GPUs, as far as torch tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import pytest


def see_two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch says of a machine with two."""
    monkeypatch.setattr("sys.platform", "test")  # no file is looked for
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda")
    )
