"""Bytes of a file or of standard input, decompressed where they are gzip."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kalm_data.core.errors import InputError
from kalm_data.core.seeded import HASH_DIGITS
from kalm_data.core.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"
HEAD_BYTES = 8192

_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"(\xb5/\xfd": "compressed with zstd",
}
_BINARY_SHARE = 0.1
"""More undecodable bytes, or more NULs, than this in the first block: no text."""

_SHORTEST_JUDGED = 64
"""Bytes below which a file is not called binary: its rows are judged one by one."""


@dataclass(frozen=True, slots=True)
class ByteSource:
    """A file, or what can be read only once (standard input, a pipe), which is then held in `data`.

    `name` is the path as it can be shown and stored, whatever bytes it is made of.
    """

    name: str
    path: Path
    data: bytes | None

    @classmethod
    def of(cls, given: str) -> ByteSource:
        """Raises InputError where a pipe or standard input cannot be read."""
        name, path = storable(given), Path(given)
        if given == STDIN:
            return cls(name, path, _read_stdin())
        if "\0" in given:
            message = f"{given!r}: no file has a NUL character in its name. Check the path."
            raise InputError(message)
        with readable(name):
            once = path.exists() and not path.is_file() and not path.is_dir()
            return cls(name, path, path.read_bytes() if once else None)

    def open(self) -> io.BufferedReader:
        """The decompressed bytes; `peek` shows the start. InputError where there are none."""
        with readable(self.name):
            stream = self._raw()
            if stream.peek(2)[:2] == _GZIP:
                stream = io.BufferedReader(gzip.GzipFile(fileobj=stream), HEAD_BYTES)
            if not stream.peek(1):
                message = f"{self.name}: the file is empty. Name one that holds rows."
                raise InputError(message)
            return stream

    def head(self) -> bytes:
        """The first bytes, decompressed."""
        with self.open() as stream, readable(self.name):
            return stream.peek(HEAD_BYTES)[:HEAD_BYTES]

    def fingerprint(self) -> str:
        """Digest of the bytes as they lie on disk."""
        with readable(self.name), self._raw() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:HASH_DIGITS]

    def _raw(self) -> io.BufferedReader:
        if self.data is None:
            return self.path.open("rb")
        return io.BufferedReader(io.BytesIO(self.data), HEAD_BYTES)


def _read_stdin() -> bytes:
    if sys.stdin is None:  # the caller closed it: `<&-`
        message = f"{STDIN}: standard input is closed. Pipe rows into it, or name a file."
        raise InputError(message)
    with readable(STDIN):
        return sys.stdin.buffer.read()


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn failures of the system and of gzip into one line that names the file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        message = f"{name}: the gzip data are damaged ({error}). Fetch or compress the file again."
        raise InputError(message) from error
    except FileNotFoundError as error:
        message = f"{name}: no such file or folder. Check the path."
        raise InputError(message) from error
    except IsADirectoryError as error:
        message = f"{name}: a folder, but a file is expected. Name a file in it."
        raise InputError(message) from error
    except OSError as error:
        message = f"{name}: cannot be read: {error.strerror or error}"
        raise InputError(message) from error


def refuse_binary(name: str, head: bytes) -> None:
    """Raise InputError where the first bytes cannot be the start of a UTF-8 text."""
    for magic, kind in _OTHER_ARCHIVES.items():
        if head.startswith(magic):
            message = f"{name}: {kind}. Unpack it, or compress it with gzip."
            raise InputError(message)
    if head.startswith(_UTF16):
        message = f"{name}: encoded as UTF-16. Convert it to UTF-8."
        raise InputError(message)
    broken = head.decode("utf-8", "replace").count("\ufffd")
    if len(head) >= _SHORTEST_JUDGED and max(broken, head.count(0)) > _BINARY_SHARE * len(head):
        message = (
            f"{name}: a binary file (it starts with {head[:8].hex(' ')}). "
            "Name a text, JSON lines, CSV or Parquet file."
        )
        raise InputError(message)
