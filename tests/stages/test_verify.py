from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest
from mined_world import TASK, WORLD, build, document, example, fill

from kalm_data.cli.app import run
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    Manifest,
    ShardTask,
    describe_file,
    write_manifest,
)
from kalm_data.core.records import ScoredPair, Text
from kalm_data.core.tasks import Task
from kalm_data.stages.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kalm_data.workspace.database import Database


def size(path: Path) -> int:
    return path.stat().st_size


def test_verify_tells_what_a_whole_set_holds_and_names_what_is_missing(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"rows")
    files = tuple(describe_file(tmp_path, name, 4) for name in ("a", "b"))
    task = ShardTask(task=Task(name="t"), rows=8, ranker="", sources={}, files=files)
    manifest = Manifest(schema_version=SCHEMA_VERSION, seed=0, rows=8, tasks=(task,), versions={})
    write_manifest(tmp_path, manifest)
    found = verify(tmp_path, size)
    assert (found.files, found.rows, found.bytes) == (2, 8, 8)
    assert found.fingerprint == manifest.fingerprint
    (tmp_path / "b").unlink()
    with pytest.raises(InputError, match="b: missing"):
        verify(tmp_path, size)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def change_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def remove(file: Path) -> None:
    file.unlink()


def copy_beside(file: Path) -> None:
    shutil.copy(file, file.with_name("part-00099.parquet"))


def edit(old: str, new: str) -> Callable[[Path], None]:
    def edit_manifest(file: Path) -> None:
        content = file.read_text()
        assert old in content
        file.write_text(content.replace(old, new, 1))

    return edit_manifest


REMEDY = "Build the set again, or copy it again from where it is whole."
NO_SET = r"not a shard set .*\. Name the folder of one, or build it again\.$"
DAMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    ("t/part-00001.parquet", cut, f"bytes, not the .* of {MANIFEST}. {REMEDY}"),
    ("t/part-00001.parquet", change_a_byte, f"sha256 .*…, not .*… as {MANIFEST} says. {REMEDY}"),
    ("t/part-00001.parquet", remove, f"missing, though {MANIFEST} lists it. {REMEDY}"),
    ("t/part-00099.parquet", lambda file: copy_beside(file.with_name("part-00000.parquet")),
     f"not listed in {MANIFEST}, but readers would read it. Take it away."),
    ("t/dev-00000.parquet", remove, f"missing, though {MANIFEST} lists it. {REMEDY}"),
    ("s/scored-00000.parquet", change_a_byte, f"sha256 .* as {MANIFEST} says. {REMEDY}"),
    (MANIFEST, edit('"rows": 12', '"rows": 13'), "13 rows of the set, but 12 in its parts. Build"),
    (MANIFEST, edit('"seed": 0', '"seed": "none"'), "seed: .* Build the set again."),
    (MANIFEST, edit('"t/part-00000', '"../part-00000'), "path: .* leads out of the set. Build .*"),
    (MANIFEST, edit("{", "["), NO_SET),
]  # fmt: skip


def test_verify_names_what_is_wrong_with_a_set_in_one_line(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    held = [document(40, split="dev"), example("held out", [40], split="dev")]
    first, second = Text.of("a man eats"), Text.of("a man is eating")
    hashes = first.text_hash, second.text_hash
    pair = ScoredPair("s", *hashes, 1.0, "en", "train", "sts.tsv", 2, "r")
    more = [first, second, pair]
    tasks = [TASK, Task(name="s", type="sts")]
    build(fill(database, [*WORLD, *held, more]), tmp_path / "whole", tasks, rows_per_shard=4)
    assert run(["verify", str(tmp_path / "whole")]) == 0
    files = len([*(tmp_path / "whole").rglob("*.parquet")])
    told = f"12 training rows, 1 dev row, 1 scored pair in {files} files: all are whole"
    assert told in capsys.readouterr().err
    for number, (name, damage, said) in enumerate(DAMAGES):
        out = tmp_path / f"out-{number}"
        shutil.copytree(tmp_path / "whole", out)
        damage(out / name)
        capsys.readouterr()
        assert run(["verify", str(out), "--json"]) == 1
        printed = capsys.readouterr()
        (line,) = printed.err.splitlines()
        named = out if said == NO_SET else out / name
        assert re.match(f"verify: {re.escape(str(named))}: .*{said}", line), line
        assert json.loads(printed.out)["error"] == line.removeprefix("verify: ")
