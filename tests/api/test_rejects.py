from __future__ import annotations

import pytest

from kalm_data.api.rejects import RejectsConfig, rejects
from kalm_data.core.errors import InputError
from kalm_data.core.records import Reject
from kalm_data.workspace.database import Database
from kalm_data.workspace.runs import running


def test_rejects_are_listed_by_reason_the_latest_run_first(database: Database) -> None:
    for reason in ("empty_text", "no_words"):
        with running(database, "import", "{}") as run:
            run.plan(2)
            rows = [
                Reject(run.run_id, "import", reason, str(line), "{}", "corpus.jsonl", line, "text")
                for line in (9, 3)
            ]
            run.reject(rows)
    found = rejects(database.folder, RejectsConfig())
    assert [(one.reason, one.line) for one in found] == [
        ("no_words", 3), ("no_words", 9), ("empty_text", 3), ("empty_text", 9),
    ]  # fmt: skip
    only = rejects(database.folder, RejectsConfig(reason="empty_text", limit=1))
    assert [(one.run_id, one.line) for one in only] == [("0001-import", 3)]


def test_an_unknown_run_is_refused_with_those_that_are_there(database: Database) -> None:
    for _ in range(2):
        with running(database, "import", "{}"):
            pass
    with pytest.raises(InputError, match=r"^no run nope; runs: 0002-import, 0001-import$"):
        rejects(database.folder, RejectsConfig(run="nope"))
