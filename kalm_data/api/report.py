"""One page that shows a workspace, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kalm_data.core.config.report import ReportConfig
from kalm_data.core.report.summary import ReportWritten

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kalm_data.core.report.figures import RunFigures, ShardFigures
    from kalm_data.workspace.report import ReportStore

__all__ = ["ReportConfig", "ReportWritten", "report"]


def report(workspace: Path, out: Path, tasks: Sequence[str], config: ReportConfig) -> ReportWritten:
    """Write the page to `out`; of all tasks if none is named. The workspace is only read, in brief
    visits: other commands may be writing meanwhile.
    """
    from kalm_data import __version__
    from kalm_data.core.report.page import make_page, render_page
    from kalm_data.engines.writers.whole_files import refuse_no_place, write_text
    from kalm_data.stages.report import measure_workspace
    from kalm_data.workspace.database import Database
    from kalm_data.workspace.report import ReportStore
    from kalm_data.workspace.tasks import read_tasks

    refuse_no_place(out)
    database = Database(workspace)
    chosen = read_tasks(database, tasks)
    store = ReportStore(database, chosen, config.seed)
    shards = _shards(store, config.shards, store.runs()) if config.shards else None
    name = workspace.resolve().name
    figures = measure_workspace(store, name, chosen, config, shards)
    page = make_page(figures, __version__)
    html = render_page(page)
    write_text(out, [html])
    named = tuple(task.name for task in chosen)
    return ReportWritten(str(out), len(html.encode()), named, page.findings)


def _shards(store: ReportStore, folder: Path, runs: Sequence[RunFigures]) -> ShardFigures:
    from kalm_data.core.manifest import read_manifest
    from kalm_data.core.report.figures import ShardFigures
    from kalm_data.workspace.shard_tokens import read_tokens

    manifest = read_manifest(folder)
    tokens = read_tokens(folder, manifest)
    return ShardFigures(folder.resolve().name, manifest, tokens, store.lint(folder, runs))
