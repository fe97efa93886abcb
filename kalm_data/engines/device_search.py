"""Exact dense search whose products are made on GPUs; the same results, bit for bit.

A device multiplies, counts what is certain, and tells what is near enough to matter. That is scored
here as it is by the search on the processor (`exact_scores`), so it does not matter which device
made which product, nor how it rounds, as long as it errs by less than `NOMINATION`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from kalm_data.core.errors import InputError
from kalm_data.engines.dealing import dealt
from kalm_data.engines.dense_blocks import rank_by_blocks, tiles
from kalm_data.engines.devices import working_on
from kalm_data.engines.exact_scores import NOMINATION, exact_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from kalm_data.engines.dense_blocks import ExactRanking
    from kalm_data.engines.dense_passes import BestHits, PositiveRanks
    from kalm_data.engines.exact_scores import Floats, Places

_NOMINEES_AT_ONCE = 2_000_000
_PROBED = 256
"""Queries by which each tile tells how far the products of a device err."""


@dataclass(frozen=True, slots=True)
class DeviceSearch:
    """Satisfies `core.protocols.DenseSearch`, as `ExactSearch` does.

    The block sizes bound the memory of a device: a product takes 0.5 GB, what is made of it about
    twice as much again.
    """

    devices: tuple[str, ...]
    queries_at_once: int = 8192
    documents_at_once: int = 16_384

    def rank(
        self,
        queries: Floats,
        documents: Floats,
        positives: Sequence[Sequence[int]],
        excluded: Sequence[Sequence[int]],
        depth: int,
    ) -> Iterator[ExactRanking]:
        """As `ExactSearch.rank`. Tiles of documents are dealt to the devices.

        Raises InputError where a device is full, or multiplies float32 too roughly.
        """
        return rank_by_blocks(
            self._pass_by, queries, documents, positives, excluded, depth, self.queries_at_once
        )

    def _pass_by(
        self, queries: Floats, documents: Floats, ranks: PositiveRanks, hits: BestHits
    ) -> None:
        adding = Lock()
        looks = [
            _Look(device, queries, documents, ranks, hits, adding).see for device in self.devices
        ]
        with _whole_products():
            for _ in dealt(tiles(len(documents), self.documents_at_once), looks):
                pass


class _Look:
    """Q queries on one device, and what is kept of the documents that pass by there."""

    def __init__(
        self,
        device: str,
        queries: Floats,
        documents: Floats,
        ranks: PositiveRanks,
        hits: BestHits,
        adding: Lock,
    ) -> None:
        self._device, self._queries, self._documents = device, queries, documents
        self._ranks, self._hits, self._adding = ranks, hits, adding
        with working_on(device, f"searching for {len(queries)} queries"):
            self._asked = self._sent(np.array(queries)).T

    def see(self, tile: tuple[int, int]) -> None:
        """Add what the documents from one position up to another are to ranks and hits."""
        begin, end = tile
        chunk = np.array(self._documents[begin:end])  # torch takes no file that is only read
        doing = f"searching {end - begin} documents for {len(self._queries)} queries"
        with working_on(self._device, doing):
            values = _product(_finite(self._sent(chunk)), self._asked)
            self._refuse_rough(chunk, values)
            self._rank(chunk, values)
            self._nominate(begin, values)

    def _refuse_rough(self, chunk: Floats, values: torch.Tensor) -> None:
        rows = np.arange(min(_PROBED, len(self._queries)))
        exact = exact_scores(self._queries, chunk, rows, np.zeros_like(rows))
        error = np.abs(values[0, : len(rows)].cpu().numpy() - exact).max()
        if error > NOMINATION / 2:
            message = (
                f"{self._device}: products of float32 err by {error:.0e} there, which is too much "
                "for exact ranks. Name other --devices."
            )
            raise InputError(message)

    def _rank(self, chunk: Floats, values: torch.Tensor) -> None:
        """Of the positives that the documents reach, as many at a time as there are queries."""
        reached = self._ranks.reached(values.amax(dim=0).cpu().numpy())
        for start in range(0, len(reached), len(self._queries)):
            self._count(chunk, values, reached[start : start + len(self._queries)])

    def _count(self, chunk: Floats, values: torch.Tensor, pairs: Places) -> None:
        query, below, above = self._ranks.bars(pairs)
        judged = values.index_select(1, self._sent(query))
        certain = judged > self._sent(above)
        near = (judged >= self._sent(below)) ^ certain
        counted = certain.sum(dim=0).cpu().numpy()
        for part in _portions(near):
            document, column = near[part].nonzero().cpu().numpy().T
            counted += self._ranks.count_near(chunk, pairs, document + part.start, column)
        with self._adding:
            self._ranks.add([(pairs, counted)])

    def _nominate(self, begin: int, values: torch.Tensor) -> None:
        with self._adding:
            bar = self._hits.bar
        reached = values >= self._sent(bar)
        for part in _portions(reached):
            document, query = reached[part].nonzero().cpu().numpy().T
            value = values[part][reached[part]].cpu().numpy()
            with self._adding:
                self._hits.add((query, document + part.start + begin, value))

    def _sent(self, array: Floats | Places) -> torch.Tensor:
        import torch

        return torch.from_numpy(array).to(self._device)


def _product(documents: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    """(S, Q) of (S, D) and (D, Q)."""
    return documents @ queries


def _finite(vectors: torch.Tensor) -> torch.Tensor:
    """As `exact_scores.finite`."""
    return vectors.where(vectors.isfinite().all(dim=1, keepdim=True), 0.0)


def _portions(mask: torch.Tensor) -> Iterator[slice]:
    """Rows that are looked at together: so much of them is set, or all of one row."""
    ends = np.cumsum(mask.sum(dim=1).cpu().numpy())
    begin = before = 0
    while before < ends[-1]:
        end = max(begin + 1, int(np.searchsorted(ends, before + _NOMINEES_AT_ONCE, "right")))
        yield slice(begin, end)
        begin, before = end, ends[end - 1]


@contextmanager
def _whole_products() -> Iterator[None]:
    """Products of float32 in float32, whatever this process chose for its own (TF32, bfloat16).

    torch has an older name for that choice and a newer one, and refuses to work where they differ.
    """
    import torch

    matmuls = torch.backends.cuda.matmul, torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    chosen = [one.fp32_precision for one in matmuls]
    try:
        older = torch.get_float32_matmul_precision()
    except RuntimeError:  # chosen by the newer name alone
        older = "highest"
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(older)
        for one, precision in zip(matmuls, chosen, strict=True):
            one.fp32_precision = precision
