"""Reads how many tokens the texts of a shard set have, where it was built with a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from kalm_data.core.errors import InputError
from kalm_data.core.report.figures import ShardTokens

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.core.manifest import Manifest

_COLUMNS = "SELECT name FROM parquet_schema(?)"

_TOKENS = """
SELECT quantile_disc(n, 0.5)::BIGINT, quantile_disc(n, 0.95)::BIGINT, max(n)::BIGINT
FROM (SELECT {tokens} AS n FROM read_parquet(?)) WHERE n IS NOT NULL
"""

_KINDS = {
    "queries": "query_tokens",
    "positives": "unnest(pos_tokens)",
    "negatives": "unnest(neg_tokens)",
}


def read_tokens(folder: Path, manifest: Manifest) -> tuple[ShardTokens, ...]:
    """By task and kind of text; empty where the set stores none. InputError names a damaged set."""
    found = []
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            for entry in manifest.tasks:
                files = [str(folder / file.path) for file in entry.files]
                if not files:
                    continue
                columns = {row[0] for row in connection.execute(_COLUMNS, [files[0]]).fetchall()}
                if "query_tokens" not in columns:
                    continue
                for kind, tokens in _KINDS.items():
                    query = _TOKENS.replace("{tokens}", tokens)
                    ((median, q95, most),) = connection.execute(query, [files]).fetchall()
                    if median is not None:
                        found.append(ShardTokens(entry.task.name, kind, median, q95, most))
    except duckdb.Error as error:
        message = f"{folder}: cannot be read: {str(error).splitlines()[0]} Build it again."
        raise InputError(message) from error
    return tuple(found)
