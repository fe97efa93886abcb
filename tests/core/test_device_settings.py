from __future__ import annotations

import pytest
from pydantic import ValidationError

from kalm_data.core.config.devices import DeviceSettings


@pytest.mark.parametrize("written", ["cuda:0,cuda:1", "cuda:0, cuda:1", ["cuda:0", "cuda:1"]])
def test_devices_are_written_with_commas_or_one_at_a_time(written: object) -> None:
    assert DeviceSettings.model_validate({"devices": written}).devices == ("cuda:0", "cuda:1")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("cuda:0,cpu", "cpu and cuda make different vectors of the same text"),
        ("cuda:x", "'cuda:x' is no device: write cpu, cuda, cuda:1 or mps"),
        ("cpu,", "'' is no device"),
        (0, "valid tuple"),
    ],
)
def test_what_is_no_device_or_of_two_kinds_is_refused(written: object, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DeviceSettings.model_validate({"devices": written})
