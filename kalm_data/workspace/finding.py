"""From what a user types to what is meant: an example, a document, or what was turned away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.explanation import AmbiguousId, Candidate
from kalm_data.core.records import Text

if TYPE_CHECKING:
    import duckdb

    Rows = list[tuple[str, ...]]

_PREFIX = re.compile("[0-9a-f]{6,32}")
_KEY = re.compile("([0-9a-f]{32}):[0-9a-f]{32}")
_MOST = 20
"""How many candidates are listed."""
_NAMED = 5
"""How many of them the message names."""

_AFTER = "g"
"""Sorts behind every hex digit."""

_EXAMPLES = """
SELECT e.example_id, e.task, t.text
FROM examples e JOIN texts t ON t.text_hash = e.query_hash
WHERE e.example_id >= $first AND e.example_id < $last ORDER BY e.example_id LIMIT $most
"""

# text hashes name what is a document, a labelled text or one of a scored pair
_TEXTS = """
WITH named AS (SELECT text_hash, text FROM texts WHERE text_hash >= $first AND text_hash < $last)
SELECT text_hash, text FROM named
WHERE text_hash IN (
    SELECT text_hash FROM documents UNION ALL SELECT text_hash FROM labels
    UNION ALL SELECT text_hash FROM scored_texts
)
ORDER BY text_hash LIMIT $most
"""

_DOCUMENTS = """
SELECT d.collection, d.doc_id, d.text_hash, t.text
FROM documents d JOIN texts t USING (text_hash)
WHERE d.doc_id = $doc_id AND ($collection = '' OR d.collection = $collection)
QUALIFY row_number() OVER (PARTITION BY d.collection ORDER BY d.revision DESC) = 1
ORDER BY d.collection LIMIT $most
"""

_ASKED = """
SELECT e.example_id, e.task, t.text
FROM texts t JOIN examples e ON e.query_hash = t.text_hash
WHERE t.{column} = $hash ORDER BY e.example_id LIMIT $most
"""

_SAME_TEXTS = """
SELECT text_hash, text FROM texts WHERE {column} = $hash ORDER BY text_hash LIMIT $most
"""

_REJECTED = "SELECT count(*) FROM rejects WHERE key = $wanted OR text = $wanted"


def find(connection: duckdb.DuckDBPyConnection, wanted: str) -> Candidate:
    """What is meant, told by id, then by document id, then by text, then among rejects.

    Raises AmbiguousId where several things are, and InputError where nothing is.
    """
    for looking in (_by_id, _by_document_id, _by_text, _among_rejects):
        found = looking(connection, wanted)
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(wanted, found)
    message = (
        f"{_short(wanted)}: no example, document, query or reject here. Name an example by its "
        "id or the first 6 digits of it, a document as collection/id, a query by its text, or a "
        "row as SHARDS/TASK/part-00000.parquet:ROW."
    )
    raise InputError(message)


def _by_id(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    key = _KEY.fullmatch(wanted)
    prefix = key[1] if key else wanted
    if not _PREFIX.fullmatch(prefix):
        return []
    asked = {"first": prefix, "last": prefix + _AFTER, "most": _MOST}
    found = _examples(connection.execute(_EXAMPLES, asked).fetchall())
    return found + _documents(connection.execute(_TEXTS, asked).fetchall())


def _by_document_id(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    """Named with its collection, or without where one collection alone has the id."""
    rows = connection.execute("SELECT DISTINCT collection FROM documents ORDER BY 1").fetchall()
    named = [(name, wanted[len(name) + 1 :]) for (name,) in rows if wanted.startswith(f"{name}/")]
    for collection, doc_id in (*named, ("", wanted)):
        asked = {"collection": collection, "doc_id": doc_id, "most": _MOST}
        found = connection.execute(_DOCUMENTS, asked).fetchall()
        if found:
            return [
                Candidate(f"{collection}/{doc_id}", "document", "", text, text_hash)
                for collection, doc_id, text_hash, text in found
            ]
    return []


def _by_text(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    """The exact text, else one of the same normal form; a query before a document."""
    text = Text.of(wanted)
    for column, hash_ in (("text_hash", text.text_hash), ("norm_hash", text.norm_hash)):
        asked = {"hash": hash_, "most": _MOST}
        found = connection.execute(_ASKED.format(column=column), asked).fetchall()
        if found:
            return _examples(found)
        same = connection.execute(_SAME_TEXTS.format(column=column), asked).fetchall()
        if same:
            return _documents(same)
    return []


def _among_rejects(connection: duckdb.DuckDBPyConnection, wanted: str) -> list[Candidate]:
    ((count,),) = connection.execute(_REJECTED, {"wanted": wanted}).fetchall()
    return [Candidate(wanted, "reject", "", wanted)] if count else []


def _examples(rows: Rows) -> list[Candidate]:
    return [Candidate(example_id, "example", task, text) for example_id, task, text in rows]


def _documents(rows: Rows) -> list[Candidate]:
    return [Candidate(text_hash, "document", "", text, text_hash) for text_hash, text in rows]


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
