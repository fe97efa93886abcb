"""The rows of a shard set as the trainer sees them: columns for planning, rows for training."""

from __future__ import annotations

from binascii import unhexlify
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kalm_data.measures.scrambling import mixed, salt
from kalm_data.trainer.columns import ColumnsBuilder, Kind, Piece, Stratum
from kalm_data.trainer.parts import ROW, Kept, count_taught, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kalm_data.core.manifest import Manifest
    from kalm_data.core.tasks import Task
    from kalm_data.trainer.columns import BatchColumns
    from kalm_data.trainer.parts import Part

_PAIR = ("task", "sentence1", "sentence2", "score")
_SALT = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Row:
    """One example with its own hard negatives; lists that start alike are parallel."""

    task: str
    query: str
    instruction: str
    in_batch: bool
    pos: list[str]
    pos_titles: list[str]
    pos_ids: list[str]
    pos_groups: list[str]
    pos_scores: list[float | None]
    neg: list[str]
    neg_titles: list[str]
    neg_ids: list[str]
    neg_groups: list[str]
    neg_scores: list[float | None]


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """Two texts of a task in the order given, and how alike they are, in [0, 1]."""

    task: str
    first: str
    second: str
    score: float
    instruction: str
    symmetric: bool


class TrainingRows:
    """The rows of a set, in the order of its files, that have something to teach.

    Its scored pairs, where they are read, are numbered after the rows. `lonely` are the ids of
    examples left out: those without negatives of their own in a task whose rows take none from
    their batch. Rows are read by the row group, and `kept` while there is room.
    """

    def __init__(
        self, parts: Sequence[Part], columns: BatchColumns, lonely: Sequence[str], kept: Kept
    ) -> None:
        self.lonely = tuple(lonely)
        self.columns = columns
        self.kept = kept
        self._parts = parts
        self.examples = int(columns.firsts[sum(not part.scored for part in parts)])

    def __len__(self) -> int:
        """Rows and scored pairs."""
        return len(self.columns)

    def rows(self, places: Sequence[int] | NDArray[np.int64]) -> list[Row]:
        return [Row(**row) for row in self._taken(places, ROW).to_pylist()]

    def pairs(self, places: Sequence[int] | NDArray[np.int64]) -> list[ScoredRow]:
        """The scored pairs of these numbers, which are `examples` or more."""
        tasks = {part.task.name: part.task for part in self._parts}
        return scored_rows(self._taken(places, _PAIR), tasks)

    def id_blocks(self, places: NDArray[np.int64]) -> Iterator[list[str]]:
        """The ids of rows, which are no pairs, by the row group. places: in rising order."""
        ends = np.searchsorted(places, self.columns.firsts[1:])
        for number, (begin, end) in enumerate(pairwise([0, *ends.tolist()])):
            if begin < end:
                ids = self._parts[number].example_ids()
                here = places[begin:end] - self.columns.firsts[number]
                yield ids.take(pa.array(here)).to_pylist()

    def taught(self) -> int:
        """How many rows carry the scores of a ranker, which can teach."""
        rows = [part for part in self._parts if not part.scored]
        return sum(count_taught(self.kept.get(part)) for part in rows)

    def _taken(self, places: Sequence[int] | NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """These rows, in the order asked for; each row group is looked up once."""
        wanted = np.asarray(places, np.int64)
        part = np.searchsorted(self.columns.firsts, wanted, "right") - 1
        taken = [np.empty(0, np.int64)]
        tables = []
        for number in np.unique(part).tolist():
            here = np.flatnonzero(part == number)
            table = self.kept.get(self._parts[number]).select(columns)
            tables.append(table.take(pa.array(wanted[here] - self.columns.firsts[number])))
            taken.append(here)
        if not tables:
            return pa.table({name: [] for name in columns})
        back = np.argsort(np.concatenate(taken))
        return pa.concat_tables(tables).take(pa.array(back))


def scored_rows(table: pa.Table, tasks: Mapping[str, Task]) -> list[ScoredRow]:
    """The scored pairs of a table of tasks, which are given by name."""
    return [
        ScoredRow(task, one, other, score, tasks[task].instruction, tasks[task].symmetric)
        for task, one, other, score in (row.values() for row in table.select(_PAIR).to_pylist())
    ]


def read_rows(
    folder: Path,
    manifest: Manifest,
    memory: float = float("inf"),
    *,
    texts: bool = False,
    scored: bool = False,
) -> TrainingRows:
    """The rows of a set that `verify` has found whole, of which `memory` bytes are kept at most.

    `texts`: the columns tell positives of equal text. `scored`: with the scored pairs of the set.
    Raises InputError for a file whose rows cannot be rows of its task.
    """
    parts = [
        part
        for of_pairs in ((False, True) if scored else (False,))
        for entry in manifest.tasks
        for part in parts_of(folder, entry, scored=of_pairs)
    ]
    kept = Kept(memory)
    builder = ColumnsBuilder(sum(part.rows for part in parts))
    strata: dict[Stratum, int] = {}
    lonely: list[str] = []
    for part in parts:
        table = kept.get(part)
        columns = _pairs(table, part, strata) if part.scored else _rows(table, strata, texts=texts)
        builder.add(columns)
        if len(columns.keys) < part.rows:
            lonely += part.lonely()
    return TrainingRows(parts, builder.build(list(strata)), lonely, kept)


def _rows(table: pa.Table, strata: dict[Stratum, int], *, texts: bool) -> Piece:
    """The columns of a row group; new strata are numbered as they occur."""
    ids = name_hashes(pc.list_flatten(table["pos_ids"])) if texts else np.empty(0, np.uint32)
    return Piece(
        keys=_keys(table["example_id"]),
        strata=_strata(table, strata),
        counts=pc.list_value_length(table["pos"]).to_numpy(),
        groups=name_hashes(pc.list_flatten(table["pos_groups"])),
        texts=ids,
        size=table.nbytes,
    )


def _pairs(table: pa.Table, part: Part, strata: dict[Stratum, int]) -> Piece:
    """The same of scored pairs, each of them known by its file and place alone."""
    stratum = strata.setdefault(Stratum(part.task.name, "", Kind.SCORED), len(strata))
    first = np.uint64(salt(part.group, "scored pairs", f"{part.task.name}/{part.file.name}"))
    keys = mixed(first + np.arange(len(table), dtype=np.uint64))
    return Piece(
        keys=keys,
        strata=np.full(len(keys), stratum),
        counts=np.ones(len(keys), np.uint8),
        groups=(keys >> np.uint64(32)).astype(np.uint32),
        texts=keys.astype(np.uint32),
        size=table.nbytes,
    )


def _keys(ids: pa.ChunkedArray) -> NDArray[np.uint64]:
    """(N,) the first 64 bits of each id, which is 32 hex digits."""
    raw = unhexlify(b"".join(_bytes(chunk)[0].tobytes() for chunk in ids.chunks))
    return np.frombuffer(raw, dtype=">u8").astype(np.uint64)[::2]


def _strata(table: pa.Table, strata: dict[Stratum, int]) -> NDArray[np.int64]:
    """(N,) the number of each row's stratum."""
    task = table["task"][0].as_py() if len(table) else ""
    language = pc.dictionary_encode(table["language"]).combine_chunks()
    shared = table["in_batch"].to_numpy(zero_copy_only=False).astype(np.int64)
    numbers = np.zeros((len(language.dictionary), 2), np.int64)
    codes = np.asarray(language.indices, np.int64) * 2 + shared
    for code in np.unique(codes).tolist():
        kind = Kind.SHARED if code % 2 else Kind.ALONE
        stratum = Stratum(task, language.dictionary[code // 2].as_py(), kind)
        numbers[code // 2, code % 2] = strata.setdefault(stratum, len(strata))
    found: NDArray[np.int64] = numbers.ravel()[codes]
    return found


def name_hashes(names: pa.ChunkedArray) -> NDArray[np.uint32]:
    """(N,) 32 bits of each name: the sum of a random number for each of its bytes and places."""
    found = [np.empty(0, np.uint32)]
    for chunk in names.chunks:
        content, bounds = _bytes(chunk)
        places = np.arange(len(content)) - np.repeat(bounds[:-1], np.diff(bounds))
        drawn = mixed((places.astype(np.uint64) << np.uint64(8) | content) ^ _SALT)
        sums = np.concatenate([[np.uint64(0)], np.cumsum(drawn)])
        found.append(((sums[bounds[1:]] - sums[bounds[:-1]]) >> np.uint64(32)).astype(np.uint32))
    return np.concatenate(found)


def _bytes(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All bytes of the texts, one after the other, and where each begins, and the end."""
    wide = texts.cast(pa.large_binary())
    _, offsets, content = wide.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(wide) + 1, wide.offset * 8)
    held = np.frombuffer(content or b"", np.uint8)
    return held[bounds[0] : bounds[-1]], bounds - bounds[0]
