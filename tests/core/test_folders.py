from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.core.folders import published


def publish(target: Path, text: str) -> None:
    with published(target, "mark") as folder:
        (folder / "mark").write_text(text)


def test_a_folder_appears_and_is_replaced_whole(tmp_path: Path):
    publish(tmp_path / "deep" / "out", "one")
    publish(tmp_path / "deep" / "out", "two")
    assert (tmp_path / "deep" / "out" / "mark").read_text() == "two"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_error_leaves_what_was_there(tmp_path: Path):
    publish(tmp_path / "out", "one")
    with pytest.raises(ZeroDivisionError), published(tmp_path / "out", "mark") as folder:
        (folder / "mark").write_text("two")
        _ = 1 / 0
    assert (tmp_path / "out" / "mark").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_kill_between_the_renames_is_mended_by_the_next_call(tmp_path: Path):
    publish(tmp_path / "out", "one")
    (tmp_path / "out").rename(tmp_path / "out.replaced")
    with pytest.raises(ZeroDivisionError), published(tmp_path / "out", "mark"):
        _ = 1 / 0
    assert (tmp_path / "out" / "mark").read_text() == "one"


def test_an_empty_folder_may_be_taken_but_neither_files_nor_strange_folders(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    publish(tmp_path / "empty", "one")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="a file"):
        publish(tmp_path / "file", "one")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "thesis").write_text("mine")
    with pytest.raises(InputError, match="not ours"):
        publish(tmp_path / "strange", "one")
    assert (tmp_path / "strange" / "thesis").read_text() == "mine"


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="not UTF-8"):
        publish(tmp_path / os.fsdecode(b"caf\xe9"), "one")


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"cannot be made: .*\. Name another folder\.$"):
        publish(tmp_path / "file" / "out", "one")


def test_a_mount_point_is_refused_before_any_work():
    with pytest.raises(InputError, match=r"a mount point, .* Name a folder in it\.$"):
        publish(Path("/"), "one")


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(tmp_path / "out", "one")
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "out.partial":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        publish(tmp_path / "out", "two")
    assert (tmp_path / "out" / "mark").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_one_line_with_the_place_and_the_remedy(tmp_path: Path):
    publish(tmp_path / "out", "one")
    with (
        pytest.raises(InputError, match=r"out\.partial: cannot be written: No space .*Make room"),
        published(tmp_path / "out", "mark"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("resumes", [False, True])
def test_what_another_command_writes_is_refused_and_left_to_it(tmp_path: Path, resumes: bool):
    with published(tmp_path / "out", "mark", resumes=resumes) as folder:
        (folder / "mark").write_text("one")
        with (
            pytest.raises(InputError, match="out: another command writes it now"),
            published(tmp_path / "out", "mark", resumes=resumes),
        ):
            pass
    assert (tmp_path / "out" / "mark").read_text() == "one"
    publish(tmp_path / "out", "two")
    assert (tmp_path / "out" / "mark").read_text() == "two"
