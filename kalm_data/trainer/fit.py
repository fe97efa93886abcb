"""Trains a model on a shard set with sentence-transformers' loop and our loss and batches."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from kalm_data import __version__
from kalm_data.core.errors import InputError
from kalm_data.core.folders import published
from kalm_data.core.seeded import digest
from kalm_data.core.trained import RECORD
from kalm_data.trainer.base_model import load_base, pad_with_end, restore, save_trained, set_up
from kalm_data.trainer.base_shares import mix_in_base
from kalm_data.trainer.batches import plan_run
from kalm_data.trainer.card import write_card
from kalm_data.trainer.checkpoints import checkpoints_of, prepared_checkpoints
from kalm_data.trainer.dev_pairs import read_dev_pairs
from kalm_data.trainer.dev_rows import read_dev
from kalm_data.trainer.dev_scores import DevEvaluator, judge
from kalm_data.trainer.loop import Unwatched, keep_logs
from kalm_data.trainer.objective import ContrastiveLoss
from kalm_data.trainer.processes import is_first, meet_others, wait_for_all
from kalm_data.trainer.prompts import trained_prompts, training_templates
from kalm_data.trainer.record import write_record
from kalm_data.trainer.rows import read_rows
from kalm_data.trainer.sharding import is_sharded, settle_sharding, whole_weights
from kalm_data.trainer.teacher import SavedTeacher
from kalm_data.trainer.training import Work, train_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.templates import Templates
    from kalm_data.core.trained import Fitted
    from kalm_data.trainer.base_model import AsSaved, Models
    from kalm_data.trainer.loop import Watcher
    from kalm_data.trainer.rows import TrainingRows


def fit(
    models: Models,
    shards: Path,
    manifest: Manifest,
    output: Path,
    config: TrainConfig,
    watcher: Watcher,
) -> Fitted:
    """Train the base of `models` on a verified set and save it to `output`.

    `output` appears whole or not at all and loads in plain sentence-transformers. A killed run goes
    on from its last checkpoint and ends as if it had not been killed. On one CPU with one number of
    threads, equal inputs and seed give equal weights. Left out are examples that have
    `no_negatives`, those that the `task_weight` of their task leaves out of every epoch, those that
    come after `max_steps`, and those after an `early_stop`.

    Raises InputError for a model that cannot be loaded, a set with nothing to train on, an
    output folder that holds something else, and a loss that is no number.
    """
    settle_sharding(config)
    meet_others()
    checkpoints = checkpoints_of(output)
    with published(output, RECORD) as folder:
        work = _prepare(models, shards, manifest, config, watcher)
        by_scores = config.distill_weight and not models.teacher
        untaught = _untaught(shards, work.rows) if by_scores else 0
        identity = identity_of(models, manifest, config)
        with prepared_checkpoints(checkpoints, identity, resume=config.resume, warn=watcher.warn):
            wait_for_all()
            fitted = train_model(work, checkpoints, config, watcher)
            fitted = replace(fitted, untaught=untaught)
            work = _in_one_piece(work, models, config)
            fitted = mix_in_base(work.model, models.base, config, work.evaluator, fitted)
            _save(work, folder, manifest, config, fitted)
            write_record(folder, shards, manifest, config, work.templates, fitted, identity)
            keep_logs(checkpoints, folder)
            wait_for_all()
    shutil.rmtree(checkpoints)
    return fitted


def join(
    models: Models, shards: Path, manifest: Manifest, output: Path, config: TrainConfig
) -> None:
    """Take part in `fit` as one of its further processes."""
    settle_sharding(config)
    meet_others()
    watcher = Unwatched()
    work = _prepare(models, shards, manifest, config, watcher)
    wait_for_all()  # until the first process has made the folder
    train_model(work, checkpoints_of(output), config, watcher)
    _in_one_piece(work, models, config)
    wait_for_all()


def judge_saved(
    model: Path, models: Models, shards: Path, manifest: Manifest, config: TrainConfig
) -> dict[str, float]:
    """nDCG@10 by task of a saved model on the dev rows of a set, read as training read them."""
    dev = read_dev(shards, manifest, config.dev_queries, config.dev_documents)
    return judge(load_base(model, config), dev, training_templates(manifest, models.base, config))


def identity_of(models: Models, manifest: Manifest, config: TrainConfig) -> str:
    """Names a training by all that shapes its weights."""
    settings = config.model_dump_json(exclude={"resume", "checkpoint_minutes", "track"})
    contents = models.base.content, models.teacher.content if models.teacher else ""
    return digest("training", __version__, *contents, manifest.fingerprint, settings)


def _prepare(
    models: Models, shards: Path, manifest: Manifest, config: TrainConfig, watcher: Watcher
) -> Work:
    model, saved, note = _read_model(models, config)
    if note:
        watcher.warn(note)
    rows = read_training_rows(shards, manifest, config)
    templates = training_templates(manifest, models.base, config)
    evaluator = _evaluator(shards, manifest, config, templates, watcher)
    teacher = SavedTeacher(models.teacher, manifest) if models.teacher else None
    plan = plan_run(rows.columns, config, list(templates))
    loss = ContrastiveLoss(model, config, teacher)
    return Work(model, saved, rows, templates, evaluator, teacher, plan, loss)


def _read_model(models: Models, config: TrainConfig) -> tuple[SentenceTransformer, AsSaved, str]:
    """The base, set up for training; what it was; what to tell of its tokenizer."""
    model = load_base(models.base.path, config)
    note = pad_with_end(model)
    return model, set_up(model, config, config.seed), note


def _in_one_piece(work: Work, models: Models, config: TrainConfig) -> Work:
    """With a whole model in the first process, if it was sharded. All processes must come here."""
    if not is_sharded(work.model):
        return work
    weights = whole_weights(work.model)
    if not is_first():
        return work
    model, _, _ = _read_model(models, config)
    model.load_state_dict(weights)
    return replace(work, model=model)


def read_training_rows(shards: Path, manifest: Manifest, config: TrainConfig) -> TrainingRows:
    """What a training reads of a set. Raises InputError where there is nothing to train on."""
    rows = read_rows(
        shards,
        manifest,
        config.rows_memory_gb * 2**30,
        texts=config.distinct_positives,
        scored=config.scored_weight > 0,
    )
    if not len(rows):
        message = f"{shards}: no row that could be trained on"
        raise InputError(message)
    return rows


def _untaught(shards: Path, rows: TrainingRows) -> int:
    """Rows without a teacher's scores. Raises InputError where none has any."""
    taught = rows.taught()
    if not taught:
        message = f"{shards}: --distill-weight wants scores of positives and negatives, and no row"
        raise InputError(f"{message} has them. Mine with a ranker and build the set again.")
    return rows.examples - taught


def _evaluator(
    shards: Path,
    manifest: Manifest,
    config: TrainConfig,
    templates: Mapping[str, Templates],
    watcher: Watcher,
) -> DevEvaluator | None:
    """None where nothing is to be judged; that there are no dev rows is told."""
    if not config.evaluations:
        return None
    dev = read_dev(shards, manifest, config.dev_queries, config.dev_documents)
    pairs = read_dev_pairs(shards, manifest, config.dev_queries)
    if dev or pairs:
        return DevEvaluator(dev, pairs, templates)
    remedy = "build-shards --dev-fraction 0.05 writes some"
    if config.patience:
        raise InputError(f"{shards}: no dev rows, by which --patience could stop: {remedy}")
    watcher.warn(f"no dev rows: the last weights are kept, whatever they are worth; {remedy}")
    return None


def _save(
    work: Work, folder: Path, manifest: Manifest, config: TrainConfig, fitted: Fitted
) -> None:
    """Whole, as plain sentence-transformers loads it, with its card."""
    model = work.model
    restore(model, work.saved, config)
    model.prompts = trained_prompts(model.prompts, work.templates)
    save_trained(model, folder)
    write_card(folder, manifest, config, work.templates, fitted)
