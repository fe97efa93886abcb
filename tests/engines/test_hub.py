from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from kalm_data.core.errors import InputError
from kalm_data.engines.hub import HubRepository
from kalm_data.engines.stand_in_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StandInHub:
    """Answers what an upload of small files asks of the hub, and keeps what it was given."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.visibility: dict[str, object] = {}
        self.refuses = False

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/whoami-v2", self._tell_who)
        app.router.add_post("/api/repos/create", self._create)
        app.router.add_get("/api/datasets/me/set", self._describe)
        app.router.add_get("/api/datasets/me/set/revision/main", self._describe)
        app.router.add_get("/api/datasets/me/set/tree/main", self._list)
        app.router.add_post("/api/datasets/me/set/preupload/main", self._preupload)
        app.router.add_post("/api/datasets/me/set/commit/main", self._commit)
        app.router.add_post("/api/validate-yaml", self._validate)
        return app

    async def _tell_who(self, _: web.Request) -> web.Response:
        if self.refuses:
            return web.json_response({"error": "Invalid username or password."}, status=401)
        return web.json_response({"name": "me", "type": "user", "auth": {}})

    async def _create(self, request: web.Request) -> web.Response:
        self.visibility = await request.json()
        return web.json_response({"url": f"{request.url.origin()}/datasets/me/set"})

    async def _describe(self, _: web.Request) -> web.Response:
        siblings = [{"rfilename": name} for name in self.files]
        return web.json_response({"id": "me/set", "sha": "0" * 40, "siblings": siblings})

    async def _list(self, _: web.Request) -> web.Response:
        found = [
            {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
            for name, content in self.files.items()
        ]
        return web.json_response(found)

    async def _validate(self, _: web.Request) -> web.Response:
        return web.json_response({"errors": [], "warnings": []})

    async def _preupload(self, request: web.Request) -> web.Response:
        asked = (await request.json())["files"]
        files = [
            {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked
        ]
        return web.json_response({"files": files})

    async def _commit(self, request: web.Request) -> web.Response:
        for line in (await request.text()).splitlines():
            told = json.loads(line)
            if told["key"] == "file":
                content = base64.b64decode(told["value"]["content"])
                self.files[told["value"]["path"]] = content
            if told["key"] == "deletedFile":
                del self.files[told["value"]["path"]]
        address = f"{request.url.origin()}/datasets/me/set/commit/{'1' * 40}"
        return web.json_response({"commitUrl": address, "commitOid": "1" * 40})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    stand_in = StandInHub()
    with serving(stand_in.app()) as address:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address.removesuffix("/v1"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield stand_in


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def test_a_folder_is_there_whole_and_private(hub: StandInHub, tmp_path: Path):
    address = HubRepository("me/set").push(fill(tmp_path, "README.md", "t/part-00000.parquet"))
    assert address.endswith("/datasets/me/set")
    assert set(hub.files) == {"README.md", "t/part-00000.parquet"}
    assert hub.files["t/part-00000.parquet"] == b"content of t/part-00000.parquet"
    assert hub.visibility["type"] == "dataset"
    assert hub.visibility.get("private") or hub.visibility.get("visibility") == "private"


def test_what_an_older_set_had_more_is_gone(hub: StandInHub, tmp_path: Path):
    hub.files["t/part-00009.parquet"] = b"old"
    HubRepository("me/set").push(fill(tmp_path, "README.md"))
    assert set(hub.files) == {"README.md"}


def test_who_is_not_logged_in_is_told_so_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(InputError, match="--push me/set: nobody is logged in"):
        HubRepository("me/set")


def test_a_hub_that_refuses_or_is_away_is_one_line(
    hub: StandInHub, monkeypatch: pytest.MonkeyPatch
):
    hub.refuses = True
    with pytest.raises(InputError, match="--push me/set: the hub says: ") as refused:
        HubRepository("me/set")
    assert "secret" not in str(refused.value) and "\n" not in str(refused.value)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="the hub says"):
        HubRepository("me/set")
    with pytest.raises(InputError, match="--push a/b/c"):
        HubRepository("a/b/c")
