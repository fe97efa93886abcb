from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer

from kalm_data.trainer.tokens import Reader, cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TEXTS = ["red fish", "sun", "moon star boat river stone", "blue", "green green"]


def read(model: SentenceTransformer, tokens: int, side: str = "right") -> Reader:
    model.tokenizer.padding_side = side
    return Reader(model.preprocess, lambda texts, found: [], tokens, model.max_seq_length)


@given(st.lists(st.integers(1, 99)), st.integers(1, 300))
def test_runs_hold_every_text_once_from_the_shortest_on_and_never_too_many(
    lengths: list[int], tokens: int
):
    runs = cut(lengths, tokens)
    places = [i for run in runs for i in run]
    assert sorted(places) == list(range(len(lengths)))
    assert [lengths[i] for i in places] == sorted(lengths)
    assert all(len(run) == 1 or len(run) * lengths[run[-1]] <= tokens for run in runs)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_part_has_the_tokens_that_its_texts_have_alone(tiny_model: Path, side: str):
    model = SentenceTransformer(str(tiny_model), device="cpu")
    parts = read(model, 12, side).parts(TEXTS)
    assert len(parts) > 1
    for part in parts:
        alone = model.preprocess([TEXTS[i] for i in part.texts])
        assert part.tokens.keys() == alone.keys()
        for name, value in alone.items():
            found = part.tokens[name]
            same = torch.equal(found, value) if isinstance(value, torch.Tensor) else found == value
            assert same, name


def test_tokens_without_a_row_for_each_text_are_cut_by_characters():
    def preprocess(texts: Sequence[str]) -> dict[str, Any]:
        return {"input_ids": torch.tensor([len(text) for text in texts])}

    parts = Reader(preprocess, lambda texts, found: [], 8, None).parts(TEXTS)
    assert sorted(i for part in parts for i in part.texts) == list(range(len(TEXTS)))
    for part in parts:
        assert part.tokens["input_ids"].tolist() == [len(TEXTS[i]) for i in part.texts]
