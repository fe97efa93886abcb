import pytest
from gpus import see_two_gpus

from kalm_data.api.device_engines import DeviceEngines, DeviceSettings
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.engines.device_search import DeviceSearch


def test_gpus_search_what_they_encode(minilm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    see_two_gpus(monkeypatch)
    made = DeviceEngines(None)
    assert made.given == ()
    assert made.search() == DeviceSearch(("cuda:0", "cuda:1"))
    assert made.given == ("cuda:0", "cuda:1")
    on_processor = DeviceEngines(DeviceSettings(devices=("cpu", "cpu")))
    assert on_processor.search() == ExactSearch()
    gpu, processor = made.encoder(minilm), on_processor.encoder(minilm)
    assert gpu.fingerprint != processor.fingerprint
    assert made.first == "cuda:0"


def test_what_works_on_one_device_tells_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    see_two_gpus(monkeypatch)
    made = DeviceEngines(None)
    assert (made.first, made.given) == ("cuda:0", ("cuda:0",))
