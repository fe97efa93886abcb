"""What the requests of one run take, of all its tasks together, and what they may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kalm_data.core.config.synth import SynthConfig
    from kalm_data.core.synthesis import Reply

FIRST = 16
"""Requests that a run with a budget sends before it knows what one costs."""


class Spending:
    """Counts what a run asks; stops it at the requests or the budget that the user set."""

    def __init__(self, config: SynthConfig | None = None) -> None:
        """Without a configuration nothing bounds it, and nothing has a price."""
        self._config = config
        self.requests = 0
        self.cost = 0.0

    def enter(self, reply: Reply) -> None:
        self.requests += 1
        if self._config is not None:
            self.cost += price(self._config, reply.tokens_in, reply.tokens_out)

    def requests_left(self) -> int | None:
        """How many more may be sent, by the mean cost of those so far; None: without end."""
        limits: list[int] = []
        if self._config is None:
            return None
        if self._config.max_requests is not None:
            limits.append(self._config.max_requests - self.requests)
        if self._config.budget is not None:
            mean = self.cost / self.requests if self.requests else 0.0
            limits.append(int((self._config.budget - self.cost) / mean) if mean else FIRST)
        return max(0, min(limits)) if limits else None


def price(config: SynthConfig, tokens_in: int, tokens_out: int) -> float:
    """What tokens cost, in the currency of the prices."""
    return (tokens_in * config.price_in + tokens_out * config.price_out) / 1_000_000


def candidates_left(
    config: SynthConfig, done: int, accepted: int, requests_left: int | None
) -> int | None:
    """About how many more candidates the user wants; None: all there are.

    For a target, by the share accepted of the `done` so far, at most three times as many as were
    met: a target is asked for in ever smaller steps, so that little of it is `surplus`.
    """
    limits = []
    if config.target is not None:
        missing = config.target - accepted
        likely = -(-missing * done // max(1, accepted)) if done else missing
        limits.append(min(likely, max(missing, 2 * done)))
    if requests_left is not None:
        limits.append(-(-requests_left // config.requests_each))
    return min(limits) if limits else None
