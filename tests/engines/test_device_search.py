"""The search in torch against brute force and the search in numpy, on devices `cpu`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import Search, brute_force, searches, unit

from kalm_data.core.errors import InputError
from kalm_data.engines import device_search
from kalm_data.engines.dense_blocks import ExactRanking
from kalm_data.engines.dense_search import ExactSearch
from kalm_data.engines.device_search import DeviceSearch

ONE, TWO = ("cpu",), ("cpu", "cpu")
DEVICES = st.sampled_from([ONE, TWO])


def bits(rankings: Iterator[ExactRanking]) -> list[tuple[object, ...]]:
    return [
        (one.positions.tolist(), one.scores.tobytes(), one.ranks, one.positive_scores)
        for one in rankings
    ]


@settings(max_examples=300, deadline=None)
@given(searches(), DEVICES, st.integers(1, 9), st.integers(1, 40))
def test_ranks_and_hits_equal_brute_force_whatever_the_block_size(
    search: Search, devices: tuple[str, ...], queries_at_once: int, at_once: int
) -> None:
    asked, documents, positives, excluded, depth = search
    engine = DeviceSearch(devices, queries_at_once, at_once)
    found = engine.rank(asked, documents, positives, excluded, depth)
    for query, own, barred, ranking in zip(asked, positives, excluded, found, strict=True):
        ranks, best = brute_force(query, documents, own, barred, depth)
        assert ranking.ranks == ranks
        assert ranking.positions.tolist() == best


@settings(max_examples=200, deadline=None)
@given(searches(), DEVICES, st.integers(1, 40), st.data())
def test_all_results_have_the_bits_of_the_search_in_numpy(
    search: Search, devices: tuple[str, ...], at_once: int, data: st.DataObject
) -> None:
    """Also of vectors that are not finite."""
    asked, documents, *rest = search
    for vectors in (asked, documents):
        if data.draw(st.booleans()):
            row = data.draw(st.integers(0, len(vectors) - 1))
            vectors[row, 0] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    found = DeviceSearch(devices, 4, at_once).rank(asked, documents, *rest)
    assert bits(found) == bits(ExactSearch(3, 7).rank(asked, documents, *rest))


@pytest.mark.parametrize("devices", [ONE, TWO])
@pytest.mark.parametrize("nominees_at_once", [100, device_search._NOMINEES_AT_ONCE])
def test_thousands_of_documents_have_the_same_ranks_and_hits(
    devices: tuple[str, ...], nominees_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_search, "_NOMINEES_AT_ONCE", nominees_at_once)
    rng = np.random.default_rng(2)
    documents = unit(rng.normal(size=(50, 48))[rng.integers(0, 50, 9000)])
    documents[::2] = unit(documents[::2] + rng.normal(0, 0.2, (4500, 48)))
    documents[7, 3] = np.nan
    asked = unit(documents[:300] + rng.normal(0, 0.2, (300, 48)))
    own = [rng.choice(9000, query % 4, replace=False).tolist() for query in range(300)]
    excluded = [[*positives, 5, 6] for positives in own]
    np.save(tmp_path / "documents.npy", documents)
    mapped = np.load(tmp_path / "documents.npy", mmap_mode="r")
    found = DeviceSearch(devices, 128, 1000).rank(asked, mapped, own, excluded, 20)
    assert bits(found) == bits(ExactSearch().rank(asked, documents, own, excluded, 20))


def test_copies_are_looked_at_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_search, "_NOMINEES_AT_ONCE", 64)
    copies = unit(np.ones((3000, 4)))
    own: list[Sequence[int]] = [[3], [2999, 0], []]
    found = bits(DeviceSearch(TWO, 2, 500).rank(copies[:3], copies, own, own, 10))
    assert found == bits(ExactSearch().rank(copies[:3], copies, own, own, 10))
    assert [ranks for _, _, ranks, _ in found] == [[3000], [2999, 2999], []]


def test_an_empty_pool_has_no_hits() -> None:
    nothing = np.empty((0, 2), np.float32)
    (ranking,) = DeviceSearch(ONE).rank(unit(np.ones((1, 2))), nothing, [[]], [[]], 5)
    assert (ranking.ranks, len(ranking.positions)) == ([], 0)


def choose_older() -> None:
    torch.set_float32_matmul_precision("medium")


def choose_newer() -> None:
    torch.backends.cuda.matmul.fp32_precision = "tf32"


def chosen() -> tuple[object, ...]:
    try:
        older = torch.get_float32_matmul_precision()
    except RuntimeError:
        older = "refused"
    matmuls = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul
    return older, *(one.fp32_precision for one in matmuls)


@pytest.fixture
def as_before() -> Iterator[None]:
    yield
    torch.set_float32_matmul_precision("highest")
    for one in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        one.fp32_precision = "none"


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("choose", [choose_older, choose_newer, lambda: None])
def test_products_are_whole_and_the_users_choice_is_as_before(
    choose: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(choose)
    choose()
    before, during = chosen(), []
    product = device_search._product

    def watched(documents: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        during.append((*chosen(), torch.backends.cuda.matmul.allow_tf32))
        return product(documents, queries)

    monkeypatch.setattr(device_search, "_product", watched)
    documents = unit(np.random.default_rng(0).normal(size=(300, 64)))
    search = DeviceSearch(TWO).rank(documents[:2], documents, [[], []], [[], []], 3)
    next(search)
    assert chosen() == before  # also while the caller has a result in hand
    assert set(during) == {("highest", "ieee", "ieee", False)}


def test_a_device_that_multiplies_roughly_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def rough(documents: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        return (documents.bfloat16() @ queries.bfloat16()).float()

    monkeypatch.setattr(device_search, "_product", rough)
    documents = unit(np.random.default_rng(0).normal(size=(300, 64)))
    with pytest.raises(InputError, match=r"cpu: products of float32 err by \de-0[234] there"):
        list(DeviceSearch(ONE).rank(documents[:9], documents, [[]] * 9, [[]] * 9, 3))


def test_a_device_that_is_full_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(documents: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr(device_search, "_product", full)
    documents = unit(np.ones((300, 4)))
    with pytest.raises(InputError) as caught:
        list(DeviceSearch(TWO).rank(documents[:2], documents, [[]] * 2, [[]] * 2, 3))
    assert str(caught.value) == (
        "cpu: out of memory searching 256 documents for 2 queries. Free memory there, or name "
        "other --devices."
    )
