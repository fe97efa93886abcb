"""`kalm-data mine`."""

from rich.text import Text

from kalm_data.api.mine import DeviceSettings, Gates, MineConfig, MineResult
from kalm_data.api.mine import mine as rank_and_draw
from kalm_data.cli.expand import expand
from kalm_data.cli.options import WORKSPACE, JsonOption, TaskOption, WorkspaceOption
from kalm_data.cli.reporting import on_devices, reporting
from kalm_data.cli.tree_lines import counted


@expand
def mine(
    config: MineConfig,
    devices: DeviceSettings,
    gates: Gates,
    workspace: WorkspaceOption = WORKSPACE,
    task: TaskOption = None,
    json: JsonOption = False,
) -> None:
    """Rank every positive exactly over the whole pool, keep the best hits, draw hard negatives."""
    with reporting("mine", as_json=json) as reporter:
        outcome = rank_and_draw(
            workspace, task or [], config, devices=devices, gates=gates,
            on_progress=reporter.progress.show,
        )  # fmt: skip
        result = outcome.result
        reporter.finish(
            outcome,
            f"{outcome.run.kept:,} of {outcome.run.planned:,} examples mined; "
            f"{result.negatives:,} negatives, {counted(result.short, 'example')} with fewer than "
            f"{config.negatives}; {result.encoded:,} texts encoded, {result.cut:,} cut"
            f"{on_devices(result.devices)}",
            *_by_ranker(result),
        )


def _by_ranker(result: MineResult) -> list[Text]:
    """Where the negatives of each task come from, if from several rankers or past a denoiser."""
    lines = []
    for task in result.tasks:
        parts = [f"{count:,} by {ranker}" for ranker, count in task.by_ranker.items()]
        if task.false_negatives:
            parts.append(
                f"{task.false_negatives:,} hits score no lower than the positive: "
                "`kalm-data rejects --stage mine-relabel` lists them"
            )
        if len(parts) > 1:
            lines.append(Text(f"{task.task}: {'; '.join(parts)}"))
    return lines
