"""Whether the verdicts in force still are of what is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kalm_data.core.config.filter import filter_command
from kalm_data.core.config.mine import mine_command
from kalm_data.core.errors import StaleMeasurement
from kalm_data.measures.rules.seen import seen_by

if TYPE_CHECKING:
    from kalm_data.measures.draws import DrawStore
    from kalm_data.measures.row_plans import TrainingStore


def refuse_stale_rules(draws: DrawStore, store: TrainingStore, task: str, basis: str) -> None:
    """Verdicts of another pool, of some positives only, or that looked at what other rules kept
    before, are no filter of this set.
    """
    for rule, judged_on, unjudged in store.rules(task):
        told = json.loads(store.in_force("rule", task)[rule])
        again = filter_command(told.get("tasks", [task]), told["options"])
        if judged_on != basis or unjudged:
            what = f"{unjudged} positives are new" if unjudged else "the pool has changed"
            rankers = told["rankers"]
            mined = [mine_command(task, draws.mine_config(task, ranker)) for ranker in rankers]
            line = f"task {task}: rule {rule} is stale: {what} since."
            raise StaleMeasurement(line, [*dict.fromkeys(mined), again])
        dropped = {name: draws.dropped_by(name) for name in told.get("tasks", ())}
        if dropped and told["saw"] != seen_by(rule, dropped):
            line = f"task {task}: rule {rule} is stale: other rules keep other rows since."
            raise StaleMeasurement(line, [again])
