from __future__ import annotations

from kalm_data.measures.scrambling import salt, salts


def test_salts_of_many_keys_are_those_of_each() -> None:
    keys = ["", "a", "é", *(f"key {number}" for number in range(50))]
    assert salts(3, "mine", keys).tolist() == [salt(3, "mine", key) for key in keys]
    assert salts(3, "mine", []).tolist() == []
