from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.manifest import read_manifest
from kalm_data.trainer.dev_rows import read_dev

if TYPE_CHECKING:
    from tests.trainer.conftest import MakeRow, WriteSet


def test_dev_queries_look_among_their_documents_and_those_of_training_rows(
    make_row: MakeRow, write_set: WriteSet
) -> None:
    dev = [make_row("q1", ["a", "b"], ["c"]), make_row("q2", ["b"], [])]
    folder = write_set([make_row("t", ["d"], ["a", "e"])], dev=dev)
    (task,) = read_dev(folder, read_manifest(folder), 500, 5000)
    assert [one.text for one in task.documents] == ["a", "b", "c", "d", "e"]
    assert [one.relevant for one in task.queries] == [{0, 1}, {1}]


def test_further_documents_of_a_positives_group_are_alike_not_relevant(
    make_row: MakeRow, write_set: WriteSet
) -> None:
    dev = [make_row("q", ["a"], [], pos_groups=["g"])]
    folder = write_set([make_row("t", ["b"], [], pos_groups=["g"])], dev=dev)
    (task,) = read_dev(folder, read_manifest(folder), 500, 5000)
    assert (task.queries[0].relevant, task.queries[0].alike) == ({0}, {1})


def test_queries_and_documents_are_as_many_as_wanted_and_positives_always_there(
    make_row: MakeRow, write_set: WriteSet
) -> None:
    dev = [make_row(f"q{i}", [f"d{i}"], []) for i in range(5)]
    folder = write_set([make_row("t", ["x"], ["y", "z"])], dev=dev)
    (task,) = read_dev(folder, read_manifest(folder), 3, 4)
    assert (len(task.queries), [one.text for one in task.documents]) == (3, ["d0", "d1", "d2", "x"])
    (task,) = read_dev(folder, read_manifest(folder), 3, 1)
    assert [one.text for one in task.documents] == ["d0", "d1", "d2"]


def test_a_set_without_dev_rows_has_no_dev_task(make_row: MakeRow, write_set: WriteSet) -> None:
    folder = write_set([make_row("t", ["x"], ["y"])])
    assert read_dev(folder, read_manifest(folder), 3, 4) == []
