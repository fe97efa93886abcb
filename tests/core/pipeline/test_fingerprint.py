from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.pipeline.digests import ABSENT, code_fingerprint, content_of
from kalm_data.core.pipeline.fingerprint import Ingredients, differences

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = Ingredients(
    "mine", "1", {"depth": "9"}, {"f": "a", "d": "b"}, {"d": {"x": "1", "y": "2"}}, {"synth": "s"}
)


def test_a_renamed_step_leaves_those_after_it_as_they_are() -> None:
    renamed = replace(BEFORE, after={"write": "s"})
    assert renamed.fingerprint == BEFORE.fingerprint


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"code": "2"}, ["kalm-data: 1 → 2"]),
        ({"command": "filter"}, ["command: mine → filter"]),
        ({"settings": {"depth": "8", "part": "1/2"}}, ["depth: 9 → 8", "part: – → 1/2"]),
        ({"inputs": {"f": "c", "d": "b"}}, ["f changed"]),
        ({"inputs": {"f": ABSENT, "d": "b"}}, ["f is gone"]),
        ({"inputs": {"f": "a", "d": "b", "g": "c"}}, ["g is new"]),
        ({"inputs": {"f": "a"}}, ["d is no input any more"]),
        ({"inputs": {"f": "a", "d": "c"}, "files": {"d": {"x": "9", "z": "1"}}},
         ["d: z is new, y is gone, x changed"]),
        ({"after": {"import": "i", "synth": "s2"}}, ["depends on import, synth"]),
        ({"after": {}}, ["the steps before it are fewer, or in another order"]),
    ],
)  # fmt: skip
def test_every_change_is_another_fingerprint_and_is_told(
    changes: dict[str, object], told: list[str]
) -> None:
    now = replace(BEFORE, **changes)  # type: ignore[arg-type]
    assert now.fingerprint != BEFORE.fingerprint
    assert list(differences(BEFORE, now)) == told


def test_a_folder_is_known_by_names_and_bytes_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = content_of(tmp_path)
    assert content_of(tmp_path) == first and [*first.files] == ["a/x"]
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = content_of(tmp_path)
    (tmp_path / "a" / "y").write_text("2")
    assert len({first.digest, second.digest, content_of(tmp_path).digest}) == 3
    assert content_of(tmp_path / "none").digest == ABSENT


def test_the_code_has_one_fingerprint_in_a_process() -> None:
    assert code_fingerprint() == code_fingerprint() and "+" in code_fingerprint()
