"""The documents of a pool as somebody reads them, by the block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kalm_data.core.templates import render_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kalm_data.core.pool import Pool, PoolDocument
    from kalm_data.core.templates import Templates


def written_blocks(
    pool: Pool, templates: Templates, places: Sequence[int] | None = None
) -> Iterator[list[str]]:
    """The rendered documents at some positions, or all, in order; no block but the last is kept."""
    return map(partial(_written, templates), pool.blocks(places))


def _written(templates: Templates, block: Sequence[PoolDocument]) -> list[str]:
    return [render_document(templates, one.text, one.title, one.headings) for one in block]
