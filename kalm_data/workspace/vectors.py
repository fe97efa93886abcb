"""Vectors on disk, each made once: `vectors/<encoder fingerprint>/<segment>.npy`.

A segment is written beside and renamed, then its rows are named in the database. A kill between
the two leaves a file that nobody reads. `encoder.json` beside the segments tells whose they are.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from itertools import pairwise
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kalm_data.core.errors import InputError
from kalm_data.core.records import VectorPlace, text_hash
from kalm_data.core.report.measured import StoredEncoder
from kalm_data.core.seeded import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from kalm_data.core.protocols import Encoder, Run
    from kalm_data.workspace.database import Database

    Vectors = NDArray[np.float32]
    Places = dict[str, tuple[str, int]]

WRITE_EVERY_S = 2.0
_WRITE_EVERY_BYTES = 64 << 20
_ENCODER = "encoder.json"
_MOST_IN_MEMORY = 256 << 20
"""Bytes of vectors that are held at a time; more are read through the disk."""

_PLACES = """
SELECT v.rendered_hash, v.segment, v.row
FROM vectors v JOIN asked ON asked.rendered_hash = v.rendered_hash
WHERE v.encoder = ?
ORDER BY v.rendered_hash
"""


class VectorStore:
    """The vectors of a workspace. `encoded` counts the texts that this object had encoded."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folder = database.folder / "vectors"
        self._made: dict[str, Places] = {}  # by encoder; not all of it is merged yet
        self.encoded = 0

    def vectors(self, run: Run, encoder: Encoder, texts: Sequence[str]) -> Vectors:
        """(N, D) unit vectors of rendered texts, in order; only what is missing is encoded.

        What is encoded is stored every few seconds, so that a kill loses no more.
        """
        return self.of_blocks(run, encoder, [texts])

    def of_blocks(self, run: Run, encoder: Encoder, blocks: Iterable[Sequence[str]]) -> Vectors:
        """The same, of texts that come by the block: none is held longer than its block, so that
        they may be more than memory holds.
        """
        folder, found = self._folder / encoder.fingerprint, _Places()
        _tell_encoder(folder, encoder)
        for texts in blocks:
            if texts:
                self._locate(run, encoder, texts, folder, found)
            del texts  # before the next block is read
        return found.gather(folder)

    def _locate(
        self, run: Run, encoder: Encoder, texts: Sequence[str], folder: Path, found: _Places
    ) -> None:
        """Have what is missing encoded, and tell where the vectors of the texts lie."""
        hashes = [text_hash(text) for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        places = self._known(run, encoder.fingerprint, list(distinct), folder)
        missing = {hash_: text for hash_, text in distinct.items() if hash_ not in places}
        if missing:
            made = self._encode(run, encoder, missing, folder)
            self._made.setdefault(encoder.fingerprint, {}).update(made)
            places |= made
        found.add([places[hash_] for hash_ in hashes])

    def _known(self, run: Run, encoder: str, hashes: list[str], folder: Path) -> Places:
        with self._database.read() as connection:
            connection.register("asked", pa.table({"rendered_hash": hashes}))
            rows = connection.execute(_PLACES, [encoder]).fetchall()
        lost = _unreadable(folder, rows)
        if lost:
            run.warn(
                f"{folder}: {len(lost)} files of vectors are gone or damaged; they are made again"
            )
            with self._database.write() as connection:
                connection.execute(
                    "DELETE FROM vectors WHERE encoder = ? AND segment IN (SELECT unnest(?))",
                    [encoder, sorted(lost)],
                )
        made = self._made.get(encoder, {})
        return {hash_: made[hash_] for hash_ in hashes if hash_ in made} | {
            hash_: (segment, row) for hash_, segment, row in rows if segment not in lost
        }

    def _encode(
        self, run: Run, encoder: Encoder, missing: Mapping[str, str], folder: Path
    ) -> Places:
        hashes = list(missing)
        places: Places = {}
        made: list[tuple[list[str], Vectors]] = []
        written_at = time.monotonic()
        try:
            for indices, vectors in encoder.encode(list(missing.values())):
                made.append(([hashes[i] for i in indices], vectors))
                held = sum(batch.nbytes for _, batch in made)
                if time.monotonic() - written_at > WRITE_EVERY_S or held > _WRITE_EVERY_BYTES:
                    places |= self._write(run, encoder.fingerprint, made, folder)
                    made, written_at = [], time.monotonic()
                    run.tell(f"{len(places):,} of {len(missing):,} texts encoded")
        finally:  # what is made is kept, also when the user stops the run
            if made:
                places |= self._write(run, encoder.fingerprint, made, folder)
        return places

    def _write(
        self, run: Run, encoder: str, made: Sequence[tuple[list[str], Vectors]], folder: Path
    ) -> Places:
        hashes = [hash_ for batch, _ in made for hash_ in batch]
        segment = digest("segment", *hashes)
        _save(_file(folder, segment), np.concatenate([vectors for _, vectors in made]))
        run.append([VectorPlace(encoder, hash_, segment, i) for i, hash_ in enumerate(hashes)])
        run.checkpoint()
        self.encoded += len(hashes)
        return {hash_: (segment, row) for row, hash_ in enumerate(hashes)}


def _tell_encoder(folder: Path, encoder: Encoder) -> None:
    """Keep the encoder's name, and the prompts with which it is asked, beside its vectors."""
    file = folder / _ENCODER
    told = StoredEncoder(
        encoder.fingerprint, encoder.name, encoder.query_prompt, encoder.document_prompt
    )
    if file.is_file() and _read_encoder(folder) == told:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(told), ensure_ascii=False), encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def stored_encoders(database: Database) -> list[StoredEncoder]:
    """The encoders that made vectors, by fingerprint."""
    with database.read() as connection:
        rows = connection.execute("SELECT DISTINCT encoder FROM vectors ORDER BY 1").fetchall()
    return [_read_encoder(database.folder / "vectors" / encoder) for (encoder,) in rows]


def _read_encoder(folder: Path) -> StoredEncoder:
    """Without a name and prompts where none are told."""
    try:
        return StoredEncoder(**json.loads((folder / _ENCODER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return StoredEncoder(folder.name, folder.name[:8], "", "")


def read_stored(
    database: Database, encoder: str, hashes: Sequence[str]
) -> tuple[list[int], Vectors | None]:
    """Which of the rendered texts, by hash, have a vector on disk, and (N, D) these vectors."""
    folder = database.folder / "vectors" / encoder
    with database.read() as connection:
        connection.register("asked", pa.table({"rendered_hash": list(hashes)}))
        rows = connection.execute(_PLACES, [encoder]).fetchall()
    lost = _unreadable(folder, rows)
    places = {hash_: (segment, row) for hash_, segment, row in rows if segment not in lost}
    found = [index for index, hash_ in enumerate(hashes) if hash_ in places]
    listed = _Places()
    listed.add([places[hashes[index]] for index in found])
    return found, listed.gather(folder) if found else None


def _unreadable(folder: Path, rows: Sequence[tuple[str, str, int]]) -> set[str]:
    """Segments of (text, segment, row) that are missing, damaged or too short for their rows."""
    needed: dict[str, int] = {}
    for _, segment, row in rows:
        needed[segment] = max(row + 1, needed.get(segment, 0))
    return {name for name, count in needed.items() if not _holds(_file(folder, name), count)}


def _holds(file: Path, count: int) -> bool:
    """Whether the file has so many vectors; only its head is read."""
    try:
        stored = np.lib.format.open_memmap(file, mode="r")
    except (OSError, ValueError, EOFError):
        return False
    return stored.dtype == np.float32 and stored.ndim == 2 and len(stored) >= count


class _Places:
    """Where the vectors of a list of texts lie: 16 bytes a text."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # of segments, in order of their first use
        self._blocks: list[NDArray[np.int64]] = []

    def add(self, places: Sequence[tuple[str, int]]) -> None:
        """(Segment, row) of the next texts."""
        numbers = self._numbers
        pairs = [(numbers.setdefault(segment, len(numbers)), row) for segment, row in places]
        self._blocks.append(np.array(pairs, np.int64).reshape(-1, 2))

    def gather(self, folder: Path) -> Vectors:
        """(N, D) vectors, read through memory maps; (0, 0) of no texts."""
        if not self._numbers:
            return np.empty((0, 0), np.float32)
        numbers, rows = np.concatenate(self._blocks).T
        order, found = np.argsort(numbers, kind="stable"), None
        ends = np.searchsorted(numbers[order], np.arange(len(self._numbers) + 1))
        for segment, (start, end) in zip(self._numbers, pairwise(ends.tolist()), strict=True):
            stored = np.load(_file(folder, segment), mmap_mode="r")
            if found is None:
                found = _room_for(len(rows), stored.shape[1], folder)
            found[order[start:end]] = stored[rows[order[start:end]]]
        assert found is not None
        return found


def _room_for(count: int, dimensions: int, folder: Path) -> Vectors:
    """(N, D) of memory, or of a file without a name where that would be much of it."""
    size = count * dimensions * 4
    if size <= _MOST_IN_MEMORY:
        return np.empty((count, dimensions), np.float32)
    with TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)  # else a full disk kills whoever writes
        return np.memmap(file, np.float32, "w+", shape=(count, dimensions))


def _file(folder: Path, segment: str) -> Path:
    return folder / f"{segment}.npy"


def _save(file: Path, vectors: Vectors) -> None:
    """The name depends on the texts in it: a file of that name holds the same vectors already."""
    partial = file.with_suffix(".partial")
    try:
        with partial.open("wb") as stream:
            np.save(stream, vectors)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error
