"""What a trained model is saved with beside its files: `kalm-data.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from kalm_data.core.trained import RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kalm_data.core.config.train import TrainConfig
    from kalm_data.core.manifest import Manifest
    from kalm_data.core.templates import Templates
    from kalm_data.core.trained import Fitted


def write_record(
    folder: Path,
    shards: Path,
    manifest: Manifest,
    config: TrainConfig,
    templates: Mapping[str, Templates],
    fitted: Fitted,
    identity: str,
) -> None:
    """Settings, set, templates by task and how it went; `core/trained.py` reads it.

    identity: names the training by all that shapes its weights.
    """
    record = {
        "identity": identity,
        "settings": config.model_dump(),
        "shards": manifest.fingerprint,
        "shards_folder": str(shards.resolve()),
        "rows": manifest.rows,
        "templates": {task: asdict(found) for task, found in templates.items()},
        **asdict(fitted),
    }
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
