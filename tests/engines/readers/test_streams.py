from __future__ import annotations

import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines.readers.opening import open_source


def test_a_closed_standard_input_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="-: standard input is closed"):
        open_source("-", "pairs")


def test_a_nul_in_a_path_is_one_line():
    with pytest.raises(InputError, match=r"'a\\x00b.jsonl': no file has a NUL"):
        open_source("a\0b.jsonl", "pairs")
