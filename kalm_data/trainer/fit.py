"""Trains a model on a shard set with sentence-transformers' loop and our loss and batches."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)

from kalm_data.core.errors import InputError
from kalm_data.core.folders import published
from kalm_data.core.templates import Templates, resolve_templates
from kalm_data.core.trained import RECORD, Fitted
from kalm_data.trainer.base_model import load_base, set_up
from kalm_data.trainer.batches import plan_run
from kalm_data.trainer.card import write_card
from kalm_data.trainer.devices import Share
from kalm_data.trainer.feed import Collator
from kalm_data.trainer.loop import Steps, TrainingLoop, Watcher
from kalm_data.trainer.objective import ContrastiveLoss
from kalm_data.trainer.prompts import trained_prompts
from kalm_data.trainer.rows import read_rows
from kalm_data.trainer.sampler import RunSampler, make_loader
from kalm_data.trainer.tokens import PART_TOKENS, Reader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.trainer.base_model import Base
    from kalm_data.trainer.rows import TrainingRows


def fit(
    base: Base,
    shards: Path,
    manifest: Manifest,
    output: Path,
    config: TrainConfig,
    watcher: Watcher,
) -> Fitted:
    """Train `base` on a verified set and save it to `output`.

    `output` appears whole or not at all and loads in plain sentence-transformers. On one CPU with
    one number of threads, equal inputs and seed give equal weights. Left out are examples that
    have `no_negatives`, those that the `task_weight` of their task leaves out of every epoch, and
    those that come after `max_steps`.

    Raises InputError for a model that cannot be loaded, a set with nothing to train on, an
    output folder that holds something else, and a loss that is no number.
    """
    with published(output, RECORD) as folder:
        model = load_base(base.path)
        memory = config.rows_memory_gb * 2**30
        rows = read_rows(
            shards,
            manifest,
            memory,
            texts=config.distinct_positives,
            scored=config.scored_weight > 0,
        )
        if not len(rows):
            message = f"{shards}: no row that could be trained on"
            raise InputError(message)
        untaught = _untaught(shards, rows) if config.distill_weight else 0
        templates = _templates(manifest, base)
        limit = model.max_seq_length
        set_up(model, config)
        fitted = _train(model, rows, templates, folder, config, watcher)
        fitted = replace(fitted, untaught=untaught)
        model.max_seq_length = limit  # trained on less, it still reads as far as its base
        model.prompts = trained_prompts(model.prompts, templates)
        model.save_pretrained(str(folder), create_model_card=False)
        write_card(folder, manifest, config, templates)
        _write_record(folder, shards, manifest, config, templates, fitted)
    return fitted


def _train(
    model: SentenceTransformer,
    rows: TrainingRows,
    templates: Mapping[str, Templates],
    folder: Path,
    config: TrainConfig,
    watcher: Watcher,
) -> Fitted:
    """Tell what is left out, then train in place."""
    plan = plan_run(rows.columns, config, list(templates))
    steps = min(config.max_steps or sys.maxsize, len(plan))
    missed = plan.missed(steps)
    watcher.leave_out("no_negatives", rows.lonely)
    watcher.leave_out("task_weight", rows.example_ids(missed.light[missed.light < rows.examples]))
    watcher.leave_out("max_steps", rows.example_ids(missed.late[missed.late < rows.examples]))
    reader = Reader(
        model.preprocess,
        partial(_cut_among, model),
        config.mini_batch_tokens or PART_TOKENS["cpu" if model.device.type == "cpu" else "cuda"],
        model.max_seq_length,
    )
    loss = ContrastiveLoss(model, config)
    arguments = _arguments(folder, config, steps, model.device)
    process = Share(arguments.process_index, arguments.world_size)
    collator = Collator(reader, templates, config.negatives, config, process)
    loop = TrainingLoop(
        make_loader(rows, RunSampler(plan, steps), collator),
        model=model,
        args=arguments,
        loss=loss,
        data_collator=collator,
        callbacks=[Steps(loss, watcher)],
    )
    loop.train()
    return _summary(loss, len(collator.cut))


def _untaught(shards: Path, rows: TrainingRows) -> int:
    """Rows without a teacher's scores. Raises InputError where none has any."""
    taught = rows.taught()
    if not taught:
        message = f"{shards}: --distill-weight wants scores of positives and negatives, and no row"
        raise InputError(f"{message} has them. Mine with a ranker and build the set again.")
    return rows.examples - taught


def _templates(manifest: Manifest, base: Base) -> dict[str, Templates]:
    prompts = base.query_prompt, base.document_prompt
    return {entry.task.name: resolve_templates(entry.task, *prompts) for entry in manifest.tasks}


def _cut_among(
    model: SentenceTransformer, texts: Sequence[str], tokens: Mapping[str, Any]
) -> list[str]:
    """The texts that are longer than the model reads; only those that fill it are looked at."""
    limit = model.max_seq_length
    mask = tokens.get("attention_mask")
    if limit is None or mask is None or mask.shape[1] < limit:
        return []
    full = [
        text for text, length in zip(texts, mask.sum(1).tolist(), strict=True) if length >= limit
    ]
    return [
        text
        for text in full
        if len(model.tokenizer(text, truncation=False, verbose=False)["input_ids"]) > limit
    ]


def _arguments(
    folder: Path, config: TrainConfig, steps: int, device: torch.device
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.lr,
        warmup_steps=math.ceil(config.warmup_ratio * steps),
        use_cpu=device.type == "cpu",
        bf16=config.precision == "bfloat16",
        seed=config.seed,
        data_seed=config.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device.type == "cuda",
    )


def _summary(loss: ContrastiveLoss, cut: int) -> Fitted:
    given = torch.stack(loss.given).double()
    steps = len(given)
    return Fitted(
        steps=steps,
        loss=float(given.mean()),
        last_loss=float(given[-math.ceil(steps / 10) :].mean()),
        cut=cut,
    )


def _write_record(
    folder: Path,
    shards: Path,
    manifest: Manifest,
    config: TrainConfig,
    templates: Mapping[str, Templates],
    fitted: Fitted,
) -> None:
    record = {
        "settings": config.model_dump(),
        "shards": manifest.fingerprint,
        "shards_folder": str(shards.resolve()),
        "rows": manifest.rows,
        "templates": {task: asdict(found) for task, found in templates.items()},
        "steps": fitted.steps,
        "loss": fitted.loss,
    }
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
