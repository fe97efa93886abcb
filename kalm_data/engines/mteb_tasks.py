"""Tasks of mteb by their names, run by mteb itself; the only module that imports it."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from kalm_data import __version__
from kalm_data.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from kalm_data.engines.sentence_transformers_encoder import Precision


@dataclass(frozen=True, slots=True)
class MtebTasks:
    """Tasks whose data are loaded."""

    by_name: Mapping[str, Any]

    def __bool__(self) -> bool:
        return bool(self.by_name)

    def measure(self, name: str) -> str:
        """The measure of the task's main score, as mteb calls it."""
        return str(self.by_name[name].metadata.main_score)

    def scores(self, model: Path, precision: Precision, device: str) -> dict[str, float]:
        """The main score of each task, the mean over its splits and languages.

        The model is read by sentence-transformers with the prompts that it was saved with.
        """
        import mteb

        from kalm_data.engines.devices import working_on
        from kalm_data.engines.sentence_transformers_encoder import load_model

        # stdout is data
        with working_on(device, f"running mteb with {model}"), redirect_stdout(sys.stderr):
            loaded = load_model(model, precision, device)
            found = mteb.evaluate(
                loaded,
                tasks=list(self.by_name.values()),
                cache=None,
                overwrite_strategy="always",
                show_progress_bar=False,
            )
        return {one.task_name: float(one.get_score()) for one in found.task_results}


def load_mteb_tasks(names: Sequence[str]) -> MtebTasks:
    """Raises InputError where mteb, a task or its data are not there."""
    return MtebTasks({name: _load(name) for name in dict.fromkeys(names)})


def _load(name: str) -> Any:  # noqa: ANN401 - mteb's class
    if find_spec("mteb") is None:
        message = (
            f'--mteb {name}: mteb is missing. Run `pip install "kalm-data[eval]=={__version__}"`.'
        )
        raise InputError(message)
    import mteb

    try:
        task = mteb.get_task(name)
    except KeyError as error:
        message = f"--mteb {name}: mteb {mteb.__version__} has no such task. Check the name."
        raise InputError(message) from error
    try:
        with redirect_stdout(sys.stderr):
            task.load_data()
    except (OSError, ValueError) as error:
        data = task.metadata.dataset["path"]
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        message = (
            f"--mteb {name}: its data set {data} is neither in the local cache nor to be had now: "
            f"{line.rstrip('.')}. Go online, or fetch it once with "
            f"`mteb.get_task({name!r}).load_data()`."
        )
        raise InputError(message) from error
    return task
