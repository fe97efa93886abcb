"""What batches are planned from: a few numbers of each row, and no text.

Letters: N rows of the set, S strata, P pieces. A stratum is what may fill a batch: the rows of one
task and language, or the scored pairs of one task. A piece is a run of rows that is read at once,
a row group of a Parquet file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[Any]
    """Of an integer type, the smallest that holds them where there is one for each row."""


class Kind(IntEnum):
    """What the rows of a stratum learn from: one another too, their own documents, or scores."""

    SHARED = 0
    ALONE = 1
    SCORED = 2


@dataclass(frozen=True, slots=True)
class Stratum:
    task: str
    language: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Piece:
    """What reading one piece has told of its rows, as `BatchColumns` holds it of all.

    `size` is what its rows take in memory, in bytes.
    """

    keys: NDArray[np.uint64]
    strata: Numbers
    counts: Numbers
    groups: NDArray[np.uint32]
    texts: NDArray[np.uint32]
    size: int


@dataclass(frozen=True, slots=True)
class BatchColumns:
    """keys: (N,) 64 bits of each row's example id. strata: (N,) number of its stratum.

    counts: (N,) positives of each row, ≥ 1. groups, texts: (Σ counts,) hashes of the group and of
    the text of each positive, row by row; texts may be empty, where nobody asks for them.
    firsts: (P + 1,) number of each piece's first row, and N. starts: (P + 1,) place of its first
    positive, and Σ counts. sizes: (P,) bytes of its rows in memory.
    """

    names: tuple[Stratum, ...]
    keys: NDArray[np.uint64]
    strata: Numbers
    counts: Numbers
    groups: NDArray[np.uint32]
    texts: NDArray[np.uint32]
    firsts: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def kinds(self) -> NDArray[np.int64]:
        """(S,)."""
        return np.array([stratum.kind for stratum in self.names], np.int64)

    def cells(self, pieces: Sequence[int], copies: Numbers | None) -> NDArray[np.int64]:
        """(pieces, S) rows of each stratum, each as often as `copies` says; once if None."""
        found = np.empty((len(pieces), len(self.names)), np.int64)
        for place, piece in enumerate(pieces):
            rows = slice(self.firsts[piece], self.firsts[piece + 1])
            weights = None if copies is None else copies[rows]
            found[place] = np.bincount(self.strata[rows], weights, len(self.names))
        return found

    def of_stratum(self, stratum: int, pieces: Sequence[int]) -> tuple[Numbers, Numbers]:
        """The rows of a stratum in these pieces, and the place of the first positive of each."""
        parts = list(self._parts(stratum, pieces))
        rows, starts = zip(*parts, strict=True) if parts else ([np.empty(0, np.int64)],) * 2
        return np.concatenate(rows), np.concatenate(starts)

    def starts_of(self, rows: Numbers) -> NDArray[np.int64]:
        """The place of the first positive of each of these rows."""
        counts = self.counts.astype(np.int64)
        return (np.cumsum(counts) - counts)[rows]

    def _parts(self, stratum: int, pieces: Sequence[int]) -> Iterator[tuple[Numbers, Numbers]]:
        for piece in pieces:
            first, end = self.firsts[piece], self.firsts[piece + 1]
            places = np.flatnonzero(self.strata[first:end] == stratum)
            if self.starts[piece + 1] - self.starts[piece] == end - first:
                yield first + places, self.starts[piece] + places
            else:
                counts = self.counts[first:end].astype(np.int64)
                yield first + places, self.starts[piece] + (np.cumsum(counts) - counts)[places]


class ColumnsBuilder:
    """Collects the columns piece by piece, without ever holding them twice."""

    def __init__(self, rows: int) -> None:
        """rows: how many there will be at most."""
        self._keys = np.empty(rows, np.uint64)
        self._strata = np.empty(rows, np.uint16)
        self._counts = np.empty(rows, np.uint16)
        self._groups = np.empty(rows, np.uint32)
        self._texts = np.empty(rows, np.uint32)
        self._firsts, self._starts, self._texted = [0], [0], 0
        self._sizes: list[int] = []

    def add(self, piece: Piece) -> None:
        first, start = self._firsts[-1], self._starts[-1]
        end, stop = first + len(piece.keys), start + len(piece.groups)
        self._keys[first:end] = piece.keys
        self._strata[first:end] = piece.strata
        self._counts[first:end] = piece.counts
        if stop > len(self._groups):
            self._groups = np.resize(self._groups, stop * 3 // 2)
            self._texts = np.resize(self._texts, stop * 3 // 2)
        self._groups[start:stop] = piece.groups
        if len(piece.texts):
            self._texts[start:stop] = piece.texts
            self._texted = stop
        self._firsts.append(end)
        self._starts.append(stop)
        self._sizes.append(piece.size)

    def build(self, names: Sequence[Stratum]) -> BatchColumns:
        rows, positives = self._firsts[-1], self._starts[-1]
        return BatchColumns(
            names=tuple(names),
            keys=self._keys[:rows],
            strata=self._strata[:rows],
            counts=self._counts[:rows],
            groups=self._groups[:positives],
            texts=self._texts[: self._texted],
            firsts=np.array(self._firsts),
            starts=np.array(self._starts),
            sizes=np.array(self._sizes, np.int64),
        )
