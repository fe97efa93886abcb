"""The dev rows of a set, and the documents among which their queries look for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kalm_data.core.manifest import Manifest, ShardFile, ShardTask

_QUERY = ("query", "instruction", "pos_ids", "pos_groups")
_DOCUMENT = tuple(
    f"{kind}{part}" for kind in ("pos", "neg") for part in ("", "_titles", "_ids", "_groups")
)


class DevQuery(NamedTuple):
    """A query; `relevant` are the places of its positives, `alike` of further ones of their groups.

    What is alike answers as well, so it counts neither for nor against a model.
    """

    query: str
    instruction: str
    relevant: frozenset[int]
    alike: frozenset[int]


class DevDocument(NamedTuple):
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class DevTask:
    """The dev queries of one task and its documents, each distinct text once."""

    task: str
    queries: tuple[DevQuery, ...]
    documents: tuple[DevDocument, ...]


def read_dev(folder: Path, manifest: Manifest, queries: int, documents: int) -> list[DevTask]:
    """The tasks of a verified set that have dev rows, each with at most so many queries.

    Rows of a set are in random order, so the first ones are a sample. The documents are those of
    the dev rows, and of training rows until there are `documents`.
    """
    return [_dev_task(folder, entry, queries, documents) for entry in manifest.tasks if entry.dev]


def _dev_task(folder: Path, entry: ShardTask, queries: int, documents: int) -> DevTask:
    rows = pa.concat_tables(_first_rows(folder, entry.dev, queries)).slice(0, queries)
    pool = _Documents()
    pool.add(rows)
    for some in _first_rows(folder, entry.files, documents):
        if len(pool.texts) >= documents:
            break
        pool.add(some, documents)
    asked = tuple(
        DevQuery(
            row["query"],
            row["instruction"],
            relevant := frozenset(pool.places[text_id] for text_id in row["pos_ids"]),
            frozenset().union(*(pool.groups[group] for group in row["pos_groups"])) - relevant,
        )
        for row in rows.select(_QUERY).to_pylist()
    )
    return DevTask(entry.task.name, asked, tuple(pool.texts))


class _Documents:
    """Distinct documents in order of first occurrence, with places by id and by group."""

    def __init__(self) -> None:
        self.texts: list[DevDocument] = []
        self.places: dict[str, int] = {}
        self.groups: dict[str, set[int]] = {}

    def add(self, rows: pa.Table, most: int | None = None) -> None:
        """Add the documents of `rows`; with `most`, until there are so many."""
        for row in rows.select(_DOCUMENT).to_pylist():
            for kind in ("pos", "neg"):
                parts = (row[kind + part] for part in ("_ids", "_groups", "_titles", ""))
                for text_id, group, title, text in zip(*parts, strict=True):
                    if len(self.texts) == most:
                        return
                    self._add_one(text_id, group, DevDocument(title, text))

    def _add_one(self, text_id: str, group: str, document: DevDocument) -> None:
        place = self.places.setdefault(text_id, len(self.texts))
        if place == len(self.texts):
            self.texts.append(document)
        self.groups.setdefault(group, set()).add(place)


def _first_rows(folder: Path, files: Sequence[ShardFile], count: int) -> Iterator[pa.Table]:
    """Tables of rows, in the order of the files, until `count` rows are there."""
    for file in files:
        try:
            opened = pq.ParquetFile(folder / file.path)
            for batch in opened.iter_batches(1024, columns=[*_QUERY, *_missing(_DOCUMENT)]):
                yield pa.Table.from_batches([batch])
                count -= len(batch)
                if count <= 0:
                    return
        except (pa.ArrowException, KeyError, OSError) as error:
            message = f"{folder / file.path}: cannot be read: {str(error).splitlines()[0]}"
            raise InputError(f"{message}. Build the set again.") from error


def _missing(names: Sequence[str]) -> list[str]:
    return [name for name in names if name not in _QUERY]
