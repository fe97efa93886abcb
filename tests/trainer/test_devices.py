from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kalm_data.trainer.devices import Share


@given(st.integers(1, 50), st.integers(1, 9))
def test_each_text_is_found_where_it_stands_among_those_gathered(count: int, world: int):
    shares = [Share(rank, world) for rank in range(world)]
    assert len({len(share.mine(count)) for share in shares}) == 1
    gathered = [text for share in shares for text in share.mine(count)]
    assert [gathered[shares[0].place(i, count)] for i in range(count)] == list(range(count))
