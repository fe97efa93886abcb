from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mined_world import WORLD, build, dig, document, example, fill, hash_of, rows, sift, text

from kalm_data.api.explain import explain
from kalm_data.core.errors import InputError
from kalm_data.core.explanation import AmbiguousId
from kalm_data.core.records import Decision, Head, Judgement, Reject, TaskRow, example_id
from kalm_data.core.tasks import Task
from kalm_data.workspace.runs import running

if TYPE_CHECKING:
    from pathlib import Path

    from kalm_data.workspace.database import Database

DECLARED = [TaskRow("t", 1, Task(name="t", collections=("docs",)).model_dump_json(), "r")]
QUERY = "number 0 river"
ID = example_id("t", QUERY)


@pytest.fixture
def world(database: Database) -> Database:
    return fill(database, [*WORLD, DECLARED])


def test_an_example_is_found_by_id_prefix_key_and_query_in_any_case(world: Database) -> None:
    for wanted in (ID, ID[:6], f"{ID}:{hash_of(0)}", QUERY, "  NUMBER 0  river "):
        found = explain(world.folder, wanted)
        assert found.kind == "example" and found.example is not None
        assert found.example.example_id == ID, wanted


def test_a_document_is_found_by_its_id_its_collection_and_its_text(world: Database) -> None:
    for wanted in ("d3", "docs/d3", text(3), hash_of(3)[:8]):
        found = explain(world.folder, wanted)
        assert found.document is not None
        assert [one.doc_id for one in found.document.revisions] == ["d3"], wanted
        assert {one.query for one in found.document.answers} == {"number 3 paper"}


def test_an_id_of_two_collections_is_ambiguous_and_both_are_named(world: Database) -> None:
    (_, copy) = document(7)
    fill(world, [[type(copy)(**{**_fields(copy), "collection": "other", "doc_id": "d3"})]])
    with pytest.raises(AmbiguousId, match=r"^d3: 2 things match. Name one: docs/d3 \(document\)"):
        explain(world.folder, "d3")
    assert explain(world.folder, "other/d3").document.text_hash == hash_of(7)


def test_the_name_of_a_file_means_its_chunks(world: Database) -> None:
    for number, (file, position) in enumerate((("one.md", 0), ("two.md", 0), ("two.md", 1))):
        (_, copy) = document(20 + number)
        chunk = {"doc_id": f"{file}#{position}", "parent": file, "position": position}
        fill(world, [[type(copy)(**{**_fields(copy), **chunk})]])
    for wanted in ("one.md", "docs/one.md"):
        assert explain(world.folder, wanted).document.text_hash == hash_of(20)
    with pytest.raises(AmbiguousId, match=r"Name one: docs/two\.md#0 .*, docs/two\.md#1 "):
        explain(world.folder, "docs/two.md")


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__slots__}


def test_a_query_of_two_tasks_is_ambiguous(world: Database) -> None:
    other = TaskRow("u", 1, Task(name="u", collections=("docs",)).model_dump_json(), "r")
    fill(world, [example(QUERY, [0], task="u"), [other]])
    with pytest.raises(AmbiguousId) as raised:
        explain(world.folder, QUERY)
    assert {one.task for one in raised.value.candidates} == {"t", "u"}


def test_what_is_nowhere_is_one_line(world: Database) -> None:
    with pytest.raises(InputError, match=r"^nothing like it: no example") as raised:
        explain(world.folder, "nothing\nlike it")
    assert "\n" not in str(raised.value)


def test_ranks_decisions_negatives_and_runs_of_an_example(world: Database) -> None:
    sift(dig(world), top_k=1)
    found = explain(world.folder, ID).example
    assert found is not None
    by_hash = {one.document.text_hash: one for one in found.positives}
    assert by_hash.keys() == {hash_of(0), hash_of(10)}
    for positive in found.positives:
        ((decision,), (rank,)) = positive.decisions, positive.ranks
        assert decision.numbers["rank"] == rank.rank and rank.pool_size == 30
        assert decision.verdict == ("keep" if rank.rank == 1 else "drop")
        assert decision.in_force and not decision.overruled
        assert positive.stands == (rank.rank == 1)
    assert len(found.negatives) == 3 and found.negatives_stale
    assert all(one.score <= 1 and one.rank >= 1 for one in found.negatives)
    runs = [one.command for one in explain(world.folder, ID).runs]
    assert runs == ["mine", "filter"]


def test_a_rejected_row_tells_run_stage_and_number(world: Database) -> None:
    sift(dig(world), top_k=1)
    dropped = [one for one in explain(world.folder, ID).rejects if one.stage == "filter"]
    assert [(one.run_id, one.reason) for one in dropped] == [("0003-filter", "rank")]
    assert dropped[0].numbers["k"] == 1 and dropped[0].numbers["rank"] > 1


def test_what_was_never_an_example_is_found_among_rejects_by_text_or_key(world: Database) -> None:
    with running(world, "import", "{}") as run:
        run.plan(1)
        run.reject([Reject(run.run_id, "import", "no_words", "k9", '{"n": 1}', "q.csv", 9, "?!")])
    for wanted in ("k9", "?!"):
        found = explain(world.folder, wanted)
        assert found.kind == "reject" and found.rejects[0].numbers == {"n": 1}
        assert [one.run_id for one in found.runs] == ["0002-import"]


def test_rows_are_found_in_a_set_and_by_their_place(world: Database, tmp_path: Path) -> None:
    sift(dig(world), top_k=20)
    build(world, tmp_path / "set")
    written = rows(tmp_path / "set")
    file = tmp_path / "set" / "t" / "part-00000.parquet"
    for place, row in enumerate(written):
        (found,) = explain(world.folder, row["example_id"], tmp_path / "set").rows
        assert (found.file, found.row) == (str(file), place)
        named = explain(world.folder, f"{file}:{place}")
        assert named.rows == (found,) and named.kind == "row"
        assert [one.text_hash for one in found.negatives] == row["neg_ids"]
        assert [one.rank for one in found.negatives] == row["neg_ranks"]
    with pytest.raises(InputError, match=f"row {len(written)} of {len(written)}: rows are counted"):
        explain(world.folder, f"{file}:{len(written)}")


def test_positives_stand_as_the_view_of_drops_says(world: Database) -> None:
    """One dropped for a request that said it alone, one that an import says too, one by rank."""
    ids = [example_id("t", f"number {i} {name}") for i, name in ((1, "stone"), (2, "bread"))]
    sift(dig(world), top_k=1)
    with running(world, "synth", "{}") as run:
        said = [Judgement(ids[0], hash_of(9), "positive", "llm", run.run_id, "key9")]
        drops = [
            Decision(
                "t", "gates", ids[0], hash_of(9), "drop", "too_long", "{}", "key9", run.run_id
            ),
            Decision(
                "t", "gates", ids[1], hash_of(2), "drop", "too_long", "{}", "key2", run.run_id
            ),
        ]
        run.append([*said, *drops, Head("rule", "t", "gates", run.sequence, "{}", "", run.run_id)])
    with world.read() as connection:
        dropped = connection.execute("SELECT example_id, text_hash FROM current_drops").fetchall()
        asked = connection.execute("SELECT example_id FROM examples").fetchall()
    told = [
        (one, positive.document.text_hash)
        for (one,) in asked
        for positive in explain(world.folder, one).example.positives
        if not positive.stands
    ]
    assert sorted(told) == sorted({*dropped}) and (ids[0], hash_of(9)) in told
