"""From what a user types to what is meant: an example, a document, or what was turned away."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data.core.explanation import AmbiguousId, Candidate, UnknownId
from kalm_data.core.records import Text
from kalm_data.workspace.explained_texts import read_texts

if TYPE_CHECKING:
    import duckdb

    Rows = list[tuple[str, ...]]

_PREFIX = re.compile("[0-9a-f]{6,32}")
_KEY = re.compile("([0-9a-f]{32})(?::[0-9a-f]{32})?")
_MOST = 20
"""How many candidates are listed."""
_NAMED = 5
"""How many of them the message names."""

_AFTER = "g"
"""Sorts behind every hex digit."""

# one table at a time, by values: a join would read the columns of all rows
_EXAMPLES = """
SELECT example_id, task, query_hash FROM examples
WHERE example_id >= $first AND example_id < $last ORDER BY example_id LIMIT $most
"""

_TEXTS = """
SELECT text_hash FROM texts WHERE text_hash >= $first AND text_hash < $last
ORDER BY text_hash LIMIT $most
"""

# what is no query alone: a document, a labelled text, one of a scored pair
_HELD = """
SELECT text_hash FROM documents WHERE text_hash IN (SELECT unnest($hashes))
UNION SELECT text_hash FROM labels WHERE text_hash IN (SELECT unnest($hashes))
UNION SELECT first_hash FROM scored_pairs WHERE first_hash IN (SELECT unnest($hashes))
UNION SELECT second_hash FROM scored_pairs WHERE second_hash IN (SELECT unnest($hashes))
ORDER BY text_hash
"""

_DOCUMENTS = """
SELECT collection, doc_id, text_hash FROM documents
WHERE doc_id = $doc_id AND ($collection = '' OR collection = $collection)
QUALIFY row_number() OVER (PARTITION BY collection ORDER BY revision DESC) = 1
ORDER BY collection LIMIT $most
"""

# the latest revision of each, as above
_CHUNKS = """
SELECT collection, doc_id, text_hash FROM documents
WHERE parent = $file AND doc_id = $file || '#' || position
    AND ($collection = '' OR collection = $collection)
QUALIFY row_number() OVER (PARTITION BY collection, doc_id ORDER BY revision DESC) = 1
ORDER BY collection, position LIMIT $most
"""

_SAME = "SELECT text_hash FROM texts WHERE norm_hash = $hash ORDER BY text_hash LIMIT $most"

_ASKED = """
SELECT example_id, task, query_hash FROM examples WHERE query_hash IN (SELECT unnest($hashes))
ORDER BY example_id LIMIT $most
"""

_REJECTED = "SELECT count(*) FROM rejects WHERE key = $wanted OR text = $wanted"


def example_named(wanted: str) -> str:
    """The whole id of an example, alone or with that of a positive; else empty."""
    whole = _KEY.fullmatch(wanted)
    return whole[1] if whole else ""


def find(connection: duckdb.DuckDBPyConnection, wanted: str) -> Candidate:
    """What is meant, told by id, then by document id, then by text, then among rejects.

    Raises AmbiguousId where several things are, and UnknownId where nothing is.
    """
    for looking in (_by_id, _by_document_id, _by_text, _among_rejects):
        found = looking(connection, wanted)
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(wanted, _with_texts(connection, found))
    message = (
        f"{_short(wanted)}: no example, document, query or reject here. Name an example by its "
        "id or the first 6 digits of it, a document as collection/id, a query by its text, or a "
        "row as SHARDS/TASK/part-00000.parquet:ROW."
    )
    raise UnknownId(message)


def _by_id(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    prefix = example_named(wanted) or wanted
    if not _PREFIX.fullmatch(prefix):
        return []
    asked = {"first": prefix, "last": prefix + _AFTER, "most": _MOST}
    found = _examples(connection.execute(_EXAMPLES, asked).fetchall())
    hashes = [one for (one,) in connection.execute(_TEXTS, asked).fetchall()]
    return found + _documents(connection, hashes)


def _by_document_id(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    """Named with its collection, or without where one collection alone has the id.

    The name of a file that was cut means its chunks.
    """
    rows = connection.execute("SELECT DISTINCT collection FROM documents ORDER BY 1").fetchall()
    named = [(name, wanted[len(name) + 1 :]) for (name,) in rows if wanted.startswith(f"{name}/")]
    for query, name in ((_DOCUMENTS, "doc_id"), (_CHUNKS, "file")):
        for collection, doc_id in (*named, ("", wanted)):
            asked = {"collection": collection, name: doc_id, "most": _MOST}
            found = connection.execute(query, asked).fetchall()
            if found:
                return [
                    Candidate(f"{collection}/{doc_id}", "document", "", "", text_hash)
                    for collection, doc_id, text_hash in found
                ]
    return []


def _by_text(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    """The exact text, else one of the same normal form; a query before a document."""
    text = Text.of(wanted)
    same = [text.text_hash]
    if found := _queries_or_documents(connection, same):
        return found
    asked = {"hash": text.norm_hash, "most": _MOST}
    same = [one for (one,) in connection.execute(_SAME, asked).fetchall()]
    return _queries_or_documents(connection, same) if same else []


def _queries_or_documents(
    connection: duckdb.DuckDBPyConnection, hashes: list[str]
) -> list[Candidate]:
    asked = {"hashes": hashes, "most": _MOST}
    found = _examples(connection.execute(_ASKED, asked).fetchall())
    return found or _documents(connection, hashes)


def _among_rejects(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    ((count,),) = connection.execute(_REJECTED, {"wanted": wanted}).fetchall()
    return [Candidate(wanted, "reject", "", wanted)] if count else []


def _examples(rows: Rows) -> list[Candidate]:
    return [Candidate(id_, "example", task, "", query_hash) for id_, task, query_hash in rows]


def _documents(connection: duckdb.DuckDBPyConnection, hashes: list[str]) -> list[Candidate]:
    rows = connection.execute(_HELD, {"hashes": hashes}).fetchall()
    return [Candidate(text_hash, "document", "", "", text_hash) for (text_hash,) in rows]


def _with_texts(connection: duckdb.DuckDBPyConnection, found: list[Candidate]) -> list[Candidate]:
    texts = read_texts(connection, (one.text_hash for one in found))
    return [replace(one, text=texts.get(one.text_hash, one.text)) for one in found]


def _ambiguous(wanted: str, found: list[Candidate]) -> AmbiguousId:
    some = ", ".join(f"{one.id} ({one.kind}{f' of {one.task}' if one.task else ''})"
                     for one in found[:_NAMED])  # fmt: skip
    more = ", …" if len(found) > _NAMED else ""
    count = f"{_MOST} or more" if len(found) >= _MOST else str(len(found))
    return AmbiguousId(f"{_short(wanted)}: {count} things match. Name one: {some}{more}.", found)


def _short(text: str) -> str:
    """For one line."""
    words = " ".join(text.split())
    return words if len(words) <= 80 else words[:79] + "…"
