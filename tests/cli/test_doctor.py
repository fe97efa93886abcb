from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.api.doctor import Check, Checkup
from kalm_data.cli import doctor as command
from kalm_data.cli.app import run

if TYPE_CHECKING:
    import pytest


def test_doctor_prints_one_object_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["command"], told["status"]) == ("doctor", "ok")
    assert {"name", "state", "found", "remedy"} == told["checks"][0].keys()


def test_doctor_ends_with_1_where_something_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkup = Checkup((Check("packages", "broken", "missing: x", "pip install x"),))
    monkeypatch.setattr(command, "look", lambda *_, **__: checkup)
    assert run(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] == "failed"
    assert run(["doctor"]) == 1
    assert "pip install x" in capsys.readouterr().out
