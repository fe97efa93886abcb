"""Reads what a workspace knows of one example, document or reject.

Tables are asked for the few rows that name it, so that the answer does not wait for the size of
the workspace: rows of one id lie together, and DuckDB passes over blocks that cannot hold it.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Protocol

from kalm_data.core.by_hand import BY_HAND
from kalm_data.core.errors import InputError
from kalm_data.core.explanation import (
    ExplainedReject,
    ExplainedRequest,
    ExplainedRun,
    Explanation,
)
from kalm_data.core.records import Decision
from kalm_data.workspace.explained_documents import read_document
from kalm_data.workspace.explained_examples import read_example
from kalm_data.workspace.explained_texts import read_texts
from kalm_data.workspace.finding import example_named, find
from kalm_data.workspace.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from kalm_data.core.explanation import ExplainedDocument, ExplainedExample
    from kalm_data.workspace.database import Database

_REQUEST = ", ".join(f"g.{field.name}" for field in fields(ExplainedRequest))

_WRITTEN = """
SELECT DISTINCT task, plan, place, document_hash, persona FROM generations
WHERE request_key IN (SELECT unnest($keys)) ORDER BY ALL
"""

# requests for one candidate share its place in a plan; a plan whose documents changed has another
# candidate there
_REQUESTS = f"""
SELECT {_REQUEST} FROM generations g
WHERE g.place = $place AND g.plan = $plan AND g.task = $task AND g.document_hash = $document_hash
    AND ($document_hash <> '' OR g.persona = $persona)
ORDER BY g.rowid
"""

_REJECT = ", ".join(f"j.{field.name}" for field in fields(ExplainedReject))
_REJECTS = f"""
SELECT {_REJECT} FROM rejects j JOIN runs r ON r.run_id = j.run_id
WHERE {{condition}} ORDER BY r.sequence, j.stage, j.source, j.line, j.reason, j.key LIMIT {{most}}
"""
_MOST_REJECTS = 50

# keys of parts begin with that of the example and a colon, behind which ';' sorts
_OF_EXAMPLE = "j.key = $id OR (j.key >= $id || ':' AND j.key < $id || ';')"
_OF_DOCUMENT = "j.source = $text_hash OR j.key IN (SELECT unnest($names))"
_NAMED = "j.key = $wanted OR j.text = $wanted"

_BY_HAND = f"""
SELECT {TABLES[Decision].names} FROM current_verdicts WHERE task = ? AND rule = ?
ORDER BY example_id, text_hash
"""

_RUNS = """
SELECT run_id, command, status, started_at, versions, configuration
FROM runs WHERE run_id IN (SELECT unnest(?)) ORDER BY sequence
"""


class _MadeByRun(Protocol):
    @property
    def run_id(self) -> str: ...


class ExplanationStore:
    """Explains what a workspace holds or turned away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def explain(self, wanted: str) -> Explanation:
        """Of an example, document, query or reject. Raises InputError where there is none, and
        AmbiguousId where there are several.
        """
        with self._database.read() as connection:
            if named := example_named(wanted):
                explained = _of_example(connection, wanted, named)
                if explained.example is not None:
                    return explained
            found = find(connection, wanted)
            if found.kind == "example":
                return _of_example(connection, wanted, found.id)
            if found.kind == "document":
                return _of_document(connection, wanted, found.text_hash)
            rejects = _rejects(connection, _NAMED, {"wanted": wanted})
            return _explanation(connection, wanted, None, None, rejects)

    def by_hand(self, task: str) -> list[Decision]:
        """The verdicts by hand in force, in order of example and document."""
        with self._database.read() as connection:
            rows = connection.execute(_BY_HAND, [task, BY_HAND]).fetchall()
        return [Decision(*row) for row in rows]

    def explain_row(self, wanted: str, example_id: str, query_hash: str) -> Explanation:
        """Of the example of a row of a set; of its query as a text where the workspace has no
        example of that id, as in tasks of labels and scored pairs. InputError where it has neither.
        """
        with self._database.read() as connection:
            explained = _of_example(connection, wanted, example_id)
            if explained.example is not None:
                return explained
            if not read_texts(connection, [query_hash]):
                message = (
                    f"{wanted}: {self._database.folder} knows neither its example {example_id} nor "
                    "its query. Name the workspace that the set was built from with --workspace."
                )
                raise InputError(message)
            return _of_document(connection, wanted, query_hash)


def _of_example(connection: duckdb.DuckDBPyConnection, wanted: str, example_id: str) -> Explanation:
    rejects = _rejects(connection, _OF_EXAMPLE, {"id": example_id})
    example = read_example(connection, example_id)
    return _explanation(connection, wanted, example, None, rejects)


def _of_document(connection: duckdb.DuckDBPyConnection, wanted: str, text_hash: str) -> Explanation:
    document = read_document(connection, text_hash)
    names = sorted({one.doc_id for one in document.revisions} | {text_hash})
    rejects = _rejects(connection, _OF_DOCUMENT, {"text_hash": text_hash, "names": names})
    return _explanation(connection, wanted, None, document, rejects)


def _explanation(
    connection: duckdb.DuckDBPyConnection,
    wanted: str,
    example: ExplainedExample | None,
    document: ExplainedDocument | None,
    rejects: tuple[ExplainedReject, ...],
) -> Explanation:
    keys = _request_keys(example, rejects if example is None and document is None else ())
    requests = _requests(connection, keys)
    run_ids = _runs_of(requests) | _runs_of(rejects)
    run_ids |= _runs_of_example(example) | _runs_of_document(document)
    return Explanation(
        asked=wanted,
        kind="example" if example else "document" if document else "reject",
        example=example,
        document=document,
        requests=requests,
        rejects=rejects,
        rows=(),
        runs=_runs(connection, run_ids),
    )


def _request_keys(example: ExplainedExample | None, rejects: Iterable[ExplainedReject]) -> set[str]:
    """Of the requests that wrote an example, or what `synth` rejected (its keys end in one)."""
    keys = {one.key.rpartition(":")[2] for one in rejects if one.stage == "synth"}
    if example is not None:
        said = (said for one in example.positives for said in one.said)
        keys |= {example.origin_key, *(one.origin_key for one in said)}
    return keys - {""}


def _requests(
    connection: duckdb.DuckDBPyConnection, keys: set[str]
) -> tuple[ExplainedRequest, ...]:
    if not keys:
        return ()
    found: dict[ExplainedRequest, None] = {}  # each once, in order
    names = ("task", "plan", "place", "document_hash", "persona")
    for candidate in connection.execute(_WRITTEN, {"keys": sorted(keys)}).fetchall():
        named = dict(zip(names, candidate, strict=True))
        rows = connection.execute(_REQUESTS, named).fetchall()
        found |= dict.fromkeys(ExplainedRequest(*row) for row in rows)
    return tuple(found)


def _rejects(
    connection: duckdb.DuckDBPyConnection, condition: str, named: dict[str, object]
) -> tuple[ExplainedReject, ...]:
    query = _REJECTS.format(condition=condition, most=_MOST_REJECTS)
    return tuple(_reject(row) for row in connection.execute(query, named).fetchall())


def _reject(row: Sequence[str]) -> ExplainedReject:
    told = dict(zip((field.name for field in fields(ExplainedReject)), row, strict=True))
    numbers = json.loads(str(told.pop("numbers")))
    return ExplainedReject(**told, numbers=numbers)  # type: ignore[arg-type]


def _runs_of_example(example: ExplainedExample | None) -> set[str]:
    if example is None:
        return set()
    found = {example.run_id} | _runs_of(example.negatives)
    for one in example.positives:
        found |= _runs_of(one.said) | _runs_of(one.ranks) | _runs_of(one.decisions)
        found |= _runs_of(one.document.documents)
    return found


def _runs_of_document(document: ExplainedDocument | None) -> set[str]:
    if document is None:
        return set()
    return _runs_of(document.revisions) | _runs_of(document.labels) | _runs_of(document.pairs)


def _runs_of(found: Iterable[_MadeByRun]) -> set[str]:
    return {one.run_id for one in found}


def _runs(connection: duckdb.DuckDBPyConnection, run_ids: set[str]) -> tuple[ExplainedRun, ...]:
    rows = connection.execute(_RUNS, [sorted(run_ids)]).fetchall()
    return tuple(
        ExplainedRun(id_, command, status, started, json.loads(versions), json.loads(configuration))
        for id_, command, status, started, versions, configuration in rows
    )
