"""What this machine can do, and how to get the rest."""

from __future__ import annotations

from pathlib import Path

from kalm_data.api.execution import DEFAULT_WORKSPACE
from kalm_data.core.checkup import Check, Checkup

__all__ = ["Check", "Checkup", "doctor"]


def doctor(workspace: Path = DEFAULT_WORKSPACE, *, online: bool = False) -> Checkup:
    """Look at Python, packages, processor, GPU, extras, disk and hub; nothing is changed, and the
    network is used only where `online`. The workspace need not be there.
    """
    from kalm_data.engines.hub import examine_hub
    from kalm_data.engines.machine import examine

    return Checkup((*examine(Path(workspace)), examine_hub(online=online)))
