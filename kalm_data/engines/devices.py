"""The devices on which torch works: those that are there, and what is said where one is full."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GPU_FILES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def find_devices(named: Sequence[str] = ()) -> tuple[str, ...]:
    """The devices named, else all GPUs, else the CPU, as torch writes them: `cuda:0`.

    `cuda` is the first one. Raises InputError where one is not there.
    """
    if not named:
        return _all_gpus() or ("cpu",)
    if set(named) == {"cpu"}:
        return tuple(named)
    there = _there()
    devices = tuple(name if ":" in name else f"{name}:0" for name in named)
    for name, device in zip(named, devices, strict=True):
        if device not in there:
            message = f"--devices {name}: there is no such device here. Name one of these: "
            raise InputError(f"{message}{', '.join(there)}.")
    return devices


def kind(device: str) -> str:
    """`cuda` of `cuda:1`."""
    return device.partition(":")[0]


@contextmanager
def working_on(device: str, doing: str) -> Iterator[None]:
    """Have torch work there. Raises InputError with what was done where its memory is full."""
    import torch

    try:
        with torch.accelerator.device_index(_index(device)):
            yield
    except torch.OutOfMemoryError as error:
        message = f"{device}: out of memory {doing}. Free memory there, or name other --devices."
        raise InputError(message) from error


def _index(device: str) -> int | None:
    number = device.partition(":")[2]
    return int(number) if number else None


def _all_gpus() -> tuple[str, ...]:
    if sys.platform == "linux" and not any(Path(name).exists() for name in _GPU_FILES):
        return ()  # torch would say the same, but takes seconds to import

    import torch

    return tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))


def _there() -> tuple[str, ...]:
    import torch

    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None:
        return ("cpu",)
    count = torch.accelerator.device_count()
    return ("cpu", *(f"{found.type}:{index}" for index in range(count)))
