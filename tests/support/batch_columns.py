"""Columns of made-up sets, for tests of what is planned from them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from kalm_data.trainer.columns import BatchColumns, ColumnsBuilder, Kind, Piece, Stratum
from kalm_data.trainer.rounds import Rules

STRATA = (
    Stratum("one", "de", Kind.SHARED),
    Stratum("one", "en", Kind.SHARED),
    Stratum("other", "", Kind.SHARED),
    Stratum("classes", "", Kind.ALONE),
    Stratum("classes too", "", Kind.ALONE),
    Stratum("pairs", "", Kind.SCORED),
)


def columns_of(
    strata: list[int], counts: list[int], texts: list[int], pieces: int = 1
) -> BatchColumns:
    """Rows of these strata and numbers of positives; a text is a group; pieces of one byte each."""
    keys = np.random.default_rng(0).integers(0, 2**63, len(strata)).astype(np.uint64)
    builder = ColumnsBuilder(len(strata))
    of_row = np.split(np.array(texts, np.uint32), np.cumsum(counts)[:-1])
    for rows in np.array_split(np.arange(len(strata)), pieces):
        mine = np.concatenate([np.empty(0, np.uint32), *(of_row[row] for row in rows)])
        of_rows = (np.array(of, np.int64)[rows] for of in (strata, counts))
        builder.add(Piece(keys[rows], *of_rows, groups=mine, texts=mine, size=1))
    return builder.build(STRATA)


@st.composite
def sets(draw: st.DrawFn, pieces: int = 1) -> BatchColumns:
    """Up to 60 rows of the strata above, with up to 3 of 8 texts as positives."""
    size = draw(st.integers(1, 60))
    counts = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    strata = draw(st.lists(st.integers(0, len(STRATA) - 1), min_size=size, max_size=size))
    texts = draw(st.lists(st.integers(0, 7), min_size=sum(counts), max_size=sum(counts)))
    return columns_of(strata, counts, texts, pieces)


def rules(batch_size: int = 8, seed: int = 0, ratio: str = "1", *, apart: bool = False) -> Rules:
    return Rules(batch_size, seed, 1 - Fraction(ratio), apart)
