"""On what encoders run and their vectors are searched."""

import re

from pydantic import Field, field_validator

from kalm_data.core.config.settings import Settings

_DEVICE = re.compile(r"([a-z]+)(:\d+)?")


class DeviceSettings(Settings):
    """The devices of one run."""

    devices: tuple[str, ...] = Field(
        (),
        description="Devices that encode and search, of one kind, repeatable or with commas: cpu, "
        "cuda:0,cuda:1, mps. A cross-encoder and mteb take the first. Default: all GPUs (cuda), "
        "else cpu.",
    )

    @field_validator("devices", mode="before")
    @classmethod
    def _split_at_commas(cls, devices: object) -> object:
        words = (devices,) if isinstance(devices, str) else devices
        if not isinstance(words, list | tuple) or not all(isinstance(one, str) for one in words):
            return devices
        return tuple(part.strip() for word in words for part in word.split(","))

    @field_validator("devices")
    @classmethod
    def _are_of_one_kind(cls, devices: tuple[str, ...]) -> tuple[str, ...]:
        found = [_DEVICE.fullmatch(device) for device in devices]
        if not all(found):
            wrong = devices[found.index(None)]
            message = f"{wrong!r} is no device: write cpu, cuda, cuda:1 or mps"
            raise ValueError(message)
        kinds = {match[1] for match in found if match}
        if len(kinds) > 1:
            message = (
                f"{' and '.join(sorted(kinds))} make different vectors of the same text: "
                "name devices of one kind"
            )
            raise ValueError(message)
        return devices
