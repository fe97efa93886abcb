"""`kalm-data demo`."""

from pathlib import Path
from typing import Annotated

import typer

from kalm_data.api.demo import MODEL, DemoConfig, DemoFolder, demo, prepare
from kalm_data.cli.expand import expand
from kalm_data.cli.options import JsonOption
from kalm_data.cli.reporting import print_json, reporting
from kalm_data.cli.tables import evaluation

BY_HAND = f"""
Everything is left in `{{folder}}`. On your own documents, in your own folder:

    kalm-data import documents DOCS --task mine
    kalm-data synth --task mine
    kalm-data synth --task mine --split test
    kalm-data mine --task mine --ranker dense:{MODEL}
    kalm-data filter --task mine --top-k 50
    kalm-data build-shards shards --task mine
    kalm-data train shards --model {MODEL} --output model
    kalm-data eval model --against {MODEL} --task mine
"""


@expand
def run_demo(
    config: DemoConfig,
    folder: Annotated[Path, typer.Argument(help="Where the demo works and what it leaves.")] = Path(
        "kalm-demo"
    ),
    json: JsonOption = False,
) -> None:
    """Run the whole pipeline on the documentation of Python's own standard library."""
    place = DemoFolder(folder)
    with reporting("demo", as_json=json) as reporter:
        if not config.train:
            prepare(place, config, reporter.stage, reporter.progress.show)
            if json:
                print_json({"command": "demo", "status": "ok", "shards": str(place.shards)})
            return
        outcome = demo(place, config, reporter.stage, reporter.progress.show)
        reporter.finish(outcome, *evaluation(outcome.result))
        reporter.people.print(BY_HAND.format(folder=folder), markup=False)
