import pytest

from kalm_data.core.config.synth import SynthConfig
from kalm_data.core.spending import FIRST, Spending, candidates_left
from kalm_data.core.synthesis import Reply


def config(**settings: object) -> SynthConfig:
    return SynthConfig.model_validate({"engine": "openai", "model": "m", "steps": 1, **settings})


def spend(spending: Spending, count: int, tokens: int) -> None:
    for number in range(count):
        spending.enter(Reply(f"k{number}", "", "", "stop", tokens, 0))


@pytest.mark.parametrize(
    ("done", "accepted", "wanted"), [(0, 0, 100), (100, 50, 100), (200, 99, 3), (100, 0, 200)]
)
def test_a_target_is_neared_by_the_share_accepted_so_far(done: int, accepted: int, wanted: int):
    assert candidates_left(config(target=100), done, accepted, None) == wanted


def test_without_a_bound_all_there_is_is_wanted():
    assert candidates_left(config(), 10, 5, None) is None
    assert Spending(config()).requests_left() is None
    assert Spending().requests_left() is None


def test_requests_are_shared_out_over_the_steps_of_a_candidate():
    assert candidates_left(config(steps=2), 0, 0, 9) == 5
    assert candidates_left(config(type="sts"), 0, 0, 9) == 9
    assert candidates_left(config(type="long-long"), 0, 0, 0) == 0


def test_requests_left_never_exceed_what_is_allowed():
    spending = Spending(config(max_requests=10))
    spend(spending, 7, 1000)
    assert spending.requests_left() == 3
    spend(spending, 4, 1000)
    assert spending.requests_left() == 0


def test_a_budget_is_spent_by_the_mean_cost_of_a_request():
    spending = Spending(config(budget=1.0, price_in=1000))
    assert spending.requests_left() == FIRST
    spend(spending, 10, 50)
    assert spending.cost == pytest.approx(0.5)
    assert spending.requests_left() == 10
