from __future__ import annotations

from kalm_data.cli.progress import _line
from kalm_data.core.summary import Progress


def test_an_activity_is_shown_beside_the_units_done() -> None:
    progress = Progress("mine", "0002-mine", 100, 20, 5, 3.0, "64 of 900 texts encoded")
    assert _line(progress) == ("mine: 25 of 100 (20 kept, 5 rejected); 64 of 900 texts encoded")


def test_the_time_left_is_told_where_units_are_done() -> None:
    assert _line(Progress("mine", "0002-mine", 100, 20, 5, 3.0)).endswith(", about 9 s left")
