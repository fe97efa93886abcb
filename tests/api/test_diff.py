from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from mined_world import TASK, WORLD, dig, document, example, fill, rows, sift
from shard_sets import shard_row, write_shards

from kalm_data.api.build_shards import ShardsConfig, build_shards
from kalm_data.api.diff import DiffConfig, Difference, diff
from kalm_data.api.verify import verify
from kalm_data.core.errors import InputError
from kalm_data.core.manifest import MANIFEST
from kalm_data.core.records import TaskRow

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database

NARROW, WIDE = 3, 12


@pytest.fixture
def mined(database: Database) -> Database:
    return dig(fill(database, [*WORLD, [TaskRow("t", 1, TASK.model_dump_json(), "r")]]))


def build(database: Database, out: Path, **given: object) -> None:
    build_shards(database.folder, out, ["t"], ShardsConfig.model_validate(given))


def two_sets(database: Database, tmp_path: Path) -> tuple[str, str]:
    for k in (NARROW, WIDE):
        build(sift(database, k), tmp_path / f"k{k}")
    return str(tmp_path / f"k{NARROW}"), str(tmp_path / f"k{WIDE}")


def ranks(database: Database) -> dict[tuple[str, str], int]:
    with database.read() as connection:
        found = connection.execute(
            "SELECT r.example_id, r.text_hash, r.rank FROM rankings r JOIN examples e "
            "USING (example_id) WHERE e.split = 'train'"
        ).fetchall()
    return {(id_, text_hash): rank for id_, text_hash, rank in found}


def compare(database: Database, a: str, b: str, **given: object) -> Difference:
    return diff(database.folder, a, b, DiffConfig.model_validate(given))


def test_two_values_of_k_differ_in_exactly_the_positives_that_rank_between_them(
    mined: Database, tmp_path: Path
) -> None:
    between = {pair for pair, rank in ranks(mined).items() if NARROW < rank <= WIDE}
    assert between  # else the world shows nothing
    found = compare(mined, *two_sets(mined, tmp_path))
    came = {(row.key, text_hash) for row in found.rows for text_hash in row.positives_came}
    assert came == between
    assert not any(row.positives_went for row in found.rows)
    back = compare(mined, str(tmp_path / f"k{WIDE}"), str(tmp_path / f"k{NARROW}"))
    went = {(row.key, text_hash) for row in back.rows for text_hash in row.positives_went}
    assert went == between
    # a row is new where none of its positives ranks so high, and else a changed one
    new = {row.key for row in found.rows if row.change == "came"}
    kept = {id_ for (id_, _), rank in ranks(mined).items() if rank <= NARROW}
    assert new == {id_ for id_, _ in between} - kept


def test_every_row_tells_the_rank_and_the_k_that_kept_it_out(
    mined: Database, tmp_path: Path
) -> None:
    known = ranks(mined)
    found = compare(mined, *two_sets(mined, tmp_path))
    for row in found.rows:
        told = [json.loads(cause.numbers) for cause in row.causes]
        assert [cause.by for cause in row.causes] == ["top-k"] * len(row.positives_came)
        assert {(numbers["rank"], numbers["k"]) for numbers in told} == {
            (known[row.key, text_hash], NARROW) for text_hash in row.positives_came
        }
    assert [(pair.a, pair.b) for pair in found.settings if pair.name.endswith("top_k")] == [
        (str(NARROW), str(WIDE))
    ]


def test_counts_and_figures_are_those_of_the_files(mined: Database, tmp_path: Path) -> None:
    a, b = two_sets(mined, tmp_path)
    found = compare(mined, a, b)
    (counts,) = found.counts
    of_a, of_b = ({row["example_id"] for row in rows(tmp_path / f"k{k}")} for k in (NARROW, WIDE))
    assert (counts.came, counts.went) == (len(of_b - of_a), len(of_a - of_b))
    assert counts.came + counts.changed + counts.same == len(of_b)
    assert ("rows", len(of_a), len(of_b)) in [(p.name, p.a, p.b) for p in found.figures]
    assert compare(mined, a, a).differing_rows == 0


def test_an_example_that_was_imported_later_tells_its_run(mined: Database, tmp_path: Path) -> None:
    build(sift(mined, WIDE), tmp_path / "before")
    fill(mined, [example("number 20 bread", [20])])
    with mined.write() as connection:
        connection.execute(
            "UPDATE examples SET run_id = (SELECT max(run_id) FROM runs WHERE command = 'import') "
            "WHERE run_id = 'r' AND query_hash IN (SELECT text_hash FROM texts WHERE text LIKE "
            "'number 20 %')"
        )
    build(sift(dig(mined), WIDE), tmp_path / "after")
    found = compare(mined, str(tmp_path / "before"), str(tmp_path / "after"))
    (row,) = [row for row in found.rows if row.change == "came"]
    assert [(cause.by, cause.reason) for cause in row.causes] == [("import", "added later")]


def test_what_a_cap_left_out_is_told_by_the_run_that_built_the_set(
    mined: Database, tmp_path: Path
) -> None:
    sift(mined, WIDE)
    build(mined, tmp_path / "all")
    build(mined, tmp_path / "some", cap=2)
    found = compare(mined, str(tmp_path / "all"), str(tmp_path / "some"))
    assert [(one.name, one.a, one.b) for one in found.settings] == [("cap", "null", "2")]
    assert {row.change for row in found.rows} == {"went"}
    assert {cause.reason for row in found.rows for cause in row.causes} == {"mixed_out"}
    assert len(rows(tmp_path / "all")) - len(found.rows) == 2


def test_a_row_that_is_held_out_for_dev_has_moved(mined: Database, tmp_path: Path) -> None:
    sift(mined, WIDE)
    build(mined, tmp_path / "all")
    build(mined, tmp_path / "held", dev_fraction=0.3)
    before = {row["example_id"] for row in rows(tmp_path / "all")}
    held = {row["example_id"] for row in rows(tmp_path / "held", "dev")}
    assert held and held < before
    found = compare(mined, str(tmp_path / "all"), str(tmp_path / "held"))
    moved = [row for row in found.rows if row.change == "moved"]
    assert {row.key for row in moved} == held
    assert {(row.was, row.split) for row in moved} == {("train", "dev")}
    by_split = {one.split: one for one in found.counts}
    train = {row["example_id"] for row in rows(tmp_path / "held")}
    assert by_split["dev"].moved == len(held) and by_split["dev"].came == 0
    assert by_split["train"].went == len(before - held - train)
    assert by_split["train"].same + by_split["train"].changed == len(train)
    back = compare(mined, str(tmp_path / "held"), str(tmp_path / "all"))
    assert {(row.was, row.split) for row in back.rows if row.was} == {("dev", "train")}


def test_two_sets_tell_their_settings_wherever_they_are(mined: Database, tmp_path: Path) -> None:
    build(mined, tmp_path / "all")
    build(mined, tmp_path / "some", cap=2, dev_fraction=0.1, seed=4, memory_limit="1GB")
    folders = [
        str((tmp_path / name).rename(tmp_path / f"{name}-moved")) for name in ("all", "some")
    ]
    found = diff(tmp_path / "none", *folders, DiffConfig())
    assert sorted((one.name, one.a, one.b) for one in found.settings) == [
        ("cap", "null", "2"),
        ("dev_fraction", "0.0", "0.1"),
        ("seed", "0", "4"),
    ]


def test_of_a_set_that_is_older_than_its_settings_the_workspace_tells_them(
    mined: Database, tmp_path: Path
) -> None:
    a, b = tmp_path / "all", tmp_path / "some"
    build(mined, a)
    build(mined, b, cap=2)
    told = json.loads((a / MANIFEST).read_text())
    del told["settings"]
    (a / MANIFEST).write_text(json.dumps({**told, "schema_version": 2}))
    found = compare(mined, str(a), str(b))
    assert [(one.name, one.a, one.b) for one in found.settings] == [("cap", "null", "2")]
    assert diff(tmp_path / "none", str(a), str(b), DiffConfig()).settings == ()
    assert verify(a).rows == verify(b).rows + len(found.rows)


def test_each_part_of_a_row_that_changes_is_named(tmp_path: Path) -> None:
    a = write_shards(
        tmp_path / "a", {"t": [shard_row("q", ["p"], ["n"]), shard_row("same", ["p"])]}
    )
    changed = shard_row("q", ["p", "p2"], ["n2"], instruction="find", pos_scores=[0.5, None])
    b = write_shards(tmp_path / "b", {"t": [changed, shard_row("same", ["p"]), changed]})
    found = diff(tmp_path / "none", str(a), str(b), DiffConfig())
    (row,) = found.rows
    assert set(row.parts) >= {"positives", "negatives", "scores", "instruction", "copies"}
    assert found.notes and not row.causes  # no workspace, no cause


def test_rows_go_to_a_file_and_the_limit_bounds_what_is_told(tmp_path: Path) -> None:
    some = [shard_row(f"q{i}", ["p"]) for i in range(7)]
    a = write_shards(tmp_path / "a", {"t": some[:1], "u": some[:3]})
    b = write_shards(tmp_path / "b", {"t": some})
    config = DiffConfig(limit=2, rows=tmp_path / "rows.jsonl")
    found = diff(tmp_path / "none", str(a), str(b), config)
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(found.rows) == 2 and len(lines) == found.differing_rows == 6 + 3
    assert [line["change"] for line in lines if line["task"] == "u"] == ["went"] * 3


def test_two_filters_differ_by_what_they_rejected_and_by_k(mined: Database) -> None:
    sift(sift(mined, NARROW), WIDE)
    first, second = _runs(mined, "filter")
    found = compare(mined, first, second)
    between = {pair for pair, rank in ranks(mined).items() if NARROW < rank <= WIDE}
    assert {row.change for row in found.rows} == {"came"} and len(found.rows) == len(between)
    assert all(cause.run_id == first for row in found.rows for cause in row.causes)
    kept = next(pair for pair in found.figures if pair.name == "kept")
    assert isinstance(kept.a, int) and isinstance(kept.b, int)
    assert kept.b - kept.a == len(between)


def test_two_workspaces_differ_by_documents_and_examples(mined: Database, tmp_path: Path) -> None:
    from kalm_data.workspace.database import Database

    other = Database(tmp_path / "other")
    other.create()
    fill(other, [*WORLD[1:], document(40), example("number 3 paper", [3, 13, 14])])
    found = diff(tmp_path, str(mined.folder), str(other.folder), DiffConfig())
    told = [(row.change, row.task, row.key, row.parts) for row in found.rows]
    assert ("went", "documents of docs", "d0", ()) in told
    assert ("came", "documents of docs", "d40", ()) in told
    assert [parts for change, task, _, parts in told if task == "examples of t"] == [
        ("positives",)
    ] * len([one for one in told if one[1] == "examples of t" and one[0] == "changed"])


def test_things_of_two_kinds_are_not_compared(mined: Database, tmp_path: Path) -> None:
    a = write_shards(tmp_path / "a", {"t": [shard_row("q", ["p"])]})
    with pytest.raises(InputError, match="one is a run and the other a shard set"):
        compare(mined, str(a), "0001-import")
    with pytest.raises(InputError, match="0009-none: neither a folder"):
        compare(mined, "0001-import", "0009-none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither a shard set"):
        compare(mined, str(a), str(tmp_path / "empty"))


def _runs(database: Database, command: str) -> list[str]:
    with database.read() as connection:
        found = connection.execute(
            "SELECT run_id FROM runs WHERE command = ? ORDER BY sequence", [command]
        ).fetchall()
    return [run_id for (run_id,) in found]
