from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines.writers.whole_files import refuse_no_place, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_file_appears_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, object]]:
        yield {"a": 1}
        raise KeyboardInterrupt

    file = tmp_path / "lines.jsonl"
    write_whole(file, [{"a": "é"}, {"b": None}])
    with pytest.raises(KeyboardInterrupt):
        write_whole(file, broken())
    assert file.read_text() == '{"a": "é"}\n{"b": null}\n'


def test_a_stream_takes_the_same_lines() -> None:
    stream = StringIO()
    write_whole(stream, [{"a": 1}])
    assert stream.getvalue() == '{"a": 1}\n'


def test_a_place_that_is_none_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder"):
        refuse_no_place(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        refuse_no_place(tmp_path / "no" / "lines.jsonl")
