"""Where something came from and why it is in or out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.explanation import (
    AmbiguousId,
    Asked,
    Candidate,
    ExplainedDecision,
    ExplainedDocument,
    ExplainedExample,
    ExplainedNegative,
    ExplainedPositive,
    ExplainedReject,
    ExplainedRequest,
    ExplainedRow,
    ExplainedRun,
    ExplainedText,
    Explanation,
    PassedGates,
)
from kalm_data.core.records import Document, text_hash

if TYPE_CHECKING:
    from kalm_data.workspace.explanations import ExplanationStore

__all__ = [
    "AmbiguousId",
    "Asked",
    "Candidate",
    "Document",
    "ExplainedDecision",
    "ExplainedDocument",
    "ExplainedExample",
    "ExplainedNegative",
    "ExplainedPositive",
    "ExplainedReject",
    "ExplainedRequest",
    "ExplainedRow",
    "ExplainedRun",
    "ExplainedText",
    "Explanation",
    "PassedGates",
    "explain",
]

_ROW = re.compile(r"(?P<file>.+\.parquet):(?P<row>[0-9]+)", re.DOTALL)


def explain(workspace: Path, wanted: str, shards: Path | None = None) -> Explanation:
    """What is known of an example, a document, a query, a reject or a row of a set.

    wanted: the id of an example or its first digits (6 or more), `collection/id` or the id of a
    document, the text of a query (else one of the same normal form), the key of a reject, or
    `FILE.parquet:ROW` of a set, rows counted from 0. shards: a set in which the example's rows are
    looked for. Raises AmbiguousId, an InputError, where several things match.
    """
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.explanations import ExplanationStore

    store = ExplanationStore(Database(workspace))
    place = _ROW.fullmatch(wanted)
    if place is not None:
        return _explain_row(store, wanted, Path(place["file"]), int(place["row"]))
    explained = store.explain(wanted)
    if shards is None or explained.example is None:
        return explained
    return replace(explained, rows=_rows(shards, explained.example))


def _explain_row(store: ExplanationStore, wanted: str, file: Path, row: int) -> Explanation:
    from kalm_data.workspace.set_rows import read_row

    found = read_row(file, row)
    explained = store.explain_row(wanted, found.example_id, text_hash(found.query))
    return replace(explained, kind="row", rows=(found,))


def _rows(shards: Path, example: ExplainedExample) -> tuple[ExplainedRow, ...]:
    from kalm_data.core.manifest import read_manifest
    from kalm_data.workspace.set_rows import find_rows

    entries = (one for one in read_manifest(shards).tasks if one.task.name == example.task)
    files = [shards / file.path for one in entries for file in (*one.files, *one.dev)]
    return find_rows(files, example.example_id)
