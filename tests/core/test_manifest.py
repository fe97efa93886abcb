from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    read_manifest,
    write_manifest,
)
from kalm_data.core.tasks import Task
from kalm_data.core.verification import verify_set

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set of one file; its rows are its bytes."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "part-00000.parquet").write_bytes(b"seven b")
    file = describe_file(tmp_path, "t/part-00000.parquet", 7)
    task = ShardTask(
        task=Task(name="t", instruction="finde »es«"), rows=7, ranker="", sources={}, files=(file,)
    )
    write_manifest(
        tmp_path,
        Manifest(schema_version=SCHEMA_VERSION, seed=3, rows=7, tasks=(task,), versions={}),
    )
    return tmp_path


def size(path: Path) -> int:
    return path.stat().st_size


def test_a_manifest_is_read_as_it_was_written(folder: Path):
    manifest = read_manifest(folder)
    assert manifest.tasks[0].task.instruction == "finde »es«"
    before = (folder / MANIFEST).read_bytes()
    write_manifest(folder, manifest)
    assert (folder / MANIFEST).read_bytes() == before


def test_the_fingerprint_changes_with_any_byte_of_the_set(folder: Path):
    manifest = read_manifest(folder)
    (folder / "t" / "part-00000.parquet").write_bytes(b"seven B")
    file = describe_file(folder, "t/part-00000.parquet", 7)
    task = manifest.tasks[0].model_copy(update={"files": (file,)})
    changed = manifest.model_copy(update={"tasks": (task,)})
    assert changed.fingerprint != manifest.fingerprint == read_manifest(folder).fingerprint


def test_a_set_that_is_older_than_its_settings_is_read_and_keeps_its_fingerprint(folder: Path):
    before = json.loads((folder / MANIFEST).read_text())
    assert "settings" not in before
    text = json.dumps({**before, "schema_version": 2}, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(f"{text}\n")
    manifest = verify_set(folder, size)
    assert manifest.settings is None
    assert manifest.fingerprint == hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not a shard set"),
        ("[]", "not a shard set"),
        ('{"schema_version": 99}', "schema version 99; this kalm-data reads"),
        ('{"schema_version": 2}', "manifest.json: seed: Field required"),
    ],
)
def test_a_file_that_is_no_manifest_is_one_clear_line(folder: Path, text: str, told: str):
    (folder / MANIFEST).write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        read_manifest(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_manifest_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="not a shard set"):
        read_manifest(tmp_path / "nowhere")


def test_a_whole_set_verifies(folder: Path):
    assert verify_set(folder, size) == read_manifest(folder)


def test_every_way_to_differ_is_found_and_names_the_file(folder: Path):
    file = folder / "t" / "part-00000.parquet"
    with pytest.raises(InputError, match=r"part-00000\.parquet: 8 rows, not the 7"):
        verify_set(folder, lambda _: 8)
    file.write_bytes(b"seven B")
    with pytest.raises(InputError, match=r"part-00000\.parquet: sha256"):
        verify_set(folder, size)
    file.write_bytes(b"eight by")
    with pytest.raises(InputError, match=r"part-00000\.parquet: 8 bytes, not the 7"):
        verify_set(folder, size)
    file.unlink()
    with pytest.raises(InputError, match=r"part-00000\.parquet: missing"):
        verify_set(folder, size)


def test_a_file_that_readers_would_read_but_nobody_listed_is_found(folder: Path):
    (folder / "t" / "part-00001.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"part-00001\.parquet: not listed"):
        verify_set(folder, size)


def test_no_path_of_a_manifest_leads_out_of_the_set(folder: Path):
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["tasks"][0]["files"][0]["path"] = "../t/part-00000.parquet"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="path"):
        read_manifest(folder)
