from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from batch_columns import STRATA, columns_of, rules, sets
from hypothesis import given, settings
from hypothesis import strategies as st

from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.trainer.batches import PlannedBatch, RunPlan, plan_run
from kalm_data.trainer.columns import BatchColumns, Kind

RATIOS = st.sampled_from(["1", "0.9", "0.5", "0.25", "0"])
SIZES = st.integers(1, 9)
MEMORY = st.sampled_from([float("inf"), 3.0, 1.0])
WEIGHTS = st.dictionaries(
    st.sampled_from(sorted({stratum.task for stratum in STRATA})),
    st.sampled_from([Fraction(text) for text in ("0.1", "0.5", "1", "1.3", "2", "3.75")]),
)


def told(batches: list[PlannedBatch]) -> list[tuple[object, ...]]:
    return [
        (batch.kind, *(tuple(of.tolist()) for of in (batch.rows, batch.positives, batch.keys)))
        for batch in batches
    ]


def rows_of(plan: RunPlan) -> list[int]:
    return [row for batch in plan.batches() for row in batch.rows.tolist()]


@settings(deadline=None)
@given(sets(pieces=5), SIZES, st.integers(0, 3), RATIOS, st.booleans(), MEMORY)
def test_each_example_stands_in_exactly_one_batch_of_an_epoch(
    columns: BatchColumns, size: int, seed: int, ratio: str, apart: bool, memory: float
):
    plan = RunPlan(columns, rules(size, seed, ratio, apart=apart), 3, memory=memory)
    batches = list(plan.batches())
    assert len(batches) == len(plan)
    assert all(0 < len(batch) <= size for batch in batches)
    taken = 0
    for _ in range(3):
        seen: list[int] = []
        while len(seen) < len(columns):
            seen += batches[taken].rows.tolist()
            taken += 1
        assert sorted(seen) == list(range(len(columns)))
    assert taken == len(batches)


@settings(deadline=None)
@given(sets(pieces=5), SIZES, RATIOS, st.booleans(), MEMORY, WEIGHTS, st.data())
def test_a_run_that_starts_at_any_step_goes_on_as_if_it_had_never_stopped(
    columns: BatchColumns,
    size: int,
    ratio: str,
    apart: bool,
    memory: float,
    weights: dict[str, Fraction],
    data: st.DataObject,
):
    def planned() -> RunPlan:
        return RunPlan(columns, rules(size, ratio=ratio, apart=apart), 2, weights, memory)

    whole = list(planned().batches())
    step = data.draw(st.integers(0, len(whole)))
    assert told(list(planned().batches(step))) == told(whole[step:])


@settings(deadline=None)
@given(sets(), st.integers(2, 9), RATIOS, st.integers(0, 3))
def test_of_every_batch_of_n_exactly_the_rounded_share_of_n_changes_places(
    columns: BatchColumns, size: int, ratio: str, seed: int
):
    pure = list(RunPlan(columns, rules(size, seed), 1).batches())
    mixed = list(RunPlan(columns, rules(size, seed, ratio), 1).batches())
    given_away, got = Counter[int](), Counter[int]()
    for one, other in zip(pure, mixed, strict=True):
        assert one.kind is other.kind and len(one) == len(other)
        share = 0 if one.kind is not Kind.SHARED else 1 - Fraction(ratio)
        stay = len(one) - int(share * len(one) + Fraction(1, 2))
        assert one.rows[:stay].tolist() == other.rows[:stay].tolist()
        given_away.update(one.rows[stay:].tolist())
        got.update(other.rows[stay:].tolist())
    assert given_away == got


@pytest.mark.parametrize(("ratio", "slots"), [("0.95", 1), ("0.96", 0), ("0.75", 3), ("0", 10)])
def test_of_ten_slots_the_share_is_rounded_and_half_a_slot_is_one(ratio: str, slots: int):
    columns = columns_of([0] * 500 + [2] * 500, [1] * 1000, list(range(1000)))
    pure = RunPlan(columns, rules(10), 1).batches()
    mixed = RunPlan(columns, rules(10, ratio=ratio), 1).batches()
    moved = [
        int(np.count_nonzero(one.rows != other.rows))
        for one, other in zip(pure, mixed, strict=True)
    ]
    assert max(moved) == slots and np.mean(moved) >= 0.95 * slots


def test_at_a_ratio_of_a_half_slots_hold_rows_of_all_tasks_and_at_one_of_their_own():
    columns = columns_of([0] * 320 + [2] * 320, [1] * 640, list(range(640)))
    pure = list(RunPlan(columns, rules(16), 1).batches())
    assert all(len(set(columns.strata[batch.rows].tolist())) == 1 for batch in pure)
    foreign = [
        min(Counter(columns.strata[batch.rows].tolist()).values())
        for batch in RunPlan(columns, rules(16, ratio="0.5"), 1).batches()
    ]
    assert 3 < np.mean(foreign) < 5  # of 8 that are exchanged, half come from the other task


@settings(deadline=None)
@given(sets(), SIZES, RATIOS)
def test_rows_that_learn_in_other_ways_never_meet(columns: BatchColumns, size: int, ratio: str):
    for batch in RunPlan(columns, rules(size, ratio=ratio), 1).batches():
        strata = [STRATA[number] for number in columns.strata[batch.rows].tolist()]
        assert {stratum.kind for stratum in strata} == {batch.kind}
        assert batch.kind is not Kind.SCORED or len(set(strata)) == 1


@settings(deadline=None)
@given(sets(), SIZES)
def test_a_task_fills_all_the_whole_batches_that_it_can(columns: BatchColumns, size: int):
    pure = Counter(
        int(columns.strata[batch.rows[0]])
        for batch in RunPlan(columns, rules(size), 1).batches()
        if len(set(columns.strata[batch.rows].tolist())) == 1
        and (len(batch) == size or batch.kind is Kind.SCORED)
    )
    for stratum, rows in Counter(columns.strata.tolist()).items():
        assert pure[stratum] >= rows // size


def positives_of(columns: BatchColumns, batch: PlannedBatch) -> list[int]:
    starts = columns.starts_of(batch.rows)
    return [int(text) for text in columns.texts[starts + batch.positives]]


@settings(deadline=None)
@given(sets(), SIZES, st.integers(0, 3))
def test_positives_of_one_group_share_a_whole_batch_only_where_they_must(
    columns: BatchColumns, size: int, seed: int
):
    whole = {s: n // size for s, n in Counter(columns.strata.tolist()).items()}
    batches = list(RunPlan(columns, rules(size, seed), 1).batches())
    members = Counter(
        (int(stratum), text)
        for batch in batches
        for stratum, text in zip(
            columns.strata[batch.rows], positives_of(columns, batch), strict=True
        )
    )
    for batch in batches:
        strata = set(columns.strata[batch.rows].tolist())
        if len(batch) == size and len(strata) == 1 and whole[(stratum := strata.pop())]:
            for text, count in Counter(positives_of(columns, batch)).items():
                assert count <= 1 or members[stratum, text] > whole[stratum]


@settings(deadline=None)
@given(sets(pieces=5), SIZES, RATIOS, MEMORY, WEIGHTS)
def test_no_text_is_a_positive_twice_in_a_batch_where_that_is_asked(
    columns: BatchColumns, size: int, ratio: str, memory: float, weights: dict[str, Fraction]
):
    plan = RunPlan(columns, rules(size, ratio=ratio, apart=True), 2, weights, memory)
    for batch in plan.batches():
        texts = [] if batch.kind is Kind.SCORED else positives_of(columns, batch)
        assert len(texts) == len(set(texts))


def test_where_one_text_answers_too_many_rows_there_are_as_many_batches_of_equal_size():
    columns = columns_of([0] * 40, [1] * 40, [0] * 10 + list(range(1, 31)))
    assert len(RunPlan(columns, rules(8), 1)) == 5
    batches = list(RunPlan(columns, rules(8, apart=True), 1).batches())
    assert [len(batch) for batch in batches] == [4] * 10


@settings(deadline=None)
@given(sets(), WEIGHTS, st.integers(0, 2))
def test_a_weight_says_how_often_an_epoch_takes_each_example(
    columns: BatchColumns, weights: dict[str, Fraction], seed: int
):
    plan = RunPlan(columns, rules(4, seed), 1, weights)
    times = Counter(rows_of(plan))
    for number, stratum in enumerate(STRATA):
        weight = weights.get(stratum.task, Fraction(1))
        counts = [times[row] for row in np.flatnonzero(columns.strata == number).tolist()]
        assert all(count - weight // 1 in (0, 1) for count in counts)
        more = sum(count - weight // 1 for count in counts)
        if counts and weight % 1:
            assert more == max(1, int(weight % 1 * len(counts) + Fraction(1, 2)))
        else:
            assert more == 0


@settings(deadline=None)
@given(sets(), WEIGHTS, st.integers(1, 7))
def test_over_epochs_all_examples_of_a_task_are_seen_equally_often(
    columns: BatchColumns, weights: dict[str, Fraction], epochs: int
):
    times = Counter(rows_of(RunPlan(columns, rules(4), epochs, weights)))
    for number in range(len(STRATA)):
        counts = [times[row] for row in np.flatnonzero(columns.strata == number).tolist()]
        assert not counts or max(counts) - min(counts) <= 1


def test_copies_of_an_example_take_its_positives_in_turn_and_differ_in_negatives():
    columns = columns_of([0], [3], [5, 6, 7])
    batches = list(RunPlan(columns, rules(1), 1, {"one": Fraction(3)}).batches())
    assert sorted(int(batch.positives[0]) for batch in batches) == [0, 1, 2]
    assert len({int(batch.keys[0]) for batch in batches}) == 3


@settings(deadline=None)
@given(sets(pieces=5), WEIGHTS, MEMORY, st.integers(1, 3), st.data())
def test_every_example_is_trained_on_or_missed_for_one_reason(
    columns: BatchColumns,
    weights: dict[str, Fraction],
    memory: float,
    epochs: int,
    data: st.DataObject,
):
    plan = RunPlan(columns, rules(4), epochs, weights, memory)
    steps = data.draw(st.integers(0, len(plan)))
    trained = {row for batch in plan.batches(0, steps) for row in batch.rows.tolist()}
    missed = plan.missed(steps)
    assert sorted([*trained, *missed.light.tolist(), *missed.late.tolist()]) == list(
        range(len(columns))
    )
    assert sorted({*range(len(columns))} - set(rows_of(plan))) == missed.light.tolist()


@pytest.mark.parametrize("text", ["one", "one=", "one=x", "one=0", "one=-1", "=1", "none=2"])
def test_a_weight_that_cannot_be_meant_is_refused(text: str):
    settings = TrainConfig(model="m", task_weight=(text,))
    with pytest.raises(InputError, match=f"--task-weight {text}: "):
        plan_run(columns_of([0], [1], [0]), settings, ["one"])


def test_settings_are_what_the_plan_follows():
    columns = columns_of([0] * 64, [1] * 64, list(range(64)), pieces=8)
    settings = TrainConfig(
        model="m", batch_size=4, epochs=3, seed=7, homogeneous_ratio=0.9,
        task_weight=("one=0.5",), rows_memory_gb=4 / 2**30, distinct_positives=True,
    )  # fmt: skip
    plan = RunPlan(columns, rules(4, 7, "0.9", apart=True), 3, {"one": Fraction(1, 2)}, memory=4)
    planned = plan_run(columns, settings, ["one"])
    assert told(list(planned.batches())) == told(list(plan.batches()))


def test_a_run_of_no_step_has_no_batch_and_misses_everything():
    plan = RunPlan(columns_of([0, 2], [1, 1], [0, 1]), rules(), 1)
    assert list(plan.batches(0, 0)) == []
    assert plan.missed(0).late.tolist() == [0, 1]


def test_epochs_and_seeds_differ_in_order_and_in_the_positives_drawn():
    columns = columns_of([0] * 64, [4] * 64, list(range(256)))
    batches = list(RunPlan(columns, rules(8), 2).batches())
    other = list(RunPlan(columns, rules(8, seed=1), 1).batches())
    plans = [told(of) for of in (batches[:8], batches[8:], other)]
    assert plans[0] != plans[1] != plans[2] != plans[0]
    drawn = [
        [batch.positives.tolist() for batch in sorted(of, key=lambda b: int(b.rows[0]))]
        for of in (batches[:8], batches[8:], other)
    ]
    assert drawn[0] != drawn[1] != drawn[2] != drawn[0]
    assert {place for of in drawn[0] for place in of} == {0, 1, 2, 3}


@settings(deadline=None)
@given(sets(pieces=6), SIZES)
def test_rows_of_one_round_are_all_used_before_another_is_begun(columns: BatchColumns, size: int):
    piece = np.searchsorted(columns.firsts, np.arange(len(columns)), "right") - 1
    batches = [
        set(piece[batch.rows].tolist())
        for batch in RunPlan(columns, rules(size), 1, memory=2.0).batches()
    ]
    met: list[set[int]] = []
    for pieces in batches:
        if met and len(met[-1] | pieces) <= 2 and not any(pieces & old for old in met[:-1]):
            met[-1] |= pieces
        else:
            assert not any(pieces & old for old in met)
            met.append(set(pieces))
