from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.trainer.feed import cut_parts


@given(
    st.lists(st.text(max_size=200)).map(lambda texts: sorted(texts, key=len)), st.integers(1, 99)
)
def test_parts_hold_all_texts_in_order_and_never_too_many(texts: list[str], tokens: int):
    parts = cut_parts(texts, tokens, 10_000)
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == 1 or len(part) * (len(part[-1]) // 4 + 2) <= tokens for part in parts)
