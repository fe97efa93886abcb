"""`kalm-data mine`."""

from kalm_data.api.mine import Gates, MineConfig
from kalm_data.api.mine import mine as rank_and_draw
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import reporting


@expand
def mine(
    config: MineConfig,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Rank every positive exactly over the whole pool, keep the best hits, draw hard negatives."""
    with reporting("mine", as_json=json) as reporter:
        outcome = rank_and_draw(
            workspace, task or [], config, gates=gates, on_progress=reporter.progress.show
        )
        result = outcome.result
        reporter.finish(
            outcome,
            f"{outcome.run.kept:,} of {outcome.run.planned:,} examples mined; "
            f"{result.negatives:,} negatives, {result.short:,} examples with fewer than "
            f"{config.negatives}; {result.encoded:,} texts encoded, {result.cut:,} of them cut",
        )
