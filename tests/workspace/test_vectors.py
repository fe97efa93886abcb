from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from kalm_data.core.errors import Interrupted
from kalm_data.core.report.measured import StoredEncoder
from kalm_data.workspace import vectors as module
from kalm_data.workspace.runs import running
from kalm_data.workspace.vectors import VectorStore, stored_encoders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kalm_data.core.protocols import Vectors
    from kalm_data.workspace.database import Database


class Lengths:
    """Encodes a text as (length, 1), two at a time, and remembers what it was asked."""

    name = fingerprint = "lengths"
    query_prompt = document_prompt = ""

    def __init__(self, stop_after: int = 1000) -> None:
        self.asked: list[str] = []
        self._stop_after = stop_after

    def encode(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Vectors]]:
        for start in range(0, len(texts), 2):
            if len(self.asked) >= self._stop_after:
                raise KeyboardInterrupt
            part = texts[start : start + 2]
            self.asked += part
            rows = [(len(text), 1) for text in part]
            yield list(range(start, start + len(part))), np.array(rows, np.float32)

    def count_cut(self, texts: Sequence[str]) -> int:
        return 0


def encode(database: Database, encoder: Lengths, texts: list[str]) -> tuple[list[float], int]:
    """Lengths as encoded, and how many were encoded now."""
    with running(database, "mine", "{}", resumable=True) as run:
        store = VectorStore(database)
        found = store.vectors(run, encoder, texts)
    assert found.dtype == np.float32
    return found[:, 0].tolist(), store.encoded


def test_only_what_is_missing_is_encoded_and_order_is_kept(database: Database) -> None:
    encoder = Lengths()
    assert encode(database, encoder, ["a", "bbb", "a", "cc"]) == ([1, 3, 1, 2], 3)
    assert encode(database, encoder, ["dddd", "cc", "a"]) == ([4, 2, 1], 1)
    assert sorted(encoder.asked) == ["a", "bbb", "cc", "dddd"]


def test_what_one_run_encoded_it_does_not_encode_again(database: Database) -> None:
    encoder = Lengths()
    with running(database, "mine", "{}") as run:
        store = VectorStore(database)
        store.vectors(run, encoder, ["a", "b"])
        assert store.vectors(run, encoder, ["b", "cc"])[:, 0].tolist() == [1, 2]
    assert store.encoded == len(encoder.asked) == 3


def test_an_interrupted_run_keeps_what_it_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITE_EVERY_S", 0.0)
    texts = ["x" * n for n in range(1, 12)]
    with pytest.raises(Interrupted):
        encode(database, Lengths(stop_after=6), texts)
    encoder = Lengths()
    assert encode(database, encoder, texts) == ([len(text) for text in texts], 5)


def test_a_file_without_rows_is_harmless_and_rows_without_a_file_are_made_again(
    database: Database,
) -> None:
    folder = database.folder / "vectors" / "lengths"
    encode(database, Lengths(), ["a", "bb"])
    (segment,) = folder.glob("*.npy")
    (folder / "orphan.npy").write_bytes(b"half a file")
    (folder / "orphan.partial").write_bytes(b"")
    segment.unlink()
    assert encode(database, Lengths(), ["a", "bb", "ccc"]) == ([1, 2, 3], 3)
    assert encode(database, Lengths(), ["a", "bb", "ccc"]) == ([1, 2, 3], 0)


def test_texts_that_come_by_the_block_have_the_vectors_of_a_list(database: Database) -> None:
    blocks = [["a", "bb"], [], ["ccc", "a", "dddd"], ["bb"]]
    encoder = Lengths()
    with running(database, "mine", "{}") as run:
        store = VectorStore(database)
        found = store.of_blocks(run, encoder, iter(blocks))
        again = store.vectors(run, encoder, [text for block in blocks for text in block])
    assert found[:, 0].tolist() == [1, 2, 3, 1, 4, 2]
    assert found.tobytes() == again.tobytes()
    assert sorted(encoder.asked) == ["a", "bb", "ccc", "dddd"]


def test_encoders_do_not_share_vectors(database: Database) -> None:
    other = Lengths()
    other.fingerprint = "other"  # type: ignore[misc]
    encode(database, Lengths(), ["a"])
    assert encode(database, other, ["a"])[1] == 1
    assert encode(database, other, ["a"])[1] == 0


def test_no_text_needs_no_encoder(database: Database) -> None:
    with running(database, "mine", "{}") as run:
        assert VectorStore(database).vectors(run, Lengths(0), []).shape == (0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-4],
        lambda whole: whole[:20],
        lambda whole: b"garbage" * 40,
        lambda whole: b"PK\x03\x04" + whole,
        lambda whole: whole.replace(b"<f4", b"<i4"),
    ],
)
def test_a_damaged_file_is_warned_of_and_made_again(
    database: Database, damage: Callable[[bytes], bytes]
) -> None:
    encode(database, Lengths(), ["a", "bb"])
    (segment,) = (database.folder / "vectors" / "lengths").glob("*.npy")
    segment.write_bytes(damage(segment.read_bytes()))
    with running(database, "mine", "{}", resumable=True) as run:
        found = VectorStore(database).vectors(run, Lengths(), ["a", "bb"])
    assert found[:, 0].tolist() == [1, 2]
    assert "1 files of vectors are gone or damaged" in run.summary("ok").warnings[0]
    assert encode(database, Lengths(), ["a", "bb"]) == ([1, 2], 0)


def test_more_vectors_than_memory_should_hold_are_mapped_from_a_file_that_nobody_sees(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_IN_MEMORY", 8)
    with running(database, "mine", "{}", resumable=True) as run:
        found = VectorStore(database).vectors(run, Lengths(), ["a", "bbb", "cc"])
        assert isinstance(found, np.memmap)
        assert found[:, 0].tolist() == [1, 3, 2]
        named = {file.suffix for file in database.folder.glob("vectors/*/*")}
        assert named == {".npy", ".json"}


def test_whose_vectors_they_are_is_kept_beside_them(database: Database) -> None:
    encoder = Lengths()
    encode(database, encoder, ["a"])
    assert stored_encoders(database) == [StoredEncoder("lengths", "lengths", "", "")]
    encoder.name, encoder.query_prompt = "renamed", "query: "
    encode(database, encoder, ["a"])
    assert stored_encoders(database) == [StoredEncoder("lengths", "renamed", "query: ", "")]


def test_vectors_of_an_unknown_encoder_are_read_as_those_of_one_without_prompts(
    database: Database,
) -> None:
    encode(database, Lengths(), ["a"])
    (database.folder / "vectors" / "lengths" / "encoder.json").write_text("{")
    assert stored_encoders(database) == [StoredEncoder("lengths", "lengths", "", "")]


def test_vectors_are_written_when_they_take_much_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> int:
        return len(list((database.folder / "vectors").rglob("*.npy")))

    encode(database, Lengths(), ["x" * length for length in range(1, 41)])
    assert files() == 1
    monkeypatch.setattr(module, "_WRITE_EVERY_BYTES", 100)  # 8 bytes a vector
    encode(database, Lengths(), ["y" * length for length in range(1, 41)])
    assert files() == 1 + 3
