from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.trec_run import read_run

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "a.run"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_run_is_read_by_query_and_document_in_any_order_of_lines(tmp_path: Path) -> None:
    lines = ["q1 Q0 d1 1 2.5 bm25\n", "\n", "q2\tQ0\td1\t1\t-1e-3\tx\n", "q1 Q0 d2 2 1 bm25\n"]
    run = read_run(written(tmp_path, "".join(lines)))
    assert run.lists == {"q1": {"d1": 2.5, "d2": 1.0}, "q2": {"d1": -0.001}}
    again = read_run(written(tmp_path, "\ufeff" + "".join(lines[::-1])))
    assert (again.lists, again.fingerprint, again.name) == (run.lists, run.fingerprint, "a.run")
    other = read_run(written(tmp_path, "".join(lines).replace("2.5", "2.6")))
    assert other.fingerprint != run.fingerprint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1 d2 1 0.5", "4 fields; six are wanted: query Q0 document rank score tag"),
        ("q1 Q0 d2 1 0.5 a tag", "7 fields"),
        ("q1 Q0 d2 1 high x", "score 'high' is no number"),
        ("q1 Q0 d2 1 nan x", "score 'nan' is no number"),
        ("q1 Q0 d2 1 inf x", "score 'inf' is no number"),
        ("q1 Q0 d1 2 0.5 x", "document d1 stands twice in the list of q1"),
    ],
)
def test_a_wrong_line_is_named_by_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    file = written(tmp_path, f"q1 Q0 d1 1 1.0 x\n\n{line}\n")
    with pytest.raises(InputError) as caught:
        read_run(file)
    assert str(caught.value).startswith(f"{file}:3: {message}")


def test_no_hit_no_text_and_no_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.run: no hit in it"):
        read_run(written(tmp_path, "\n"))
    with pytest.raises(InputError, match=r"a\.run: not a readable run: byte 3 is no UTF-8"):
        read_run(written(tmp_path, b"q1 \xff"))
    with pytest.raises(InputError, match=r"gone: not a readable run: No such file"):
        read_run(tmp_path / "gone")
