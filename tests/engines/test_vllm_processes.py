import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.errors import InputError
from kalm_data.core.synthesis import Request
from kalm_data.engines.vllm_processes import deal, share_gpus


@given(st.integers(0, 2000), st.integers(1, 9))
def test_each_request_is_dealt_once_and_shares_are_alike(count: int, shares: int) -> None:
    requests = [Request(key=str(n), place=n, attempt=0, seed=n) for n in range(count)]
    dealt = deal(requests, shares)
    assert len(dealt) == shares
    assert sorted((r for share in dealt for r in share), key=lambda r: r.place) == requests
    assert max(map(len, dealt)) - min(map(len, dealt)) <= min(256, count // shares + 1)


def test_neighbours_are_dealt_together() -> None:
    requests = [Request(key=str(n), place=n, attempt=0, seed=n) for n in range(1024)]
    first, second = deal(requests, 2)
    assert first == requests[:256] + requests[512:768]
    assert second == requests[256:512] + requests[768:]


def test_each_copy_has_gpus_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert share_gpus(1, 4) == [""]
    assert share_gpus(2, 2) == ["0,1", "2,3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b,5")
    assert share_gpus(3, 1) == ["GPU-a", "GPU-b", "5"]
    with pytest.raises(InputError, match="2 copies of 2 GPUs each do not fit"):
        share_gpus(2, 2)
