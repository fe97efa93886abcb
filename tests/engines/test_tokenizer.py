from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines.tokenizer import ModelTokenizer


def test_special_tokens_count_and_nothing_is_cut(minilm: str):
    tokenizer = ModelTokenizer(minilm)
    assert tokenizer.count("") == 2
    assert tokenizer.count("one two three") == 5
    assert tokenizer.count("word " * 1000) == 1002


def test_a_folder_without_a_tokenizer_is_said(tmp_path: Path):
    with pytest.raises(InputError, match=r"tokenizer.json: no such file.*--tokenizer"):
        ModelTokenizer(str(tmp_path)).count("x")
