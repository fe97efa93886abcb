import pytest
import torch
from gpus import see_two_gpus

from kalm_data.core.errors import InputError
from kalm_data.engines.devices import find_devices, kind, working_on


def test_the_processor_is_taken_where_no_gpu_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert find_devices() == ("cpu",)
    assert find_devices(["cpu", "cpu"]) == ("cpu", "cpu")


def test_all_gpus_are_taken_where_nobody_names_any(monkeypatch: pytest.MonkeyPatch) -> None:
    see_two_gpus(monkeypatch)
    assert find_devices() == ("cuda:0", "cuda:1")
    assert find_devices(["cuda"]) == ("cuda:0",)
    assert find_devices(["cuda:1", "cuda:0"]) == ("cuda:1", "cuda:0")
    assert find_devices(["cpu"]) == ("cpu",)


def test_a_device_that_is_not_there_is_named_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    see_two_gpus(monkeypatch)
    with pytest.raises(InputError) as caught:
        find_devices(["cuda:0", "cuda:2"])
    assert str(caught.value) == (
        "--devices cuda:2: there is no such device here. Name one of these: cpu, cuda:0, cuda:1."
    )


def test_a_kind_is_what_stands_before_the_number() -> None:
    assert [kind(device) for device in ("cpu", "cuda:11", "mps:0")] == ["cpu", "cuda", "mps"]


def test_other_errors_are_left_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError), working_on("cpu", "dividing"):
        1 / 0  # noqa: B018
