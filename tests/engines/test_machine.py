from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kalm_data.engines.hub import examine_hub
from kalm_data.engines.machine import examine

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def installed_as(folder: Path, requirements: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kalm-data is found before the real one."""
    info = folder / "kalm_data-9.9.dist-info"
    info.mkdir()
    lines = ["Metadata-Version: 2.4", "Name: kalm-data", "Version: 9.9"]
    lines += [f"Requires-Dist: {one}" for one in requirements]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])


def test_this_machine_is_sound_and_nothing_is_made_in_its_workspace(tmp_path: Path) -> None:
    found = {check.name: check for check in examine(tmp_path / "none")}
    assert {"Python", "versions", "processor", "GPU", "extra vllm", "locale"} <= found.keys()
    assert not [check for check in found.values() if check.state == "broken"]
    assert all(check.remedy for check in found.values() if check.state == "absent")
    assert [*tmp_path.iterdir()] == []


def test_a_missing_package_is_broken_and_a_missing_extra_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ["numpy>=2", "no-such-package-of-ours>=1", "no-such-engine; extra == 'big'"]
    installed_as(tmp_path, wanted, monkeypatch)
    found = {check.name: check for check in examine(tmp_path)}
    assert found["packages"].state == "broken"
    assert found["packages"].found == "missing: no-such-package-of-ours"
    assert found["extra big"].state == "absent"
    assert found["extra big"].remedy == 'pip install "kalm-data[big]"'


def test_the_hub_is_not_asked_where_offline() -> None:
    check = examine_hub(online=True)
    assert (check.name, check.state) == ("model hub", "absent") and "HF_HUB_OFFLINE" in check.found
