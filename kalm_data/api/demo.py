"""The whole pipeline on the documentation of Python's own standard library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from kalm_data.api.build_shards import build_shards
from kalm_data.api.evaluate import EvalConfig, EvalResult, evaluate
from kalm_data.api.filter import FilterConfig, filter_positives
from kalm_data.api.imports import (
    ImportDocumentsConfig,
    ImportPairsConfig,
    import_documents,
    import_pairs,
)
from kalm_data.api.mine import MineConfig, mine
from kalm_data.api.synth import SynthConfig, synth
from kalm_data.api.train import train
from kalm_data.core.config.demo import DemoConfig
from kalm_data.core.config.shards import ShardsConfig
from kalm_data.core.config.train import TrainConfig
from kalm_data.core.errors import InputError
from kalm_data.core.folders import refuse_foreign
from kalm_data.core.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from kalm_data.core.summary import Outcome, Progress, RunSummary
    from kalm_data.stages.demo_corpus import DemoCorpus

__all__ = ["MODEL", "TASK", "DemoConfig", "DemoFolder", "EvalResult", "demo", "prepare"]

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASK = "python-docs"


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """What the demo leaves behind."""

    folder: Path

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.json"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def documents(self) -> Path:
        return self.folder / "documents.jsonl"

    @property
    def held_out(self) -> Path:
        return self.folder / "held-out.jsonl"

    @property
    def shards(self) -> Path:
        return self.folder / "shards"

    @property
    def model(self) -> Path:
        return self.folder / "model"


def prepare(
    place: DemoFolder,
    config: DemoConfig,
    on_done: Callable[[RunSummary], None],
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """All stages before the training: import, synth, mine, filter, build-shards."""
    workspace, task, seed = place.workspace, _task(), config.seed
    tasks = [task.name]
    _refuse_another(place, config)
    _write_corpus(place, seed)

    def done(outcome: Outcome[Any]) -> None:
        on_done(outcome.run)

    documents = ImportDocumentsConfig(language="en", licence="PSF-2.0", seed=seed)
    done(
        import_documents(
            workspace, [str(place.documents)], task, documents, on_progress=on_progress
        )
    )
    pairs = ImportPairsConfig(language="en", pos_id="pos_id", as_split="test", seed=seed)
    done(import_pairs(workspace, [str(place.held_out)], task, pairs, on_progress=on_progress))
    queries = SynthConfig(per_doc=config.per_doc, seed=seed)
    done(synth(workspace, tasks, queries, on_progress=on_progress))
    ranking = MineConfig(ranker=f"dense:{MODEL}", negatives=config.negatives, seed=seed)
    done(mine(workspace, tasks, ranking, on_progress=on_progress))
    done(filter_positives(workspace, tasks, FilterConfig(top_k=50), on_progress=on_progress))
    done(
        build_shards(
            workspace, place.shards, tasks, ShardsConfig(seed=seed), on_progress=on_progress
        )
    )


def demo(
    place: DemoFolder,
    config: DemoConfig,
    on_done: Callable[[RunSummary], None],
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome[EvalResult]:
    """The whole pipeline; run again, it redoes only what is missing, and the training."""
    prepare(place, config, on_done, on_progress)
    training = TrainConfig(
        model=MODEL,
        max_length=config.max_length,
        max_steps=config.max_steps,
        batch_size=config.batch_size,
        lr=config.lr,
        temperature=config.temperature,
        negatives=config.negatives,
        dropout=0.0,
        evaluations=0,  # the demo's set has no dev rows
        seed=config.seed,
    )
    trained = train(place.workspace, place.shards, place.model, training, on_progress=on_progress)
    on_done(trained.run)
    return evaluate(
        place.workspace,
        TASK,
        str(place.model),
        EvalConfig(seed=config.seed),
        against=MODEL,
        on_progress=on_progress,
    )


def _task() -> Task:
    return Task(
        name=TASK,
        instruction="Given a description, find the Python object whose documentation matches it.",
        # The name is what synth asks with; documents that began with it would give the answer away.
        document_template="{text}",
        licence="PSF-2.0",
    )


def _refuse_another(place: DemoFolder, config: DemoConfig) -> None:
    """One folder holds one demo: what another seed imported and asked would mix with this one's."""
    recipe = config.model_dump_json(include={"seed", "per_doc", "negatives"})
    if not _was_killed_at_once(place):
        refuse_foreign(place.folder, place.recipe.name)
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{place.folder}: no folder can be made there: {error.strerror}. Name another."
        raise InputError(message) from error
    if not place.recipe.exists():
        _write_lines(place.recipe, [recipe])
    if _read_recipe(place.recipe) != recipe:
        message = f"{place.folder}: another demo ran there. Name another folder, or remove it."
        raise InputError(message)


def _was_killed_at_once(place: DemoFolder) -> bool:
    """Whether a demo made the folder and died before its recipe was there."""
    partial = place.recipe.with_suffix(".partial")
    return partial.is_file() and list(place.folder.iterdir()) == [partial]


def _read_recipe(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        message = f"{file}: not the recipe of a demo ({reason}). Name another folder."
        raise InputError(message) from error


def _write_corpus(place: DemoFolder, seed: int) -> None:
    from kalm_data.engines.python_docs import read_python_docs
    from kalm_data.stages.demo_corpus import make_demo_corpus

    corpus: DemoCorpus = make_demo_corpus(read_python_docs(), seed)
    _write_lines(place.documents, _to_json(corpus.documents))
    _write_lines(place.held_out, _to_json(corpus.queries))


def _to_json(rows: Iterable[Any]) -> Iterator[str]:
    return (json.dumps(asdict(row), ensure_ascii=False) for row in rows)


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    """The file appears whole. Raises InputError where it cannot be written."""
    partial = file.with_suffix(".partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.writelines(line + "\n" for line in lines)
        partial.replace(file)
    except OSError as error:
        message = f"{file}: cannot be written: {error.strerror}. Move it away, or name another."
        raise InputError(message) from error
